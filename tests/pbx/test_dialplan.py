"""What an admin includes: asterisk_conf/ as Asterisk reads it, and the subroutine `offhook` with a scripted agent."""

import asyncio
import base64
import re
import stat
import urllib.parse

import aiohttp
import numpy as np
import pytest

from ari_app.demo.asterisk import DROP_INS, PrivateAsterisk
from ari_app.demo.phone.rtp import RATE

DESTINATION_HZ, FALLBACK_HZ = 523, 262
"""The tones of the private Asterisk's [destinations] and [fallback]."""


class Agent:
    """A Stasis application `offhook` that does what a test tells it."""

    def __init__(self, session, socket, pbx):
        self.session, self.socket, self.url = session, socket, f"{pbx.ari_url}/ari"

    async def event(self, kind):
        """The next event of `kind`."""
        async with asyncio.timeout(5):
            while True:
                event = await self.socket.receive_json()
                if event["type"] == kind:
                    return event

    async def caller(self):
        """The next caller: its channel's id and the arguments of Stasis()."""
        event = await self.event("StasisStart")
        return event["channel"]["id"], event["args"]

    async def post(self, path, **parameters):
        async with self.session.post(f"{self.url}/{path}", params=parameters) as response:
            assert response.status < 300, await response.text()

    async def give_back(self, channel, **variables):
        """Set OFFHOOK_* variables and let the dialplan go on."""
        for name, value in variables.items():
            await self.post(f"channels/{channel}/variable", variable=f"OFFHOOK_{name}", value=value)
        await self.post(f"channels/{channel}/continue")


def login(user, secret):
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"}


def password(file):
    return file.read_text().partition("=")[2].strip()


@pytest.fixture
async def agent(pbx):
    async with (
        aiohttp.ClientSession(headers=login(pbx.ari_username, password(pbx.ari_password_file))) as session,
        session.ws_connect(f"{pbx.ari_url}/ari/events", params={"app": "offhook"}) as socket,
    ):
        yield Agent(session, socket, pbx)


@pytest.fixture
def dialplan(pbx):
    """Adds lines to an extension `try` of the phones, below what keeps the results; removes them afterwards."""
    pbx.command("dialplan add extension try,1,Gosub(keep-results,s,1) into phones")

    def add(*applications):
        for priority, application in enumerate(applications, 2):
            pbx.command(f'dialplan add extension try,{priority},"{application}" into phones')

    yield add
    pbx.command("dialplan remove extension try@phones")


async def heard_tone(call, hertz):
    """Wait until the call hears a tone of `hertz` for half a second."""
    async with asyncio.timeout(10):
        while True:
            at = await call.wait_for_speech()
            await asyncio.sleep(0.5)
            audio = call.hearing.audio(at, at + 0.5).astype(float)
            spectrum = np.abs(np.fft.rfft(audio))
            if abs(np.argmax(spectrum) * RATE / len(audio) - hertz) < 5:
                return


async def over(call):
    async with asyncio.timeout(5):
        await call.ended.wait()


async def results(pbx, call):
    return await asyncio.to_thread(pbx.results, call.id)


def test_the_very_files_load_without_a_word(asterisk_install):
    with PrivateAsterisk(asterisk_install) as box:
        complaints = re.findall(r".*(?:WARNING|ERROR)\[.*", box.log_file.read_text())
        for file in DROP_INS.glob("*.conf"):
            assert (box.folder / "etc/offhook" / file.name).read_bytes() == file.read_bytes()
        modules = re.findall(r"(?m)^load = (\S+)\.so", (DROP_INS / "modules_offhook.conf").read_text())
        running = box.command("module show")
    assert complaints == []
    assert [name for name in modules if not re.search(rf"(?m)^{name}\.so .*Running", running)] == []


def test_secrets_are_for_the_owner_only(pbx):
    for file in (pbx.ari_password_file, pbx.ami_password_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_without_secrets_nobody_gets_in_and_others_are_not_disturbed(asterisk_install):
    with PrivateAsterisk(asterisk_install) as box:
        for conf, field in (("ari", "password"), ("manager", "secret")):
            file = box.folder / f"etc/offhook/{conf}_offhook.conf"
            file.write_text(file.read_text().replace("[offhook]", "[newcomer]").replace("_secret", "_no_such"))
            with (box.folder / f"etc/{conf}.conf").open("a") as main:
                main.write(f"\n[other]\n{field} = known\n" + "type = user\n" * (conf == "ari"))
        box.command("module reload res_ari.so")
        box.command("manager reload")
        assert [await ari_status(box, "newcomer", secret) for secret in ("", "known")] == [401, 401]
        assert await ari_status(box, "other", "known") == 200
        assert "Response: Error" in (await manager(box, "", user="newcomer"))[0]
        assert "Response: Success" in (await manager(box, "known", user="other"))[0]


async def manager(pbx, secret, *actions, user="offhook"):
    """Log in to AMI and return each action's answer, the login's first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pbx.ami_port)
    try:
        answers = []
        for number, action in enumerate((f"Login\r\nUsername: {user}\r\nSecret: {secret}", *actions)):
            writer.write(f"Action: {action}\r\nActionID: {number}\r\n\r\n".encode())
            answer = ""
            while f"ActionID: {number}\r\n" not in answer:  # greeting and events
                answer = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
            answers.append(answer)
        return answers
    finally:
        writer.close()
        await writer.wait_closed()


async def test_the_manager_user_may_record_but_not_call(pbx, phone):
    call = await phone.call("echo")
    (channel,) = await asyncio.to_thread(pbx.channels)
    logged_in, record, stop, originate, command = await manager(
        pbx,
        password(pbx.ami_password_file),
        f"MixMonitor\r\nChannel: {channel}\r\nFile: {pbx.folder}/mixed.wav",
        f"StopMixMonitor\r\nChannel: {channel}",
        "Originate\r\nChannel: Local/echo@phones\r\nApplication: Wait",
        "Command\r\nCommand: core show version",
    )
    await call.hang_up()
    assert ["Response: Success" in answer for answer in (logged_in, record, stop)] == [True] * 3
    assert ["Permission denied" in answer for answer in (originate, command)] == [True] * 2


async def test_a_wrong_manager_secret_is_refused(pbx):
    assert "Response: Error" in (await manager(pbx, "guessed"))[0]


async def ari_status(pbx, user, secret):
    async with (
        aiohttp.ClientSession(headers=login(user, secret)) as session,
        session.get(f"{pbx.ari_url}/ari/channels") as response,
    ):
        return response.status


async def test_a_wrong_ari_password_is_refused(pbx):
    assert await ari_status(pbx, "offhook", "guessed") == 401
    assert await ari_status(pbx, "offhook", password(pbx.ari_password_file)) == 200


async def test_no_agent_running_is_a_failure_that_the_dialplan_sees(pbx, phone):
    call = await phone.call("agent-receptionist")
    await heard_tone(call, FALLBACK_HZ)
    await call.hang_up()
    assert await results(pbx, call) == {"OFFHOOK_STATUS": "FAILED", "OFFHOOK_REASON": "not_running"}


async def test_a_bridge_that_is_there_is_seen(pbx, agent):
    await agent.post("bridges", type="mixing", bridgeId="somewhere")
    assert pbx.bridges() == ["somewhere"]
    async with agent.session.delete(f"{agent.url}/bridges/somewhere") as response:
        assert response.status == 204


async def test_results_reach_the_dialplan(pbx, phone, agent):
    call = phone.dial("agent-receptionist")
    channel, arguments = await agent.caller()
    assert arguments == ["receptionist"]
    await agent.post(f"channels/{channel}/answer")
    await call.answered()
    summary = 'wants: a booking, 9 o\'clock; "urgent"\nand a call'
    await agent.give_back(channel, STATUS="COMPLETED", SUMMARY=summary, CALL_ID="c1", RECORDING="/r/c1.wav")
    await over(call)
    assert await results(pbx, call) == {
        "OFFHOOK_STATUS": "COMPLETED",
        "OFFHOOK_SUMMARY": summary,
        "OFFHOOK_CALL_ID": "c1",
        "OFFHOOK_RECORDING": "/r/c1.wav",
    }


async def test_further_arguments_arrive_as_they_are(phone, agent, dialplan):
    tricky = 'it said "no", (twice) \\ and ${EXTEN} $[1+1] 100%; all\'s well'
    dialplan(
        f"Set(TRICKY=${{URIDECODE({urllib.parse.quote(tricky, safe='')})}})",
        "Gosub(offhook,s,1(sales,name=Ann,${QUOTE(note=${TRICKY})},,last=1))",
    )
    call = phone.dial("try")
    _, arguments = await agent.caller()
    assert arguments == ["sales", "name=Ann", f"note={tricky}", "", "last=1"]
    await call.close()


async def test_results_of_an_earlier_agent_are_gone(pbx, phone, agent, dialplan):
    dialplan("Gosub(offhook,s,1(first))", "Gosub(offhook,s,1(second))", "Hangup()")
    call = phone.dial("try")
    channel, _ = await agent.caller()
    await agent.post(f"channels/{channel}/answer")
    await agent.give_back(channel, STATUS="TRANSFER", TRANSFER_TO="destinations,sales,1", REASON="asked", CALL_ID="1")
    channel, _ = await agent.caller()
    await agent.give_back(channel)
    await over(call)
    assert await results(pbx, call) == {"OFFHOOK_STATUS": "FAILED", "OFFHOOK_REASON": "no_result"}


async def test_the_caller_hangs_up_inside(pbx, phone, agent):
    call = phone.dial("agent-receptionist")
    channel, _ = await agent.caller()
    await agent.post(f"channels/{channel}/answer")
    await call.answered()
    await call.hang_up()
    await agent.event("StasisEnd")
    assert await results(pbx, call) == {"OFFHOOK_STATUS": "HANGUP", "OFFHOOK_REASON": "caller_hung_up"}


async def test_the_agent_hangs_up_with_a_result(pbx, phone, agent):
    call = phone.dial("agent-receptionist")
    channel, _ = await agent.caller()
    await agent.post(f"channels/{channel}/answer")
    await call.answered()
    await agent.post(f"channels/{channel}/variable", variable="OFFHOOK_STATUS", value="COMPLETED")
    async with agent.session.delete(f"{agent.url}/channels/{channel}") as response:
        assert response.status == 204
    await over(call)
    assert await results(pbx, call) == {"OFFHOOK_STATUS": "COMPLETED"}


async def test_h_of_the_calling_context_runs(pbx, phone, agent, dialplan):
    pbx.command('dialplan add extension h,1,"Set(KEYS=h saw ${OFFHOOK_STATUS})" into phones')
    try:
        call = phone.dial("agent-receptionist")
        channel, _ = await agent.caller()
        await agent.post(f"channels/{channel}/answer")
        await call.answered()
        await call.hang_up()
        assert (await results(pbx, call))["KEYS"] == "h saw HANGUP"
    finally:
        pbx.command("dialplan remove extension h@phones")


@pytest.mark.parametrize(
    ("to", "tone"),
    [
        ("destinations,billing,1", DESTINATION_HZ),
        ("nowhere,s,1", FALLBACK_HZ),
        ("1", FALLBACK_HZ),
        ("", FALLBACK_HZ),
        ("destinations,billing", FALLBACK_HZ),
        ("phones,echo,1&destinations,billing,1", FALLBACK_HZ),
        ("destinations,billing,1)", DESTINATION_HZ),
        ('"] = 0?', FALLBACK_HZ),
        ("${GLOBAL(X)},s,1", FALLBACK_HZ),
    ],
)
async def test_a_transfer_goes_where_it_should(pbx, phone, agent, to, tone):
    call = phone.dial("agent-receptionist")
    channel, _ = await agent.caller()
    await agent.post(f"channels/{channel}/answer")
    await call.answered()
    await agent.give_back(channel, STATUS="TRANSFER", TRANSFER_TO=to)
    await heard_tone(call, tone)
    await call.hang_up()
    assert (await results(pbx, call)).get("OFFHOOK_TRANSFER_TO", "") == to

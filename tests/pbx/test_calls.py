"""Whole calls: a phone, a real Asterisk, `offhook run` with the real engines."""

import asyncio
import wave

import numpy as np
import pytest

from ari_app.demo.phone import Phone
from ari_app.engines.tts import PiperTts
from ari_app.metrics import STAGES
from ari_app.settings import TtsSettings
from tests.pbx.box import ask, desk, greeted, heard_since, likeness, line, open_files, spoken

GREETING = "Lakeside Clinic, how can I help you?"
HOURS = "We are open Monday to Friday from eight to six, and Saturday from nine to one."
GOODBYE = "You are welcome. Goodbye."
SURE = 0.95
"""Likeness from which speech is what it should be, and whole: a lost frame costs more."""
DESTINATION_HZ, FALLBACK_HZ = 523, 262


@pytest.fixture(scope="module")
def shop(pbx, tmp_path_factory):
    """The demonstration agent with its defaults."""
    talker = {"greeting": f"{HOURS} " * 5}
    with desk(pbx, tmp_path_factory.mktemp("agent"), agents={"talker": talker}) as running:
        yield running


@pytest.fixture
async def voice():
    """The agent's voice, to recognise it by."""
    engine = PiperTts(TtsSettings())
    yield engine
    await engine.close()


def words(text):
    return "".join(c if c.isalnum() or c in " '" else " " for c in text.lower()).split()


def alike(heard, expected):
    """The share of the expected words that were heard, in any order."""
    expected, heard = words(expected), words(heard)
    return sum(word in heard for word in expected) / len(expected)


def pitch_hz(samples):
    """The strongest frequency of 8 kHz audio."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / 8000)[spectrum.argmax()])


async def tone_after(call, seconds=0.5):
    """The pitch that the caller hears now."""
    begin = await call.wait_for_speech()
    await asyncio.sleep(seconds + 0.1)
    return pitch_hz(call.hearing.audio(begin, begin + seconds))


@pytest.mark.parametrize("listen", ["direct", "snoop"])
@pytest.mark.parametrize("transport", ["websocket", "audiosocket", "rtp"])
async def test_words_cross_every_path_both_ways(own_pbx, tmp_path, voice, transport, listen):
    with desk(own_pbx, tmp_path, media={"transport": transport, "listen": listen}) as running:
        async with Phone(own_pbx.sip_port) as phone:
            call = await greeted(phone)
            said = await ask(call, "booking-1")
            greeting, answer = heard_since(call, call.dialled_at), heard_since(call, said.last_loud_at)
            await call.press("42#")
            await call.wait_for_speech()
            await call.wait_for_quiet(0.8)
            await ask(call, "booking-7")
            await asyncio.wait_for(call.ended.wait(), 10)
        record = await running.record(call)
    assert [turn.caller_text for turn in record.turns] == [
        "",
        "hello what are your opening hours",
        "four two",
        "no thank you that's all",
    ]
    assert await spoken(voice, greeting, GREETING) > SURE
    assert await spoken(voice, answer, HOURS) > SURE
    assert await spoken(voice, greeting, GOODBYE) < 0.5, "a likeness that proves nothing"
    assert record.end.status == "COMPLETED"
    assert (record.start.transport, record.start.listen) == (transport, listen)


async def test_both_codecs_and_a_phone_that_suppresses_silence(shop, pbx, voice):
    async def asks(codec):
        async with Phone(pbx.sip_port) as phone:
            call = await greeted(phone, codec=codec, suppress_silence=codec == "alaw")
            said = await ask(call, "directions-1")
            answer = heard_since(call, said.last_loud_at)
            await call.hang_up()
        assert await spoken(voice, answer, "We are at twelve Harbor Street, next to the station.") > SURE, codec
        record = await shop.record(call)
        assert record.turns[1].caller_text == "where are you located", codec
        assert (record.end.status, record.end.reason) == ("HANGUP", "caller_hung_up"), codec

    await asyncio.gather(asks("ulaw"), asks("alaw"))


async def test_the_caller_interrupts_and_is_answered(shop, phone):
    call = await phone.call("agent-talker")
    await call.wait_for_speech(call.dialled_at)
    await asyncio.sleep(2.0)
    said = asyncio.create_task(call.say(line("booking-1")))
    await call.wait_for_quiet(0.3, timeout_s=5)
    moment = await said
    spoke_next = call.hearing.first_loud(moment.last_loud_at - 0.2)
    assert spoke_next is None or spoke_next > moment.last_loud_at, "still talking at the caller's last word"
    await call.wait_for_speech(moment.last_loud_at)
    await call.wait_for_quiet(0.8)
    await call.hang_up()
    greeting, answer = (await shop.record(call)).turns
    assert greeting.interrupted
    assert 0 < len(words(greeting.agent_text)) < len(words(greeting.agent_said)) / 2
    assert words(greeting.agent_said)[: len(words(greeting.agent_text))] == words(greeting.agent_text)
    assert alike(answer.agent_text, HOURS) == 1


async def test_keys_are_heard_both_kinds(shop, pbx):
    async def types(method):
        async with Phone(pbx.sip_port) as phone:
            call = await greeted(phone)
            await ask(call, "message-1")
            await ask(call, "message-2")
            await call.press("4175#", method)
            await call.wait_for_speech()
            await call.wait_for_quiet(0.8)
            await call.hang_up()
        turn = (await shop.record(call)).turns[-1]
        assert (turn.trigger, turn.caller_text) == ("dtmf", "four one seven five"), method
        assert "Is that correct?" in turn.agent_text, method

    await asyncio.gather(types("rfc4733"), types("info"))


async def test_a_transfer_reaches_the_extension_that_is_configured(shop, phone):
    call = await greeted(phone)
    said = await call.say(line("billing-1"))
    await call.wait_for_speech(said.last_loud_at)
    await call.wait_for_quiet(0.15)
    assert await tone_after(call) == pytest.approx(DESTINATION_HZ, abs=5)
    await call.hang_up()
    results = await shop.results(call)
    assert results["OFFHOOK_STATUS"] == "TRANSFER"
    assert results["OFFHOOK_TRANSFER_TO"] == "destinations,billing,1"
    written = (shop.pbx.folder / "written").read_text().split()
    assert results["OFFHOOK_CALL_ID"] in written, "Asterisk distrusts the dialplan after the agent"
    record = await shop.record(call)
    assert [(tool.name, tool.arguments, tool.result) for tool in record.tools] == [
        ("transfer", {"to": "billing"}, "accepted: destinations,billing,1")
    ]


@pytest.mark.parametrize("moment", ["dialling", "greeting", "speech", "thinking", "silence"])
async def test_the_caller_hangs_up_whenever_it_likes(shop, phone, moment):
    call = await phone.call("agent-receptionist")
    if moment != "dialling":
        await call.wait_for_speech(call.dialled_at)
    if moment in ("speech", "thinking", "silence"):
        await call.wait_for_quiet(0.8)
    if moment == "speech":
        asyncio.get_running_loop().call_later(0.7, lambda: saying.cancel())
        saying = asyncio.create_task(call.say(line("booking-2")))
        await asyncio.wait([saying])
    elif moment == "thinking":
        await call.say(line("booking-1"))
        await asyncio.sleep(0.4)
    await call.hang_up()
    results = await shop.results(call)
    assert results["OFFHOOK_STATUS"] == "HANGUP"
    if results.get("OFFHOOK_CALL_ID"):
        assert (await shop.record(call)).end.status == "HANGUP"


async def test_an_unknown_agent_is_refused_to_the_dialplan(shop, phone):
    call = await phone.call("agent-nobody")
    assert await tone_after(call) == pytest.approx(FALLBACK_HZ, abs=5)
    await call.hang_up()
    results = await shop.results(call)
    assert (results["OFFHOOK_STATUS"], results["OFFHOOK_REASON"]) == ("REFUSED", "unknown_agent")
    record = await shop.record(call)
    assert (record.start.agent, record.end.status, record.turns) == ("nobody", "REFUSED", ())


async def test_silence_is_asked_about_and_ends_the_call(own_pbx, tmp_path):
    with desk(own_pbx, tmp_path, turn={"no_input_ms": 1000}) as running:
        async with Phone(own_pbx.sip_port) as phone:
            call = await phone.call("agent-receptionist")
            await asyncio.wait_for(call.ended.wait(), 40)
            results = await running.results(call)
            record = await running.record(call)
    assert (results["OFFHOOK_STATUS"], results["OFFHOOK_REASON"]) == ("COMPLETED", "no_input")
    assert [turn.trigger for turn in record.turns] == ["greeting", "silence", "silence", "closing"]


async def test_the_line_is_never_quiet_for_the_network(shop, phone):
    """Comfort silence: an idle agent still sends a packet every 20 ms, for NATs, phones and recordings."""
    call = await greeted(phone)
    before = len(call.hearing.frames)
    await asyncio.sleep(2.0)
    frames = call.hearing.frames[before:]
    await call.hang_up()
    assert not any(frame.loud for frame in frames)
    assert len(frames) >= 90


def read_wav(path):
    with wave.open(str(path)) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, wav.getnchannels())
        return samples.T, wav.getframerate()


@pytest.mark.parametrize("mode", ["legs", "bridge", "off"])
async def test_recording_in_each_mode(own_pbx, tmp_path, voice, mode):
    with desk(own_pbx, tmp_path, recording={"mode": mode}) as running:
        async with Phone(own_pbx.sip_port) as phone:
            call = await greeted(phone)
            await ask(call, "booking-1")
            await ask(call, "booking-7")
            await asyncio.wait_for(call.ended.wait(), 10)
        record = await running.record(call)
        results = await running.results(call)
    audio = list(tmp_path.rglob("*.wav"))
    if mode == "off":
        assert (record.end.recording, results.get("OFFHOOK_RECORDING"), audio) == (None, None, [])
        return
    assert [str(file) for file in audio] == [record.end.recording] == [results["OFFHOOK_RECORDING"]]
    channels, rate = read_wav(record.end.recording)
    assert (len(channels), rate) == ({"legs": 2, "bridge": 1}[mode], 8000)
    for text in (GREETING, HOURS, GOODBYE):
        assert await spoken(voice, channels[-1], text) > SURE, text
    if mode == "legs":
        for name in ("booking-1", "booking-7"):
            assert likeness(line(name), channels[0]) > SURE, name
        assert await spoken(voice, channels[0], GREETING) < 0.5, "the agent is on the caller's side"


async def test_twenty_calls_leave_nothing_behind(shop, pbx):
    async def one_call():
        async with Phone(pbx.sip_port) as phone:
            call = await phone.call("agent-receptionist")
            await call.wait_for_speech(call.dialled_at)
            await call.hang_up()
            return await shop.record(call)

    await one_call()  # what a first call opens stays open for all
    threads = shop.agent.folder / "recordings"
    files = open_files(shop.agent.pid)
    records = [await one_call() for _ in range(20)]
    async with asyncio.timeout(10):
        while pbx.channels() or pbx.bridges() or open_files(shop.agent.pid) > files:
            await asyncio.sleep(0.1)
    assert all(record.end.status == "HANGUP" and record.end.recording for record in records)
    assert not list(threads.glob("*-caller.wav")) + list(threads.glob("*-agent.wav"))
    log = shop.agent.log_file.read_text()
    assert "Traceback" not in log
    assert "never awaited" not in log


async def test_a_crash_in_a_call_is_survived_by_the_caller(own_pbx, tmp_path):
    """The process dies; the next one finds the caller waiting in the application, sweeps, and talks."""
    async with Phone(own_pbx.sip_port) as phone:
        with desk(own_pbx, tmp_path) as running:
            call = await greeted(phone)
            running.agent.kill()
            with desk(own_pbx, tmp_path) as successor:
                again = await call.wait_for_speech(timeout_s=15)
                await call.wait_for_quiet(0.8)
                await ask(call, "booking-1")
                assert call.hearing.first_loud(again)
                await call.hang_up()
                record = await successor.record(call)
    assert [turn.caller_text for turn in record.turns] == ["", "hello what are your opening hours"]


async def test_shutdown_gives_the_caller_back_to_the_dialplan(own_pbx, tmp_path):
    async with Phone(own_pbx.sip_port) as phone:
        with desk(own_pbx, tmp_path) as running:
            call = await greeted(phone)
            status = await asyncio.to_thread(running.agent.stop)
            assert await tone_after(call) == pytest.approx(FALLBACK_HZ, abs=5)
            await call.hang_up()
            results = await running.results(call)
    assert status == 0
    assert (results["OFFHOOK_STATUS"], results["OFFHOOK_REASON"]) == ("FAILED", "shutdown")


async def test_two_callers_at_once_do_not_hear_each_other(shop, pbx):
    before = await shop.metrics()
    async with Phone(pbx.sip_port) as phone:
        first, second = await asyncio.gather(greeted(phone), greeted(phone))
        await asyncio.gather(ask(first, "booking-1"), ask(second, "directions-1"))
        await asyncio.gather(first.hang_up(), second.hang_up())
        records = await asyncio.gather(shop.record(first), shop.record(second))
    assert [record.turns[1].caller_text for record in records] == [
        "hello what are your opening hours",
        "where are you located",
    ]
    assert alike(records[0].turns[1].agent_text, HOURS) == 1
    assert "Harbor Street" in records[1].turns[1].agent_text
    after = await shop.metrics()
    gained = {key: value - before.get(key, 0) for key, value in after.items()}
    assert [gained["offhook_turn_stage_seconds_count", stage] for stage in STAGES] == [2] * len(STAGES)
    assert gained["offhook_gap_seconds_count",] == 2
    assert gained["offhook_calls_total", "caller_hung_up", "HANGUP"] == 2
    assert all(gained["offhook_engine_jobs_total", engine] >= 2 for engine in ("stt", "tts", "llm"))
    assert gained["offhook_llm_cached_tokens_total",] > gained["offhook_llm_prompt_tokens_total",] > 0
    assert after["offhook_live_calls",] == 0

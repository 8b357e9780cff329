"""What comes in on the line and is no caller's turn: fax tones, hold, the agent's own echo, an announcement."""

import asyncio
import time

import numpy as np
import pytest

from ari_app.demo.phone import CallFailed
from tests.pbx.box import desk, greeted, line

HOURS = "We are open Monday to Friday from eight to six, and Saturday from nine to one."
RATE, FRAME = 8000, 160
NO_INPUT_S = 3.0


@pytest.fixture(scope="module")
def shop(pbx, tmp_path_factory):
    """The demonstration agent, which does not wait long, one that talks for a quarter of a minute, and one that lets
    the caller finish whatever the words so far are."""
    agents = {"talker": {"greeting": f"{HOURS} " * 3}, "patient": {"endpoint_min_ms": 900, "endpoint_ms": 900}}
    turn = {"no_input_ms": round(NO_INPUT_S * 1000)}
    with desk(pbx, tmp_path_factory.mktemp("agent"), agents=agents, turn=turn) as running:
        yield running


def tone(*hertz, on, off, count):
    time = np.arange(round(on * RATE)) / RATE
    burst = sum(4000 * np.sin(2 * np.pi * frequency * time) for frequency in hertz)
    return np.tile(np.concatenate([burst, np.zeros(round(off * RATE))]), count).astype(np.int16)


TONES = {
    "a fax that calls": (tone(1100, on=0.5, off=3.0, count=3), "fax"),
    "a fax that answers": (tone(2100, on=3.0, off=0.0, count=1), "fax"),
    "a dead line": (tone(425, on=0.48, off=0.48, count=8), "line_tone"),
}


@pytest.mark.parametrize("name", TONES)
async def test_a_tone_leaves_to_the_dialplan(shop, phone, name):
    samples, reason = TONES[name]
    call = await greeted(phone)
    saying = asyncio.create_task(call.say(samples))
    results = await shop.results(call)
    assert (results["OFFHOOK_STATUS"], results["OFFHOOK_REASON"]) == ("COMPLETED", reason)
    saying.cancel()
    await asyncio.wait([saying])
    await call.hang_up()
    assert all(turn.trigger in ("greeting", "silence") for turn in (await shop.record(call)).turns)


async def test_a_caller_on_hold_is_not_spoken_to(shop, phone):
    call = await phone.call("agent-talker")
    await call.wait_for_speech(call.dialled_at)
    await asyncio.sleep(2.0)
    await call.hold("sendonly")
    held_at = call.hearing.frames[-1].at
    await asyncio.sleep(NO_INPUT_S + 2.0)
    assert call.hearing.first_loud(held_at + 0.2) is None, "the agent went on"
    await call.resume()
    back_at = await call.wait_for_speech(timeout_s=3.0)
    last = await call.wait_for_quiet(0.8)
    assert last - back_at > 5.0, "most of what was to be said came after the hold"
    await call.hang_up()
    (greeting,) = (await shop.record(call)).turns
    assert greeting.agent_text == greeting.agent_said, "something was lost"
    assert not greeting.interrupted


async def test_silence_on_hold_is_not_asked_about(shop, phone):
    call = await greeted(phone)
    await call.hold("inactive")
    await asyncio.sleep(2 * NO_INPUT_S)
    await call.resume()
    resumed_at = time.monotonic()
    asked_at = await call.wait_for_speech(resumed_at)
    assert asked_at - resumed_at > NO_INPUT_S - 0.5, "the silence counts from the caller's return"
    await call.wait_for_quiet(0.8)
    await call.hang_up()
    turns = (await shop.record(call)).turns
    assert [turn.trigger for turn in turns] == ["greeting", "silence"]


class Speakerphone:
    """Sends back what a call hears, later and quieter, mixed with what is said into it."""

    def __init__(self, call, loss_db, delay_s=0.12):
        self._call = call
        self._gain = 10 ** (-loss_db / 20)
        self._delay_s = delay_s
        self._voice = np.zeros(0, np.int16)
        self._frames = set()

    def say(self, pcm):
        self._voice = np.frombuffer(pcm, np.int16)

    async def run(self):
        """Until cancelled: one frame goes out for each that came."""
        call, done = self._call, len(self._call.hearing.frames)
        self._send(np.zeros(round(self._delay_s * RATE), np.int16))
        while True:
            for frame in call.hearing.frames[done:]:
                echo = self._gain * np.frombuffer(frame.pcm, np.int16)
                voice, self._voice = self._voice[: len(echo)], self._voice[len(echo) :]
                echo[: len(voice)] += voice
                self._send(np.clip(echo, -32768, 32767).astype(np.int16))
                done += 1
            await asyncio.sleep(0.01)

    def _send(self, samples):
        task = asyncio.create_task(self._call.say(samples))
        self._frames.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task):
        self._frames.discard(task)
        if not task.cancelled():
            task.exception()  # the call may end at any time


@pytest.fixture
async def speakerphone():
    """speakerphone(call, loss_db): the call's speakerphone, which runs until the test ends."""
    tasks = []

    def start(call, loss_db):
        box = Speakerphone(call, loss_db)
        tasks.append(asyncio.create_task(box.run()))
        return box

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_the_agents_own_echo_does_not_stop_it(shop, phone, speakerphone):
    call = await phone.call("agent-talker")
    speakerphone(call, 12)
    await call.wait_for_speech(call.dialled_at)
    await call.wait_for_quiet(0.8)
    await asyncio.sleep(1.0)  # echo that was taken for a turn would be answered by now
    await call.hang_up()
    record = await shop.record(call)
    (greeting,) = record.turns
    assert greeting.agent_text == greeting.agent_said
    assert not greeting.interrupted
    assert record.end.counts.get("holds", 0) <= 1, "one that goes on by itself is no stop"


async def test_a_caller_interrupts_over_the_echo(shop, phone, speakerphone):
    call = await phone.call("agent-talker")
    box = speakerphone(call, 15)
    await call.wait_for_speech(call.dialled_at)
    await asyncio.sleep(2.0)
    box.say(line("booking-1"))
    await call.wait_for_quiet(0.3, timeout_s=5)
    await call.wait_for_speech(timeout_s=5)
    await call.wait_for_quiet(0.8)
    await call.hang_up()
    greeting, answer = (await shop.record(call)).turns
    assert greeting.interrupted
    assert answer.caller_text == "hello what are your opening hours"
    assert answer.agent_text == HOURS


async def test_an_announcement_that_repeats_for_ever_ends(shop, phone):
    call = await greeted(phone, "agent-patient")

    async def announce():
        while True:
            await call.say(line("booking-2"))
            await asyncio.sleep(2.0)

    with pytest.raises(CallFailed):
        await asyncio.wait_for(announce(), 60)
    results = await shop.results(call)
    assert (results["OFFHOOK_STATUS"], results["OFFHOOK_REASON"]) == ("COMPLETED", "no_person")

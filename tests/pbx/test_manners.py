"""How the agent takes turns on a real call: it waits, drafts, holds, goes on, fills and discloses as configured."""

import asyncio
import json
import sys

import numpy as np
import pytest

from ari_app.demo.phone import Phone
from ari_app.demo.phone.rtp import RATE
from ari_app.engines.tts import PiperTts
from ari_app.settings import TtsSettings
from tests.pbx.box import desk, greeted, heard_since, likeness, line, spoken

HOURS = "We are open Monday to Friday from eight to six, and Saturday from nine to one."
GREETING = "Lakeside Clinic, how can I help you?"
DISCLOSURE = "This call is recorded for training, and nobody can interrupt me."
FILLER = "One moment, please."
SURE = 0.95
"""Likeness from which speech is what it should be, and whole: a lost frame costs more."""


@pytest.fixture(scope="module")
def shop(pbx, tmp_path_factory):
    """Agents with different manners on one process."""
    agents = {
        "talker": {"greeting": f"{HOURS} " * 2},
        "careful": {"disclosure": DISCLOSURE, "greeting": GREETING},
        "patient": {"greeting": GREETING, "endpoint_min_ms": 800, "endpoint_ms": 800},
        "quick": {"greeting": GREETING, "endpoint_min_ms": 150, "endpoint_ms": 300, "endpoint_max_ms": 700},
    }
    with desk(pbx, tmp_path_factory.mktemp("agent"), agents=agents) as running:
        yield running


@pytest.fixture
async def voice():
    """The agent's voice; here also a caller's, and what speech is recognised by."""
    engine = PiperTts(TtsSettings())
    yield engine
    await engine.close()


async def say(call, voice, *parts):
    """Say texts and pauses (in seconds) as one stretch of audio, and wait until the answer is over."""
    pieces = [
        np.zeros(int(part * RATE), np.int16) if isinstance(part, float) else await voice.speak(part, RATE)
        for part in parts
    ]
    said = await call.say(np.concatenate([*pieces, np.zeros(RATE // 50, np.int16)]))
    await call.wait_for_speech(said.last_loud_at)
    await call.wait_for_quiet(0.8)
    return said


async def turns_of(shop, call):
    await call.hang_up()
    record = await shop.record(call)
    return record.turns[1:], record.end.counts


async def test_whole_words_end_a_turn_sooner_than_words_that_trail_off(shop, phone, voice):
    call = await greeted(phone)
    await say(call, voice, "what are your opening hours")
    await say(call, voice, "my number is nine two")
    (whole, open_), counts = await turns_of(shop, call)
    assert (whole.endpoint_ms, open_.endpoint_ms) == (240, 1200)
    assert counts["drafts_used"] >= 1
    assert whole.stages_ms["first_token"] < whole.stages_ms["endpoint"] <= whole.stages_ms["first_frame_sent"]
    assert whole.agent_text == HOURS


async def test_an_agent_can_have_its_own_patience(shop, phone, voice):
    call = await greeted(phone, "agent-quick")
    await say(call, voice, "what are your opening hours")
    (turn,), _ = await turns_of(shop, call)
    assert turn.endpoint_ms == 150


async def test_a_number_in_groups_is_one_turn(shop, phone, voice):
    call = await greeted(phone)
    await say(call, voice, "my number is nine two", 0.8, "eight four")
    (turn,), counts = await turns_of(shop, call)
    assert turn.caller_text.startswith("my number is nine two")
    assert "eight four" in turn.caller_text
    assert counts.get("drafts", 0) <= 1, "nothing is drafted for half a number"


async def test_a_draft_is_thrown_away_without_a_trace_when_the_caller_goes_on(shop, phone, voice):
    call = await greeted(phone, "agent-patient")
    begun = call.hearing.frames[-1].plays_at
    said = await say(call, voice, "how much is a cleaning", 0.3, "thank you goodbye")
    (turn,), counts = await turns_of(shop, call)
    assert "cleaning" in turn.caller_text
    assert "goodbye" in turn.caller_text
    assert (counts["drafts"], counts["drafts_used"]) == (2, 1)
    silent_until = call.hearing.first_loud(begun)
    assert silent_until > said.last_loud_at, "spoke while the caller did"


async def test_a_backchannel_lets_the_agent_go_on_to_its_last_word(shop, phone, voice):
    call = await phone.call("agent-talker")
    await call.wait_for_speech(call.dialled_at)
    await asyncio.sleep(1.5)
    await call.say(await voice.speak("yeah", RATE))
    await call.wait_for_quiet(0.8)
    heard = heard_since(call, call.dialled_at)
    await call.hang_up()
    record = await shop.record(call)
    (greeting,) = record.turns
    assert not greeting.interrupted
    assert greeting.agent_text == greeting.agent_said
    assert record.end.counts["holds"] >= 1
    assert record.end.counts["false_alarms"] == record.end.counts["holds"]
    rest = (await voice.speak(greeting.agent_said, RATE))[4 * RATE :]
    # It goes on between two samples of the telephone's 8 kHz, which costs likeness; a break would cost half of it.
    assert likeness(rest, heard) > 0.9, "what followed is heard without another break"


async def test_a_disclosure_is_said_to_its_end(shop, phone, voice):
    call = await phone.call("agent-careful")
    await call.wait_for_speech(call.dialled_at)
    await call.say(line("booking-1")[: int(1.5 * RATE)])
    await call.press("5")
    await call.wait_for_quiet(0.8)
    heard = heard_since(call, call.dialled_at)
    await call.hang_up()
    record = await shop.record(call)
    assert record.turns[0].agent_text == DISCLOSURE
    assert not record.turns[0].interrupted
    assert await spoken(voice, heard, DISCLOSURE) > SURE


async def test_a_slow_reply_is_preceded_by_a_filler_and_never_beside_it(own_pbx, tmp_path, voice):
    turn = {"speculate": 0, "partial_ms": 0, "filler_ms": 1}
    with desk(own_pbx, tmp_path, turn=turn) as shop:
        async with Phone(own_pbx.sip_port) as phone:
            call = await greeted(phone)
            said = await say(call, voice, "what are your opening hours")
            heard = heard_since(call, said.last_loud_at)
            (answer,), counts = await turns_of(shop, call)
    assert counts["fillers"] == 1
    assert answer.agent_text == HOURS, "the filler is no part of the answer"
    assert await spoken(voice, heard, FILLER) > SURE
    assert await spoken(voice, heard[len(await voice.speak(FILLER, RATE)) :], HOURS) > SURE


async def test_a_recorded_call_is_replayed_with_the_same_words(shop, phone, voice):
    call = await greeted(phone)
    await say(call, voice, "what are your opening hours")
    await say(call, voice, "how much is a cleaning")
    turns, _ = await turns_of(shop, call)
    call_id = (await shop.results(call))["OFFHOOK_CALL_ID"]
    command = (sys.executable, "-m", "ari_app.cli", "replay", call_id, "--json", "-c", str(shop.agent.config_file))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0
    replayed = json.loads(printed)["turns"][1:]
    assert [(turn["caller_text"], turn["agent_text"]) for turn in replayed] == [
        (turn.caller_text, turn.agent_text) for turn in turns
    ]

"""What went wrong, or could have: each test is a way in which a call once broke."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from ari_app.call.request import read_request
from ari_app.core.commands import Leave, Outcome, Say, Status, StopSpeaking
from ari_app.core.events import (
    Digit,
    MediaReady,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Timer,
    ToolCalled,
)
from ari_app.core.keypad import Keypad
from ari_app.core.turns import State, TurnMachine
from ari_app.media.transport import DtmfDigit
from ari_app.settings import BargeInSettings, TurnSettings
from tests.component.call.script import AGENT, Desk
from tests.component.call.virtual_time import run

TURN = [(1.0, True), (2.0, False)]
GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']
LONG = "We are open Monday to Friday from eight to six and on Saturday from nine to one."


def machine(**turn):
    made = TurnMachine(AGENT, TurnSettings(**turn), BargeInSettings())
    made.handle(MediaReady(), 0.0)
    made.handle(SpeakingStarted(1), 0.1)
    return made


def test_a_deadline_that_has_passed_is_never_asked_for_again():
    """The caller began to speak over a sentence that fails: the barge-in's timer would have fired for ever."""
    agent = machine()
    agent.handle(SpeechStarted(1.0), 1.05)
    agent.handle(ReplyFailed(1, "engine_failed"), 1.1)
    for _ in range(3):
        now = agent.next_deadline()
        agent.handle(Timer(), now)
    assert agent.state is State.ENDED or agent.next_deadline() > now


def test_a_key_pressed_while_speaking_over_the_agent_leaves_the_speech_a_turn():
    agent = machine()
    agent.handle(SpeechStarted(1.0), 1.05)
    assert agent.handle(Digit("4"), 1.1) == [StopSpeaking(1)]
    assert agent.state is State.CALLER_SPEAKING
    agent.handle(SpeechStopped(2.0), 2.1)
    assert agent.state is State.PAUSING


def test_an_entry_without_end_is_ended():
    keypad = Keypad(1.0)
    assert [keypad.press("1", 0.0) for _ in range(64)] == [False] * 63 + [True]


@pytest.mark.parametrize("seconds", ["9" * 5000, "9" * 400, "0", "-1", "1e3", "²"])
def test_a_limit_that_is_none_is_ignored(seconds):
    assert read_request(["a"], {"OFFHOOK_MAX_SECONDS": seconds}).max_seconds is None


def test_a_model_that_falls_silent_in_the_middle_is_apologised_for():
    async def call():
        desk = Desk(["hello"], [["We are open. And then", 3600.0]])
        return desk, await desk.hold([(1.0, False), *TURN])

    desk, outcome = run(call())
    assert outcome == Outcome(Status.FAILED, "engine_failed")
    assert desk.books.turns[-1].agent_text == AGENT.phrases.apology
    assert desk.books.turns[-1].at_ms < 30_000


def test_a_voice_that_falls_silent_in_the_middle_is_apologised_for():
    async def call():
        desk = Desk(["hello"], [["We are open. ", 1.0, "Really and truly."]])
        await desk.parts.prompts.get(AGENT.phrases.apology, "en", desk.wire.rate)
        speak = desk.voice.speak

        async def stall(text, rate):
            if text.startswith("Really"):
                await asyncio.sleep(3600)
            return await speak(text, rate)

        desk.voice.speak = stall
        return await desk.hold([(1.0, False), *TURN])

    assert run(call()) == Outcome(Status.FAILED, "engine_failed")


def test_a_cough_over_the_answer_leaves_its_waterfall_alone():
    async def call():
        desk = Desk(["hours", "bye"], [[LONG], GOODBYE], barge_in=BargeInSettings(min_speech_ms=400))
        await desk.hold([(1.0, False), (1.0, True), (0.6, False), (0.2, True), (8.0, False), *TURN, (3.0, False)])
        return desk.books.turns

    answer = run(call())[1]
    assert not answer.interrupted
    stages = list(answer.stages_ms.values())
    assert len(stages) == 6
    assert stages == sorted(stages)
    assert 400 <= stages[0] < 500


def test_an_interruption_has_a_waterfall_and_so_has_what_it_interrupted():
    async def call(speech):
        desk = Desk(["hours", "stop"], [[LONG], GOODBYE], barge_in=BargeInSettings(min_speech_ms=150))
        await desk.hold([(1.0, False), (1.0, True), (1.5, False), (speech, True), (8.0, False)])
        return desk.books.turns[1:3]

    for speech in (0.16, 0.18, 0.2, 1.0):
        cut, goodbye = run(call(speech))
        assert cut.interrupted
        assert 400 <= cut.stages_ms["endpoint"] < 500
        assert 400 <= goodbye.stages_ms["endpoint"] < 500


def test_keys_after_a_cough_have_no_waterfall():
    async def call():
        desk = Desk([""], [GOODBYE])

        async def press():
            desk.wire.events.put_nowait(DtmfDigit("1", 0.0))

        await desk.hold([(1.0, False), (0.2, True), (2.0, False)], press)
        return desk.books.turns[-1]

    turn = run(call())
    assert (turn.trigger, turn.caller_text, turn.stages_ms) == ("dtmf", "one", {})


def test_stages_of_a_cancelled_reply_are_not_those_of_its_successor():
    async def call():
        desk = Desk(["hours"], [[0.5, "Well", 3600.0], [1.0, *GOODBYE]])

        async def press():
            desk.wire.events.put_nowait(DtmfDigit("#", 0.0))

        await desk.hold([(1.0, False), (1.0, True), (2.0, False)], press)
        return desk.books.turns[-1].stages_ms

    stages = run(call())
    assert list(stages.values()) == sorted(stages.values())
    assert stages["first_token"] > 2900


def test_a_tool_of_a_cancelled_reply_is_not_stored():
    async def call():
        desk = Desk([], [])

        async def late():
            desk.session.post(Digit("5"))
            desk.session.post(ToolCalled(1, "hang_up", {}))
            await asyncio.sleep(0.1)
            desk.line.left.set()

        await desk.hold([(0.1, False)], late)
        return desk.books.tools

    assert run(call()) == []


def test_a_phone_that_stops_sending_in_the_middle_of_a_word_has_ended_its_turn():
    """Silence suppression, a muted phone, a gap in the network: no frames are no endless speech."""

    async def call():
        desk = Desk(["hello"], [GOODBYE])
        outcome = await desk.hold([(1.0, False), (1.0, True)])
        return desk, outcome

    desk, outcome = run(call())
    assert outcome.status is Status.COMPLETED
    assert desk.books.turns[-1].caller_text == "hello"
    assert 400 <= desk.books.turns[-1].stages_ms["endpoint"] < 600


def test_prepared_sentences_survive_any_number_of_greetings_from_the_dialplan():
    async def ask():
        desk = Desk()
        prompts = desk.parts.prompts
        await prompts.prepare("Sorry.", "en", 8000)
        for number in range(1000):
            await prompts.get(f"Good morning, caller number {number}.", "en", 8000)
        desk.voice.broken = True
        return await prompts.get("Sorry.", "en", 8000)

    assert len(run(ask())) > 0


def test_a_greeting_from_the_dialplan_is_ready_before_the_answer():
    async def call():
        desk = Desk(agent=replace(AGENT, greeting="A greeting of this call's own."))
        answered = []

        async def speak(text, rate):
            await asyncio.sleep(0.7)
            return np.ones(rate, np.int16)

        async def opened():
            answered.append(asyncio.get_running_loop().time())
            return desk.wire, desk.wire

        desk.voice.speak, desk.line.open = speak, opened
        asyncio.get_running_loop().call_later(3, desk.line.left.set)
        await desk.hold()
        return desk.wire.log[0][0] - answered[0]

    assert run(call()) < 0.1


def test_done_of_an_older_generation_is_nothing():
    agent = machine()
    assert agent.handle(Digit("#"), 1.0) == [StopSpeaking(1)]
    assert agent.handle(SpeakingDone(1, True), 1.0) == []
    assert not isinstance(agent.handle(Timer(), agent.next_deadline() - 1), Say)


@pytest.mark.parametrize("tools", [["transfer", "hang_up"], ["hang_up", "transfer"]])
def test_a_transfer_outlives_a_goodbye_in_the_same_reply(tools):
    agent = machine()
    for name in tools:
        agent.handle(ToolCalled(1, name, {"to": "billing"}), 0.2)
    leave = agent.handle(SpeakingDone(1, True), 1.0)[-1]
    assert leave == Leave(Outcome(Status.TRANSFER, "transfer", "internal,200,1"))

"""The real session with scripted engines, on virtual time."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from ari_app.core.commands import Outcome, Status
from ari_app.core.events import LineFailed
from ari_app.errors import EngineError
from ari_app.media.transport import Closed, DtmfDigit
from ari_app.settings import TurnSettings
from tests.component.call.script import AGENT, Desk
from tests.component.call.virtual_time import run

TURN = [(1.0, True), (2.0, False)]
GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']


def test_a_whole_call_is_heard_answered_and_stored():
    async def call():
        desk = Desk(["what are your hours", "thank you goodbye"], [["We are open."], GOODBYE])
        outcome = await desk.hold([(1.0, False), *TURN, *TURN, (3.0, False)])
        return desk, outcome

    desk, outcome = run(call())
    assert outcome == Outcome(Status.COMPLETED, "agent_hung_up")
    assert [(t.trigger, t.caller_text, t.agent_text) for t in desk.books.turns] == [
        ("greeting", "", "Hello."),
        ("speech", "what are your hours", "We are open."),
        ("speech", "thank you goodbye", "Goodbye."),
    ]
    assert desk.mind.seen[1][1:] == [
        ("assistant", "Hello."),
        ("user", "what are your hours"),
        ("assistant", "We are open."),
        ("user", "thank you goodbye"),
    ]
    assert [(t.turn, t.name, t.result) for t in desk.books.tools] == [(2, "hang_up", "accepted")]
    assert [round(t.at_ms / 1000) for t in desk.books.turns] == [0, 2, 5]
    stages = desk.books.turns[1].stages_ms
    names = ["endpoint", "transcript", "first_token", "first_clause", "first_audio", "first_frame_sent"]
    assert list(stages) == names
    assert list(stages.values()) == sorted(stages.values())
    assert 400 <= stages["endpoint"] < 500
    assert desk.wire.overlaps() == []


def test_the_line_is_read_slowly_only_while_nobody_speaks():
    async def call():
        desk = Desk(["what are your hours", "bye"], [["We are open."], GOODBYE])
        desk.started_at = desk.wire.loop.time()
        await desk.hold([(3.0, False), (1.0, True), (3.0, False), *TURN, (3.0, False)])
        return desk

    desk = run(call())
    began = desk.started_at
    greeting_ends = desk.wire.log[0][1] - began
    changes = [(round(at - began, 2), relaxed) for at, relaxed in desk.wire.relaxed if at > began + 0.1]
    assert [relaxed for _, relaxed in changes][:5] == [True, False, True, False, True]
    quiet, speech, turn_over, answer, quiet_again, *_ = (at for at, _ in changes)
    assert greeting_ends <= quiet < greeting_ends + 0.1
    assert 3.0 < speech < 3.2
    assert 4.4 <= turn_over < 4.6, "not in a pause: the caller may go on"
    answer_begins, answer_ends, _ = desk.wire.log[1]
    assert answer_begins - began <= answer < answer_begins - began + 0.1
    assert answer_ends - began <= quiet_again


def test_the_utterance_holds_the_speech_and_a_little_before_it():
    async def call():
        desk = Desk(["hello", "bye"], [["Hi."], GOODBYE])
        await desk.hold([(2.0, False), *TURN, *TURN, (3.0, False)])
        return desk

    for seconds in run(call()).ears.audio_seconds:
        assert 1.3 <= seconds <= 2.0  # a second of speech, the pre-roll, the end-of-turn silence


def test_an_interruption_silences_the_agent_and_cuts_the_history():
    async def call():
        long_answer = "We are open Monday to Friday from eight to six and on Saturday from nine to one."
        desk = Desk(["hours", "stop please"], [[long_answer], GOODBYE])
        outcome = await desk.hold([(1.0, False), (1.0, True), (1.5, False), (1.0, True), (8.0, False)])
        return desk, outcome, long_answer

    desk, outcome, long_answer = run(call())
    assert outcome.status is Status.COMPLETED
    assert desk.wire.flushes == 1
    cut = desk.books.turns[1]
    assert cut.interrupted
    assert long_answer.startswith(cut.agent_text)
    assert 0 < len(cut.agent_text) < len(long_answer) / 2
    assert desk.mind.seen[1][-2:] == [("assistant", f"{cut.agent_text}—"), ("user", "stop please")]


def test_keys_are_input():
    async def call():
        desk = Desk([], [["Thanks."], GOODBYE])

        async def press():
            for digit in "42#":
                desk.wire.events.put_nowait(DtmfDigit(digit, 0.0))
            await asyncio.sleep(2)
            desk.wire.events.put_nowait(DtmfDigit("1", 0.0))

        return desk, await desk.hold([(1.0, False)], press)

    desk, outcome = run(call())
    assert outcome.status is Status.COMPLETED
    assert [(t.trigger, t.caller_text) for t in desk.books.turns[1:]] == [("dtmf", "four two"), ("dtmf", "one")]


def test_keys_come_by_ari_where_the_media_leg_has_none_and_only_there():
    async def call(carried):
        desk = Desk([], [GOODBYE])
        desk.wire.carries_dtmf = carried

        async def press():
            desk.line.pressed("7")
            await asyncio.sleep(5)
            desk.line.left.set()

        await desk.hold([(1.0, False)], press)
        return [turn.caller_text for turn in desk.books.turns[1:]]

    assert run(call(False)) == ["seven"]
    assert run(call(True)) == []


def test_a_transfer_is_announced_and_then_left_to_the_dialplan():
    async def call():
        reply = 'One moment. <tool_call>{"name":"transfer","arguments":{"to":"billing"}}</tool_call>'
        desk = Desk(["billing please"], [[reply]])
        return desk, await desk.hold([(1.0, False), *TURN])

    desk, outcome = run(call())
    assert outcome == Outcome(Status.TRANSFER, "transfer", "internal,200,1")
    assert desk.books.turns[-1].agent_text == "One moment."


def test_a_broken_voice_is_apologised_for_with_prepared_audio():
    async def call():
        desk = Desk(["hello"], [["Hi."]])
        for text in (AGENT.greeting, AGENT.phrases.apology):
            await desk.parts.prompts.get(text, "en", desk.wire.rate)
        desk.voice.broken = True
        return desk, await desk.hold([(1.0, False), *TURN])

    desk, outcome = run(call())
    assert outcome == Outcome(Status.FAILED, "engine_failed")
    assert desk.books.turns[-1].agent_text == AGENT.phrases.apology
    assert desk.books.turns[-1].caller_text == "hello"


def test_dead_ears_and_a_silent_model_end_with_an_apology_and_their_reason():
    async def deaf():
        desk = Desk([EngineError("no ears")], [])
        return await desk.hold([(1.0, False), *TURN])

    async def silent():
        desk = Desk(["hello"], [[3600.0]])
        return await desk.hold([(1.0, False), *TURN])

    assert run(deaf()) == Outcome(Status.FAILED, "stt_failed")
    assert run(silent()) == Outcome(Status.FAILED, "reply_timeout")


def test_a_silent_caller_is_asked_twice_and_then_let_go():
    async def call():
        desk = Desk(turn=TurnSettings(no_input_ms=2000))
        return desk, await desk.hold()

    desk, outcome = run(call())
    assert outcome == Outcome(Status.COMPLETED, "no_input")
    assert [t.trigger for t in desk.books.turns] == ["greeting", "silence", "silence", "closing"]


def test_the_caller_may_hang_up_at_any_time_and_nothing_is_left_running():
    async def call(after):
        desk = Desk(["hello"], [["A rather long answer that takes its time."]])

        async def leave():
            await asyncio.sleep(after)
            desk.line.left.set()

        outcome = asyncio.create_task(desk.hold([(1.0, False), *TURN]))
        await leave()
        return desk, await outcome

    for after in (0.0, 0.05, 0.5, 1.5, 2.43, 2.5, 3.0, 5.0):
        desk, outcome = run(call(after))
        assert outcome == Outcome(Status.HANGUP, "caller_hung_up"), after
    assert desk.books.turns[-1].caller_text == "hello"


def test_a_lost_media_leg_and_a_shutdown_end_the_call():
    async def lost():
        desk = Desk()

        async def close():
            desk.wire.events.put_nowait(Closed("gone", OSError("reset")))

        return await desk.hold([(0.5, False)], close)

    async def shutdown():
        desk = Desk()

        async def stop():
            desk.session.post(LineFailed("shutdown"))

        return await desk.hold([(0.5, False)], stop)

    assert run(lost()) == Outcome(Status.FAILED, "media_lost")
    assert run(shutdown()) == Outcome(Status.FAILED, "shutdown")


def test_an_agent_that_says_nothing_is_no_dead_end():
    async def call():
        desk = Desk(["hello", "bye"], [[""], GOODBYE], agent=replace(AGENT, greeting=""))
        return desk, await desk.hold([(1.0, False), *TURN, (2.0, False), *TURN, (3.0, False)])

    desk, outcome = run(call())
    assert outcome.status is Status.COMPLETED
    assert [(t.trigger, t.agent_text) for t in desk.books.turns[:2]] == [
        ("speech", ""),
        ("error", AGENT.phrases.not_understood),
    ]


@pytest.mark.parametrize("before_ms", range(1000, 1160, 20))
def test_a_turn_does_not_end_in_the_first_sound_after_a_pause(before_ms):
    """The detector knows it for speech when a whole window was, and by then the end-of-turn silence is over."""

    async def call():
        desk = Desk(replies=[["Yes."], ["No."]])
        desk.ears.probability = lambda window: 0.95 if np.abs(window).min() > 0.05 else 0.01
        caller = [(before_ms / 1000, False), (1.0, "half"), (0.38, False), (0.5, "past"), (2.0, False)]
        await desk.hold(caller, desk.wire.close)
        return [messages[-1] for messages in desk.mind.seen]

    assert run(call()) == [("user", "half past")]

"""Speech over the agent, by the real session on virtual time: what the caller hears of it, and what is remembered."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ari_app.call import session
from ari_app.core.commands import Status
from ari_app.core.dialogue import CUT_OFF
from ari_app.settings import BargeInSettings
from tests.component.call.script import AGENT, RATE, Desk
from tests.component.call.virtual_time import run

GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']
FIRST = "We are open Monday to Friday from eight to six."
LONG = f"{FIRST} On Saturday from nine to one."
BARGE_IN = BargeInSettings(min_speech_ms=100, hold_ms=250, max_hold_ms=1500)


def answered(*over, barge_in=BARGE_IN, replies=None, late_marks=False, agent=AGENT, tail=8.0):
    """A call in which `over` comes 2 s after the question, over a long answer; then the caller says bye."""

    async def call():
        desk = Desk(
            replies={"hours": [LONG], "bye": GOODBYE, **(replies or {})},
            barge_in=barge_in,
            agent=agent,
        )
        desk.wire.late_marks = late_marks
        spoken = [(1.0, False), (1.0, "hours"), (2.0, False), *over, (tail, False), (0.5, "bye"), (4.0, False)]
        return desk, await desk.hold(spoken)

    desk, outcome = run(call())
    assert outcome.status is Status.COMPLETED
    assert desk.wire.overlaps() == []
    return desk


def voice(text):
    """How many samples the scripted voice takes for a text."""
    return int(0.05 * RATE) * len(text)


def answer_on_the_wire(desk):
    """The pieces of the long answer as the caller heard them, without greeting and goodbye."""
    return [piece for piece in desk.wire.log if len(piece[2])][1:-1]


def silences(pieces):
    """When the agent fell silent within an answer, and when it went on."""
    return [(ended, began) for (_, ended, _), (began, _, _) in pairwise(pieces) if began > ended + 1e-3]


@pytest.mark.parametrize("late_marks", [False, True])
@pytest.mark.parametrize("over", [(0.5, "okay"), (0.3, "uh-huh"), (0.2, ""), (0.16, "")])
def test_a_backchannel_or_a_cough_holds_the_agent_for_a_moment_and_nothing_is_lost(over, late_marks):
    desk = answered(over, late_marks=late_marks)
    answer = desk.books.turns[1]
    assert (answer.agent_text, answer.interrupted) == (LONG, False)
    counts = desk.session.counts()
    assert (counts["holds"], counts["false_alarms"], counts.get("late_clauses")) == (1, 1, None)
    pieces = answer_on_the_wire(desk)
    heard = sum(len(pcm) for _, _, pcm in pieces)
    repeated = heard - voice(FIRST) - voice("On Saturday from nine to one.")
    assert 0 <= repeated <= 0.35 * RATE
    ((held_at, resumed_at),) = silences(pieces)
    assert resumed_at - held_at <= over[0] + 0.2
    resumed = next(pcm for began, _, pcm in pieces if began == resumed_at)
    assert not resumed[: RATE // 200].any(), "it goes on within a word"
    assert resumed[: RATE // 50].any(), "it goes on with a pause"


def test_a_noise_without_end_holds_the_agent_no_longer_than_it_may():
    desk = answered((3.5, ""))
    assert desk.books.turns[1].agent_text == LONG
    pieces = answer_on_the_wire(desk)
    ((held_at, resumed_at),) = silences(pieces)
    assert 1.5 <= resumed_at - held_at <= 1.5 + 0.3
    assert desk.session.counts()["holds"] == 1


def test_noise_that_comes_again_and_again_does_not_keep_the_answer_from_its_end():
    bursts = [part for _ in range(30) for part in ((0.2, ""), (0.3, False))]
    desk = answered(*bursts)
    assert desk.books.turns[1].agent_text == LONG
    assert desk.session.counts()["holds"] > 5


def test_words_stop_the_agent_and_only_what_was_heard_is_remembered():
    desk = answered((1.0, "stop please"), replies={"stop please": ["Of course."]})
    cut, answer = desk.books.turns[1:3]
    assert cut.interrupted
    assert FIRST.startswith(cut.agent_text)
    assert 0 < len(cut.agent_text) < len(FIRST)
    assert cut.agent_said == LONG
    assert (answer.caller_text, answer.agent_text) == ("stop please", "Of course.")
    assert desk.mind.seen[1][-2:] == [("assistant", f"{cut.agent_text}{CUT_OFF}"), ("user", "stop please")]
    silent_since = answer_on_the_wire(desk)[0][1]
    assert silent_since <= 1000 + 4.0 + 0.02 + 0.2, "the agent went on for too long"
    assert "false_alarms" not in desk.session.counts()


def test_a_backchannel_that_becomes_a_question_still_stops_the_agent_and_is_a_part_of_it():
    desk = answered((0.5, "okay"), (1.5, "but what about sunday"), replies={"okay but what about sunday": ["Closed."]})
    assert desk.books.turns[1].interrupted
    assert desk.books.turns[2].caller_text == "okay but what about sunday"


def test_a_speech_at_the_very_end_of_the_answer_is_a_turn():
    async def call(early):
        answer = "Yes, we are open."
        desk = Desk(replies={"hours": [answer], "sunday": GOODBYE}, barge_in=BARGE_IN)
        # the answer begins half a second after the question
        pause = 0.5 + len(answer) * 0.05 - early
        await desk.hold([(1.0, False), (1.0, "hours"), (pause, False), (0.6, "sunday"), (4.0, False)])
        return desk.books.turns[-1]

    for early in (0.4, 0.3, 0.2, 0.14, 0.1, 0.05, 0.0):
        turn = run(call(early))
        assert (turn.caller_text, turn.agent_text) == ("sunday", "Goodbye."), early


def test_what_is_said_over_a_disclosure_is_not_heard_and_does_not_stop_it():
    async def call():
        agent = replace(AGENT, disclosure="This call is recorded.")
        desk = Desk(replies={"bye": GOODBYE}, barge_in=BARGE_IN, agent=agent)
        await desk.hold([(0.3, False), (0.5, "stop"), (3.0, False), (0.5, "bye"), (4.0, False)])
        return desk

    desk = run(call())
    assert [turn.agent_text for turn in desk.books.turns] == ["This call is recorded.", "Hello.", "Goodbye."]
    assert desk.wire.flushes == 0
    assert "stop" not in str(desk.mind.seen)


class Echo(session.EchoDetector):
    """Remembers what it is told."""

    made = None

    def __init__(self, rate):
        super().__init__(rate)
        self.told = []
        Echo.made = self

    def played(self, pcm, at):
        self.told.append((at, len(pcm)))
        super().played(pcm, at)

    def stopped(self, at):
        self.told = [(began, min(length, round((at - began) * RATE))) for began, length in self.told if began < at]
        super().stopped(at)


@pytest.mark.parametrize(
    "over",
    [
        [],
        [(0.5, "okay"), (2.0, False), (1.0, "stop please")],
    ],
)
def test_the_echo_detector_knows_what_the_caller_hears_and_when(over, monkeypatch):
    monkeypatch.setattr(session, "EchoDetector", Echo)
    slowly = [FIRST, 0.5, " On Saturday from nine to one."]
    desk = answered(*over, replies={"hours": slowly, "stop please": ["Of course."]})
    told = sorted(piece for piece in Echo.made.told if piece[1])
    heard = sorted((began, len(pcm)) for began, _, pcm in desk.wire.log if len(pcm))
    assert [length for _, length in told] == pytest.approx([length for _, length in heard], abs=2)
    assert [began for began, _ in told] == pytest.approx([began for began, _ in heard], abs=0.005)
    assert np.all([began > 999 for began, _ in told])

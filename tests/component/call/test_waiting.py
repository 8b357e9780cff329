"""While the caller waits, or we do, by the real session on virtual time: fillers, and callers who put us on hold."""

import asyncio
from dataclasses import replace

import pytest

from ari_app.core.commands import Outcome, Status
from ari_app.core.events import PutOnHold, TakenOffHold
from ari_app.settings import TurnSettings
from tests.component.call.script import AGENT, PLAIN, Desk
from tests.component.call.virtual_time import run

GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']
FILLER = "One moment, please."
SECONDS_OF_FILLER = len(FILLER) * 0.05
LONG = "We are open Monday to Friday from eight to six and on Saturday from nine to one."


def filled(thinking, *, turn=None, agent=AGENT):
    async def call():
        desk = Desk(replies={"bye": [thinking, *GOODBYE]}, turn=turn or replace(PLAIN, filler_ms=1000), agent=agent)
        for text in (FILLER, "Hello."):
            await desk.parts.prompts.prepare(text, "en", desk.wire.rate)
        assert (await desk.hold([(1.0, False), (1.0, "bye"), (12.0, False)])).status is Status.COMPLETED
        return desk

    desk = run(call())
    assert desk.wire.overlaps() == []
    assert desk.books.turns[-1].agent_text == "Goodbye."
    assert FILLER not in str(desk.mind.seen)
    return desk


def test_a_slow_answer_is_bridged_by_a_filler_that_no_history_holds():
    desk = filled(3.0)
    assert desk.session.counts()["fillers"] == 1
    _, filler, answer = desk.wire.log
    turn_over = 1000 + 2.0 + 0.4
    assert filler[0] == pytest.approx(turn_over + 1.0, abs=0.1)
    assert answer[0] == pytest.approx(turn_over + 3.0, abs=0.1)
    assert desk.books.turns[-1].stages_ms["first_frame_sent"] > 3400, "the filler is no answer"


def test_an_answer_that_comes_while_the_filler_is_said_waits_for_its_end():
    desk = filled(1.3)
    _, filler, answer = desk.wire.log
    assert filler[1] - filler[0] == pytest.approx(SECONDS_OF_FILLER)
    assert answer[0] == pytest.approx(filler[1], abs=0.001)
    assert "late_clauses" not in desk.session.counts()


@pytest.mark.parametrize(
    "how", [{"turn": PLAIN}, {"agent": replace(AGENT, phrases=replace(AGENT.phrases, fillers=()))}]
)
def test_there_may_be_no_filler(how):
    desk = filled(3.0, **how)
    assert "fillers" not in desk.session.counts()
    assert len(desk.wire.log) == 2


def test_a_quick_answer_needs_no_filler():
    assert "fillers" not in filled(0.2).session.counts()


def test_an_answer_that_beats_a_filler_that_is_not_there_yet_is_not_followed_by_it():
    async def call():
        desk = Desk(replies={"bye": [1.15, *GOODBYE]}, turn=replace(PLAIN, filler_ms=1000))
        speak = desk.voice.speak

        async def slow(text, rate):
            if text.startswith("One moment"):
                await asyncio.sleep(0.5)
            return await speak(text, rate)

        desk.voice.speak = slow
        await desk.hold([(1.0, False), (1.0, "bye"), (12.0, False)])
        return desk

    assert len(run(call()).wire.log) == 2


def on_hold(replies, *, begin, end, turn=PLAIN):
    """A call whose caller puts us on hold for a while, counted from its first second."""

    async def call():
        desk = Desk(replies=replies, turn=turn)
        loop = asyncio.get_running_loop()

        async def press():
            await asyncio.sleep(begin)
            desk.line.post(PutOnHold())
            await asyncio.sleep(end - begin)
            desk.line.post(TakenOffHold())

        pressing = asyncio.create_task(press())
        began = loop.time()
        outcome = await desk.hold([(1.0, False), (1.0, "hours"), (end + 4.0, False), (0.5, "bye"), (6.0, False)])
        await pressing
        return desk, outcome, began

    desk, outcome, began = run(call())
    silent = [
        (a - began, b - began) for a, b, _ in desk.wire.log if a < began + end - 0.01 and b > began + begin + 0.02
    ]
    assert silent == [], "the agent spoke on hold"
    assert desk.wire.overlaps() == []
    return desk, outcome


@pytest.mark.parametrize("begin", [1.5, 2.2, 2.45, 3.0, 4.5])
def test_on_hold_the_agent_is_silent_and_then_says_all_of_it(begin):
    desk, outcome = on_hold({"hours": [LONG], "bye": GOODBYE}, begin=begin, end=40.0)
    assert outcome == Outcome(Status.COMPLETED, "agent_hung_up")
    assert [turn.agent_text for turn in desk.books.turns] == ["Hello.", LONG, "Goodbye."]
    assert not any(turn.trigger == "silence" for turn in desk.books.turns)
    assert "false_alarms" not in desk.session.counts()


def test_a_draft_is_not_said_on_hold_either():
    turn = replace(TurnSettings(), partial_ms=0)
    desk, _ = on_hold({"hours": [LONG], "bye": GOODBYE}, begin=2.15, end=30.0, turn=turn)
    assert desk.books.turns[1].agent_text == LONG

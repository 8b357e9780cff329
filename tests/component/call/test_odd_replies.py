"""Models, judges and agents that are not as they should be: each ends as a caller would want, and is counted."""

import logging
from dataclasses import replace

import pytest

from ari_app.core.commands import Status
from ari_app.errors import EngineError
from ari_app.settings import LlmSettings, TurnSettings
from tests.component.call.script import AGENT, PLAIN, Desk
from tests.component.call.virtual_time import run

GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']
SHORT = LlmSettings(max_reply_tokens=12)


def answered(reply, **how):
    async def call():
        desk = Desk(replies={"hello": reply, "bye": GOODBYE}, **how)
        spoken = [(1.0, False), (0.5, "hello"), (30.0, False), (0.5, "bye"), (4.0, False)]
        return desk, await desk.hold(spoken)

    desk, outcome = run(call())
    assert outcome.status is Status.COMPLETED
    assert desk.wire.overlaps() == []
    return desk


@pytest.mark.parametrize("turn", [PLAIN, replace(PLAIN, speculate=3)])
def test_a_model_that_never_ends_is_cut_behind_a_whole_sentence(turn, caplog):
    endless = ["We are open today. And so are we tomorrow, and " + "on and on " * 200]
    with caplog.at_level(logging.WARNING):
        desk = answered(endless, llm=SHORT, turn=turn)
    answer = desk.books.turns[1].agent_text
    assert answer.startswith("We are open today.")
    assert len(answer.split()) <= 12
    assert not answer.endswith("and")
    assert desk.session.counts()["replies_cut"] == 1
    assert any(getattr(record, "what", "") == "replies_cut" for record in caplog.records)


def test_a_model_that_repeats_itself_is_stopped():
    desk = answered(["I can help you with that. " * 100], turn=replace(PLAIN, no_input_ms=20_000))
    assert desk.session.counts()["replies_repeating"] == 1
    answer = desk.books.turns[1]
    assert answer.agent_text.count("I can help you with that.") <= 4
    assert desk.mind.most_running == 1, "it was generated on"


@pytest.mark.parametrize("reply", [[], [""], [" \n "]])
@pytest.mark.parametrize("turn", [PLAIN, replace(PLAIN, speculate=3)])
def test_a_model_that_says_nothing_is_followed_by_a_question(reply, turn):
    desk = answered(reply, turn=replace(turn, no_input_ms=60_000))
    assert desk.session.counts()["replies_empty"] == 1
    assert [(turn.trigger, turn.agent_text) for turn in desk.books.turns[1:3]] == [
        ("speech", ""),
        ("error", AGENT.phrases.not_understood),
    ]


@pytest.mark.parametrize("greeting", ["", "  "])
def test_an_agent_without_a_greeting_listens_and_asks_after_a_while(greeting):
    async def call():
        desk = Desk(agent=replace(AGENT, greeting=greeting), turn=replace(PLAIN, no_input_ms=2000))
        return desk, await desk.hold([(20.0, False)])

    desk, outcome = run(call())
    assert outcome.reason == "no_input"
    reprompts = AGENT.phrases.reprompts
    assert [turn.agent_text for turn in desk.books.turns] == [*reprompts, AGENT.phrases.goodbye]
    assert desk.session.counts()["reprompts"] == 2


def test_a_judge_that_fails_leaves_the_turn_to_its_words():
    class Broken:
        async def complete(self, samples):
            raise EngineError("the judge is broken")

    async def call():
        desk = Desk(replies={"bye": GOODBYE}, turn=replace(TurnSettings(), judge="smart-turn"))
        desk.session._parts = desk.parts = replace(desk.parts, judge=Broken())
        outcome = await desk.hold([(1.0, False), (0.5, "bye"), (4.0, False)])
        return outcome, desk.books.turns[-1].endpoint_ms

    outcome, endpoint_ms = run(call())
    assert outcome.status is Status.COMPLETED
    assert endpoint_ms == 240.0


def test_a_judge_that_hears_no_end_lets_the_caller_go_on():
    class Patient:
        async def complete(self, samples):
            return 0.0

    async def call():
        story = "i was there on monday"
        desk = Desk(replies={story: GOODBYE}, turn=replace(TurnSettings(), judge="smart-turn", speculate=0))
        desk.session._parts = desk.parts = replace(desk.parts, judge=Patient())
        await desk.hold([(1.0, False), (1.0, story), (4.0, False)])
        return desk.books.turns[-1]

    turn = run(call())
    assert turn.endpoint_ms == 1200.0
    assert turn.stages_ms["endpoint"] == pytest.approx(1200, abs=60)

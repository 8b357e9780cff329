"""Answers that are prepared in the caller's pauses, by the real session on virtual time."""

from dataclasses import replace

import pytest

from ari_app.core.commands import Outcome, Reply, Status
from ari_app.core.events import ToolCalled
from ari_app.errors import EngineError
from ari_app.settings import TurnSettings
from tests.component.call.script import PLAIN, Desk
from tests.component.call.virtual_time import run

HANG_UP = '<tool_call>{"name":"hang_up","arguments":{}}</tool_call>'
GOODBYE = [f"Goodbye. {HANG_UP}"]
SPECULATING = replace(PLAIN, speculate=3)
MONDAY = "i was there on monday"
BOTH = f"{MONDAY} and the doctor saw me"


def gap(desk):
    """Seconds from the caller's last sound to the first audio of the last answer."""
    turn = desk.books.turns[-1]
    return turn.stages_ms["first_frame_sent"] / 1000


@pytest.mark.parametrize("thinking", [0.05, 0.25, 0.6])
def test_a_draft_hides_the_models_time_in_the_pause(thinking):
    async def call(turn):
        desk = Desk(replies={"what are your hours": [thinking, *GOODBYE]}, turn=turn)
        await desk.hold([(1.0, False), (1.0, "what are your hours"), (4.0, False)])
        return gap(desk), desk.session.counts()

    plain, _ = run(call(PLAIN))
    early, counts = run(call(SPECULATING))
    assert plain == pytest.approx(0.4 + 0.02 + thinking + 0.02, abs=0.06)
    # words are asked for when the pause is noticed, some 70 ms into it
    assert early == pytest.approx(max(0.4, 0.07 + 0.02 + thinking + 0.02), abs=0.06)
    assert (counts["drafts"], counts["drafts_used"]) == (1, 1)


def test_a_complete_question_is_answered_after_the_shortest_silence():
    async def call():
        desk = Desk(replies={"what are your hours": GOODBYE}, turn=TurnSettings())
        await desk.hold([(1.0, False), (1.0, "what are your hours"), (4.0, False)])
        return desk

    desk = run(call())
    assert gap(desk) == pytest.approx(0.24, abs=0.05)
    assert desk.books.turns[-1].endpoint_ms == 240.0
    assert list(desk.books.turns[-1].stages_ms.values()) != []


def test_a_draft_that_was_not_wanted_leaves_no_trace():
    async def call():
        replies = {MONDAY: ["That was a holiday.", HANG_UP], BOTH: ["I see."], "bye": GOODBYE}
        desk = Desk(replies=replies, turn=SPECULATING)
        spoken = [(1.0, MONDAY), (0.3, False), (1.0, "and the doctor saw me"), (2.0, False), (0.5, "bye")]
        outcome = await desk.hold([(1.0, False), *spoken, (4.0, False)])
        return desk, outcome

    desk, outcome = run(call())
    assert outcome == Outcome(Status.COMPLETED, "agent_hung_up")
    assert [(turn.caller_text, turn.agent_text, turn.agent_said) for turn in desk.books.turns] == [
        ("", "Hello.", "Hello."),
        (BOTH, "I see.", "I see."),
        ("bye", "Goodbye.", "Goodbye."),
    ]
    assert [tool.turn for tool in desk.books.tools] == [2], "a tool of the draft has run"
    assert desk.mind.seen[-1][1:] == [
        ("assistant", "Hello."),
        ("user", BOTH),
        ("assistant", "I see."),
        ("user", "bye"),
    ]
    assert len(desk.wire.log) == 3, "the draft was heard"
    assert (desk.mind.most_running, desk.mind.running) == (1, 0)
    counts = desk.session.counts()
    assert (counts["drafts"], counts["drafts_used"]) == (3, 2)


def test_a_draft_that_is_still_generated_when_the_caller_goes_on_is_cancelled():
    async def call():
        replies = {MONDAY: ["That was", 3600.0], BOTH: GOODBYE}
        desk = Desk(replies=replies, turn=SPECULATING)
        spoken = [(1.0, MONDAY), (0.3, False), (1.0, "and the doctor saw me"), (4.0, False)]
        await desk.hold([(1.0, False), *spoken])
        return desk

    desk = run(call())
    assert desk.mind.most_running == 1
    assert desk.books.turns[-1].agent_text == "Goodbye."


def test_tools_of_a_draft_run_only_once_it_is_the_answer():
    async def call():
        seen = []
        desk = Desk(replies={"bye": GOODBYE}, turn=SPECULATING)
        desk.session._observe = lambda now, event, commands: seen.append((event, commands))
        await desk.hold([(1.0, False), (0.5, "bye"), (4.0, False)])
        return desk, seen

    desk, seen = run(call())
    replied = next(index for index, (_, commands) in enumerate(seen) if any(isinstance(c, Reply) for c in commands))
    called = [index for index, (event, _) in enumerate(seen) if isinstance(event, ToolCalled)]
    assert len(called) == 1
    assert called[0] > replied
    assert desk.session.counts()["drafts_used"] == 1
    assert [(tool.name, tool.turn) for tool in desk.books.tools] == [("hang_up", 1)]


def test_a_draft_that_fails_is_tried_again_when_it_counts(caplog):
    async def call():
        desk = Desk(["bye"], [[EngineError("too early")], GOODBYE], turn=SPECULATING)
        return desk, await desk.hold([(1.0, False), (0.5, True), (4.0, False)])

    desk, outcome = run(call())
    assert outcome.status is Status.COMPLETED
    assert desk.books.turns[-1].agent_text == "Goodbye."
    assert "drafts_used" not in desk.session.counts()
    assert "the conversation failed" not in caplog.text


def test_an_answer_that_fails_both_times_is_apologised_for():
    async def call():
        desk = Desk(["bye"], [[EngineError("no")], [EngineError("no")]], turn=SPECULATING)
        return await desk.hold([(1.0, False), (0.5, True), (4.0, False)])

    assert run(call()) == Outcome(Status.FAILED, "engine_failed")


def test_a_turn_is_drafted_only_so_often():
    async def call():
        words = ["one", "two", "three", "four"]
        replies = {" ".join(words[: count + 1]): GOODBYE for count in range(4)}
        desk = Desk(replies=replies, turn=replace(SPECULATING, speculate=2))
        spoken = [part for word in words for part in ((0.4, word), (0.3, False))]
        await desk.hold([(1.0, False), *spoken, (4.0, False)])
        return desk

    desk = run(call())
    assert desk.session.counts()["drafts"] == 2
    assert [messages[-1][1] for messages in desk.mind.seen] == ["one", "one two", "one two three four"]
    assert desk.books.turns[-1].caller_text == "one two three four"


def test_stages_of_a_drafted_answer_are_in_order_and_before_its_endpoint():
    async def call():
        desk = Desk(replies={"bye": GOODBYE}, turn=SPECULATING)
        await desk.hold([(1.0, False), (0.5, "bye"), (4.0, False)])
        return desk.books.turns[-1].stages_ms

    stages = run(call())
    names = ["transcript", "first_token", "first_clause", "first_audio", "endpoint", "first_frame_sent"]
    assert sorted(names, key=stages.__getitem__) == names

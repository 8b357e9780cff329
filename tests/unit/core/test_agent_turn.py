"""The agent's own turn: generation numbers, drafts, what follows and how it leaves."""

from dataclasses import replace

import pytest

from ari_app.core.agent_turn import AgentTurn
from ari_app.core.commands import Draft, Outcome, Reply, Say, SayFiller, Status, StopSpeaking
from tests.unit.core.turn_script import AGENT, PHRASES, PLAIN


def test_every_generation_has_a_number_of_its_own_and_what_is_stopped_is_late_at_once():
    ours = AgentTurn(AGENT, PLAIN)
    assert ours.say("Hello.", "greeting") == Say(1, "Hello.", "greeting")
    assert ours.reply(1.0) == Reply(2)
    assert ours.stop() == StopSpeaking(2)
    assert ours.generation == 3
    assert ours.reply(2.0) == Reply(4)


def test_a_draft_is_the_reply_unless_it_was_lost_or_dropped():
    ours = AgentTurn(AGENT, PLAIN)
    assert ours.draft("hours") == Draft(1, "hours")
    assert ours.drafted
    assert ours.reply(1.0) == Reply(1)
    assert not ours.drafted
    assert ours.reply(2.0) == Reply(2)
    ours.draft("hours")
    ours.lose_draft()
    assert (ours.drafted, ours.reply(3.0)) == (False, Reply(5))
    ours.draft("hours")
    assert ours.drop_draft() == [StopSpeaking(6)]
    assert ours.drop_draft() == []


def test_stopping_takes_back_what_should_have_followed():
    ours = AgentTurn(AGENT, PLAIN)
    ours.say("Recorded.", "greeting")
    ours.protected, ours.follow_up = True, ("Hello.", "greeting")
    ours.tool_called("hang_up", "")
    ours.stop()
    assert (ours.protected, ours.follow_up, ours.outcome) == (False, None, None)


def test_a_first_audio_is_waited_for_until_it_came():
    ours = AgentTurn(AGENT, replace(PLAIN, reply_timeout_ms=5000, filler_ms=2000))
    ours.reply(1.0)
    assert (ours.first_audio_due(1.0), ours.filler_due) == (6.0, 3.0)
    ours.started(2.0)
    assert (ours.first_audio_due(2.0), ours.filler_due, ours.speaking_since) == (None, None, 2.0)
    ours.reply(3.0)
    assert ours.speaking_since is None


def test_fillers_come_in_turn_and_carry_the_replys_number():
    ours = AgentTurn(replace(AGENT, phrases=replace(PHRASES, fillers=("A", "B"))), replace(PLAIN, filler_ms=2000))
    said = []
    for _ in range(3):
        ours.reply(1.0)
        said += ours.filler(silent=False)
    assert said == [SayFiller(1, "A"), SayFiller(2, "B"), SayFiller(3, "A")]


@pytest.mark.parametrize(
    ("calls", "outcome", "follow_up"),
    [
        ([("hang_up", "")], Outcome(Status.COMPLETED, "agent_hung_up"), None),
        ([("transfer", "billing")], Outcome(Status.TRANSFER, "transfer", "internal,200,1"), None),
        ([("transfer", "billing"), ("hang_up", "")], Outcome(Status.TRANSFER, "transfer", "internal,200,1"), None),
        ([("transfer", "the moon")], None, ("I cannot.", "error")),
        ([("dance", "")], None, None),
    ],
)
def test_tools_say_how_the_call_leaves(calls, outcome, follow_up):
    ours = AgentTurn(AGENT, PLAIN)
    ours.reply(0.0)
    for name, to in calls:
        ours.tool_called(name, to)
    assert (ours.outcome, ours.follow_up) == (outcome, follow_up)

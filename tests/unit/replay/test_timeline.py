"""What the timeline makes of events and commands."""

from typing import Any

import pytest

from ari_app.core.commands import (
    CallerSaid,
    Command,
    Draft,
    ForgetSpeech,
    HoldSpeaking,
    Leave,
    Outcome,
    Reply,
    ResumeSpeaking,
    Say,
    SayFiller,
    Status,
    StopSpeaking,
    TakeTranscript,
)
from ari_app.core.events import (
    CallerGone,
    Event,
    Heard,
    HearingFailed,
    LineFailed,
    MediaReady,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Timer,
    ToneHeard,
    ToolCalled,
)
from ari_app.replay.timeline import Moment, Timeline, Turn
from ari_app.settings import AgentSettings, Judge, TurnSettings
from ari_app.store.records import ToolRecord, TurnRecord

BEGIN = 1000.0


class Clock:
    """Time as a test sets it."""

    at = BEGIN

    def __call__(self) -> float:
        return self.at


def told(*steps: tuple[float, Event, list[Command]], turn: TurnSettings | None = None) -> list[Moment]:
    """The moments of (seconds since the beginning, event, commands)."""
    timeline = Timeline(AgentSettings(), turn or TurnSettings(), Clock())
    for at, event, commands in steps:
        timeline.observe(BEGIN + at, event, commands)
    return [entry for entry in timeline.entries() if isinstance(entry, Moment)]


@pytest.mark.parametrize(
    ("event", "commands", "what", "text"),
    [
        (MediaReady(), [Say(1, "Hello.", "greeting")], "say", "says a fixed sentence (greeting): Hello."),
        (SpeechStarted(BEGIN + 1), [], "speech", "caller speaks"),
        (Heard(1, "hello"), [], "heard", "heard in 0 ms: hello"),
        (Heard(1, " "), [], "heard", "no words heard, in 0 ms"),
        (Heard(1, "hello", 0.25), [], "heard", "heard in 0 ms: hello; probability that this is all: 0.25"),
        (Timer(), [Draft(1, "a")], "draft", "drafts an answer to: a"),
        (Timer(), [ForgetSpeech()], "forgotten", "what was heard is no turn"),
        (Timer(), [Reply(1)], "reply", "asks the model"),
        (Timer(), [SayFiller(1, "One moment.")], "filler", "fills the wait: One moment."),
        (Timer(), [HoldSpeaking(1)], "hold", "agent is held"),
        (Timer(), [ResumeSpeaking(1)], "resume", "agent goes on"),
        (Timer(), [CallerSaid("a", "speech")], "turn_ends", "takes the words so far"),
        (Timer(), [CallerSaid("a", "speech", 240)], "turn_ends", "after 240 ms of silence: the words are complete"),
        (Timer(), [CallerSaid("a", "speech", 400)], "turn_ends", "after 400 ms of silence: the words do not tell"),
        (Timer(), [CallerSaid("a", "speech", 1200)], "turn_ends", "after 1200 ms of silence: the words trail off"),
        (Timer(), [CallerSaid("a", "speech", 700)], "turn_ends", "after 700 ms of silence: by the sound of it"),
        (SpeakingStarted(1), [], "agent_speaks", "agent speaks"),
        (SpeakingDone(1, True), [], "agent_done", "agent has finished"),
        (SpeakingDone(1, False), [], "agent_done", "the reply held nothing to say"),
        (ToolCalled(1, "transfer", {"to": "billing"}), [], "tool", "the model calls transfer"),
        (ToneHeard("fax"), [], "tone", "a tone that no person makes: fax"),
        (HearingFailed(1, "stt_failed"), [], "failed", "failed: stt_failed"),
        (ReplyFailed(1, "engine_failed"), [], "failed", "failed: engine_failed"),
        (LineFailed("media_lost"), [], "failed", "failed: media_lost"),
        (Timer(), [Leave(Outcome(Status.COMPLETED, "no_input"))], "leave", "leaves: COMPLETED, no_input"),
        (CallerGone(), [], "hang_up", "caller hangs up"),
    ],
)
def test_one_thing(event: Event, commands: list[Command], what: str, text: str) -> None:
    (moment,) = told((1.0, event, commands))
    assert moment.what == what
    assert text in moment.text
    assert moment.at_s == 1.0


def test_speech_is_told_at_its_own_time_and_pauses_with_their_length() -> None:
    moments = told(
        (1.2, SpeechStarted(BEGIN + 1.0), []),
        (2.3, SpeechStopped(BEGIN + 2.0), [TakeTranscript(1)]),
        (2.4, Heard(1, "my number is"), [Draft(1, "my number is")]),
        (2.6, SpeechStarted(BEGIN + 2.5), [StopSpeaking(1)]),
    )
    assert [(moment.at_s, moment.what) for moment in moments] == [
        (1.0, "speech"),
        (2.0, "pause"),
        (2.4, "heard"),
        (2.4, "draft"),
        (2.5, "speech"),
        (2.6, "draft_dropped"),
    ]
    assert moments[1].details == {"speech_s": 1.0}
    assert moments[2].details["took_ms"] == 100
    assert moments[4].details == {"pause_ms": 500}


@pytest.mark.parametrize("over", [[CallerSaid("a", "speech", 400)], [ForgetSpeech()]])
def test_speech_after_a_turn_is_no_pause(over: list[Command]) -> None:
    moments = told(
        (1, SpeechStarted(BEGIN + 1), []),
        (2, SpeechStopped(BEGIN + 2), []),
        (3, Timer(), over),
        (4, SpeechStarted(BEGIN + 4), []),
    )
    assert moments[-1].text == "caller speaks"


@pytest.mark.parametrize(
    ("commands", "whats"),
    [
        ([Draft(1, "a"), Reply(1)], ["draft", "reply"]),
        ([Draft(1, "a"), StopSpeaking(1)], ["draft", "draft_dropped"]),
        ([Draft(1, "a"), Reply(1), StopSpeaking(1)], ["draft", "reply", "stop"]),
        ([Say(1, "a", "greeting"), StopSpeaking(1)], ["say", "stop"]),
        ([StopSpeaking(1)], []),  # nothing was being said
    ],
)
def test_what_is_stopped(commands: list[Command], whats: list[str]) -> None:
    moments = told((1, Timer(), commands))
    assert [moment.what for moment in moments] == whats
    drafted = [moment.details["drafted"] for moment in moments if moment.what == "reply"]
    assert drafted in ([], [True])


def test_what_is_over_is_not_stopped() -> None:
    assert "stop" not in [m.what for m in told((1, Timer(), [Reply(1)]), (2, SpeakingDone(1, True), [StopSpeaking(1)]))]


@pytest.mark.parametrize(("judge", "why"), [("silence", "as always"), ("smart-turn", "the words do not tell")])
def test_who_judges(judge: Judge, why: str) -> None:
    (moment,) = told((1, Timer(), [CallerSaid("a", "speech", 400)]), turn=TurnSettings(judge=judge))
    assert moment.text.endswith(why)


def test_words_so_far_and_turns_stand_where_they_belong() -> None:
    clock = Clock()
    timeline = Timeline(AgentSettings(), TurnSettings(), clock)
    clock.at = BEGIN + 1
    timeline.transcribed(0.8, "my number")
    timeline.observe(clock.at, Timer(), [TakeTranscript(1)])
    timeline.transcribed(1.0, "my number is")  # that is the one asked for: the machine is told
    timeline.turn(turn())
    timeline.tool_call(ToolRecord("replay", 0, "hang_up", {}, "accepted"))
    timeline.observe(clock.at, SpeakingDone(1, True), [])
    clock.at = BEGIN + 2
    timeline.observe(clock.at, CallerGone(), [])
    shown: list[Any] = [e.what if isinstance(e, Moment) else e.record.number for e in timeline.entries()]
    assert shown == ["so_far", "agent_done", 0, "hang_up"]
    assert [entry.at_s for entry in timeline.entries() if isinstance(entry, Turn)] == [1.0]
    assert [tool.name for tool in timeline.tools] == ["hang_up"]


def turn() -> TurnRecord:
    return TurnRecord("replay", 0, "speech", "hello", "Hi.", "Hi.", False, 900.0, {}, None)

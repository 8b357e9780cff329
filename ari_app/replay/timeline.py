"""What happened on a replayed call and what was decided, in the order of the recording. Pure: told by the session.

Hears of every event of the turn machine and of the commands that came of it, and takes the turns that a store would
get.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ari_app.core.commands import (
    CallerSaid,
    Command,
    Draft,
    ForgetSpeech,
    HoldSpeaking,
    Leave,
    Reply,
    ResumeSpeaking,
    Say,
    SayFiller,
    StopSpeaking,
    TakeTranscript,
)
from ari_app.core.events import (
    CallerGone,
    Event,
    Heard,
    HearingFailed,
    LineFailed,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    ToneHeard,
    ToolCalled,
)
from ari_app.settings import AgentSettings, TurnSettings, endpoints
from ari_app.store.records import ToolRecord, TurnRecord

_BEHIND_SECONDS = 0.001
"""A turn is stored a moment before the event that ends it is told."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened."""

    at_s: float
    """Seconds of the recording."""
    what: str
    """Its name, stable for programs."""
    text: str
    """The same for people."""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that is over."""

    at_s: float
    """When it was, in seconds of the recording."""
    record: TurnRecord


class Timeline:
    """Gathers one call. `observe` is for the session, `turn` and `tool_call` are those of a store."""

    def __init__(self, agent: AgentSettings, turn: TurnSettings, now: Callable[[], float]) -> None:
        self._judge = turn.judge
        self._endpoints = endpoints(agent, turn)
        self._now = now
        self._begin = now()
        self.moments: list[Moment] = []
        self.turns: list[Turn] = []
        self.tools: list[ToolRecord] = []
        self._asked_at: dict[int, float] = {}  # utterance → when its transcript was wanted
        self._drafts: set[int] = set()  # generations that wait for the end of the turn
        self._answers: set[int] = set()  # generations that are being made or said
        self._onset = self._begin
        self._stopped_at: float | None = None  # end of the latest speech, while its turn lasts

    def turn(self, record: TurnRecord) -> None:
        """Keep a turn."""
        self.turns.append(Turn(round(self._now() - self._begin, 3), record))

    def tool_call(self, record: ToolRecord) -> None:
        """Keep a tool call; nothing is done about it."""
        self.tools.append(record)

    def observe(self, now: float, event: Event, commands: Sequence[Command]) -> None:
        """Keep an event and what was decided upon it."""
        self.moments += self._happened(now, event)
        for command in commands:
            self.moments += self._decided(now, command)

    def transcribed(self, seconds: float, words: str) -> None:
        """Keep what was understood while the caller still speaks; at a pause, the machine is told."""
        if not self._asked_at:
            text = f"so far: {words}" if words else "so far no words"
            self.moments.append(self._at(self._now(), "so_far", text, words=words, audio_s=round(seconds, 3)))

    def entries(self) -> list[Moment | Turn]:
        """Everything in the order of the recording, a turn behind what ended it."""
        return sorted(
            [*self.moments, *self.turns],
            key=lambda entry: entry.at_s + (_BEHIND_SECONDS if isinstance(entry, Turn) else 0.0),
        )

    def _at(self, now: float, what: str, text: str, **details: Any) -> Moment:
        return Moment(round(now - self._begin, 3), what, text, details)

    def _happened(self, now: float, event: Event) -> Iterator[Moment]:
        match event:
            case SpeechStarted(at):
                yield self._speech_started(at)
            case SpeechStopped(at):
                self._stopped_at = at
                seconds = at - self._onset
                yield self._at(
                    at, "pause", f"caller pauses, after {seconds:.2f} s of speech", speech_s=round(seconds, 3)
                )
            case Heard(utterance):
                yield self._heard(now, event, self._asked_at.pop(utterance, now))
            case SpeakingStarted():
                yield self._at(now, "agent_speaks", "agent speaks")
            case SpeakingDone(generation, spoke):
                self._answers.discard(generation)
                yield self._at(now, "agent_done", "agent has finished" if spoke else "the reply held nothing to say")
            case ToolCalled(_, name, arguments):
                yield self._at(now, "tool", f"the model calls {name}", name=name, arguments=dict(arguments))
            case ToneHeard(kind):
                yield self._at(now, "tone", f"a tone that no person makes: {kind}", kind=kind)
            case HearingFailed(_, reason) | ReplyFailed(_, reason) | LineFailed(reason):
                yield self._at(now, "failed", f"failed: {reason}", reason=reason)
            case CallerGone():
                yield self._at(now, "hang_up", "caller hangs up: the recording is over")
            case _:
                pass

    def _speech_started(self, at: float) -> Moment:
        self._onset = at
        if self._stopped_at is None:
            return self._at(at, "speech", "caller speaks")
        pause_ms = round((at - self._stopped_at) * 1000)
        return self._at(at, "speech", f"caller speaks again, after a pause of {pause_ms} ms", pause_ms=pause_ms)

    def _heard(self, now: float, event: Heard, asked_at: float) -> Moment:
        took_ms = round((now - asked_at) * 1000)
        judged = "" if event.complete is None else f"; probability that this is all: {event.complete:.2f}"
        words = f"heard in {took_ms} ms: {event.text}" if event.text.strip() else f"no words heard, in {took_ms} ms"
        return self._at(
            now, "heard", words + judged, words=event.text, took_ms=took_ms, complete_probability=event.complete
        )

    def _decided(self, now: float, command: Command) -> Iterator[Moment]:
        match command:
            case TakeTranscript(utterance):
                self._asked_at[utterance] = now
            case CallerSaid(text, _, endpoint_ms):
                self._stopped_at = None
                yield self._at(now, "turn_ends", self._why(endpoint_ms), words=text, silence_ms=endpoint_ms)
            case ForgetSpeech():
                self._stopped_at = None
                yield self._at(now, "forgotten", "what was heard is no turn")
            case Draft(generation, text):
                self._drafts.add(generation)
                yield self._at(now, "draft", f"drafts an answer to: {text}", words=text)
            case Reply(generation):
                used = generation in self._drafts
                self._drafts.discard(generation)
                self._answers.add(generation)
                yield self._at(now, "reply", "takes the draft" if used else "asks the model", drafted=used)
            case Say(generation, text, trigger):
                self._answers.add(generation)
                yield self._at(now, "say", f"says a fixed sentence ({trigger}): {text}", words=text, trigger=trigger)
            case SayFiller(_, text):
                yield self._at(now, "filler", f"fills the wait: {text}", words=text)
            case HoldSpeaking():
                yield self._at(now, "hold", "agent is held: somebody speaks over it")
            case ResumeSpeaking():
                yield self._at(now, "resume", "agent goes on: that was no interruption")
            case StopSpeaking(generation) if generation in self._drafts:
                self._drafts.discard(generation)
                yield self._at(now, "draft_dropped", "drops the draft")
            case StopSpeaking(generation) if generation in self._answers:
                self._answers.discard(generation)
                yield self._at(now, "stop", "agent is stopped")
            case Leave(outcome):
                text = f"leaves: {outcome.status}, {outcome.reason}"
                yield self._at(now, "leave", text, status=str(outcome.status), reason=outcome.reason)

    def _why(self, endpoint_ms: float | None) -> str:
        """Which of the silences it was, and what that says of the words."""
        if endpoint_ms is None:
            return "takes the words so far"
        shortest, usual, longest = self._endpoints
        reasons = {shortest: "the words are complete", longest: "the words trail off", usual: "the words do not tell"}
        why = reasons.get(round(endpoint_ms), "by the sound of it") if self._judge != "silence" else "as always"
        return f"turn ends after {endpoint_ms:.0f} ms of silence: {why}"

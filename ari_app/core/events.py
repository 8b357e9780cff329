"""What can happen to a conversation: the input of the turn machine.

Times are monotonic seconds. `at` is when it happened in the audio; the machine is told `now` beside every event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MediaReady:
    """The caller is answered and hears us; the conversation begins."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak."""

    at: float
    """Onset, in audio time."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller paused or ended; which of both, the turn machine decides."""

    at: float
    """End of the last speech, in audio time."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The transcript that `TakeTranscript` asked for."""

    utterance: int
    text: str
    """Empty when nothing understandable was said."""
    complete: float | None = None
    """How probable the acoustic judge finds it that the caller has finished, 0…1; None without a judge."""
    asked: str = ""
    """What the caller heard of us last."""
    sure: bool = True
    """Whether the model that transcribed is; one that is not makes words of noises, and endings of beginnings."""
    hushed: bool = False
    """Whether the caller could not be heard any more, if only for a moment."""


@dataclass(frozen=True, slots=True)
class HearingFailed:
    """The transcript that `TakeTranscript` asked for will not come."""

    utterance: int
    reason: str


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed a key."""

    digit: str
    """One of ``0``–``9``, ``*``, ``#``, ``A``–``D``."""


@dataclass(frozen=True, slots=True)
class SpeakingStarted:
    """The first audio of a generation went out."""

    generation: int


@dataclass(frozen=True, slots=True)
class SpeakingDone:
    """A generation is complete and all of it was played."""

    generation: int
    spoke: bool
    """False when the reply held nothing to say."""


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """A generation broke off: the model or the voice failed."""

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model called a tool."""

    generation: int
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PutOnHold:
    """The caller's phone put us on hold: nobody hears us."""


@dataclass(frozen=True, slots=True)
class TakenOffHold:
    """The caller is back."""


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """The line carries a tone that no person makes."""

    kind: str
    """``fax`` (CNG or CED) or ``line`` (dial tone, busy, congestion: the caller is gone and the line was not told)."""


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller's channel ended or left us."""


@dataclass(frozen=True, slots=True)
class LineFailed:
    """The call cannot go on: media or Asterisk failed, or we are shutting down."""

    reason: str


@dataclass(frozen=True, slots=True)
class Timer:
    """The deadline that the machine asked for has come."""


Event = (
    MediaReady
    | SpeechStarted
    | SpeechStopped
    | Heard
    | HearingFailed
    | Digit
    | SpeakingStarted
    | SpeakingDone
    | ReplyFailed
    | ToolCalled
    | PutOnHold
    | TakenOffHold
    | ToneHeard
    | CallerGone
    | LineFailed
    | Timer
)


def is_late(event: Event, generation: int, utterance: int | None) -> bool:
    """Whether an event belongs to a generation or an utterance that is not the current one."""
    of_generation, of_utterance = getattr(event, "generation", None), getattr(event, "utterance", None)
    return of_generation not in (None, generation) or of_utterance not in (None, utterance)

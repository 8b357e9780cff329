"""What the turn machine wants done: its output, carried out by call/session.py."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """OFFHOOK_STATUS: how the agent's part of the call ended."""

    COMPLETED = "COMPLETED"
    TRANSFER = "TRANSFER"
    HANGUP = "HANGUP"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call leaves the agent."""

    status: Status
    reason: str
    """OFFHOOK_REASON: one word or a few joined by ``_``, stable for dialplans."""
    transfer_to: str = ""
    """OFFHOOK_TRANSFER_TO, with status TRANSFER."""


@dataclass(frozen=True, slots=True)
class TakeTranscript:
    """Transcribe what was said since the last accepted words; answered by Heard or HearingFailed. Accepts nothing."""

    utterance: int


@dataclass(frozen=True, slots=True)
class CallerSaid:
    """Put the caller's words into the history; what was heard up to their transcript is accepted."""

    text: str
    trigger: str
    """``speech`` or ``dtmf``."""
    endpoint_ms: float | None = None
    """The silence that ended the turn; None where none did (keys, or a turn so long that it is taken in parts)."""


@dataclass(frozen=True, slots=True)
class ForgetSpeech:
    """What was heard since the last accepted words was no turn; drop it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Let the model answer the history and these words, which may not be the caller's last; nothing may be said, stored
    or done before `Reply` of the same generation. `StopSpeaking` throws the draft away."""

    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Let the model answer the history, and speak it; a draft of this generation is that answer."""

    generation: int


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a fixed sentence."""

    generation: int
    text: str
    trigger: str
    """Why: ``greeting``, ``silence``, ``error`` or ``closing``."""


@dataclass(frozen=True, slots=True)
class SayFiller:
    """Speak this while the generation's own first words are awaited; it does not enter the history."""

    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class HoldSpeaking:
    """Silence the generation and keep what was not heard of it."""

    generation: int


@dataclass(frozen=True, slots=True)
class ResumeSpeaking:
    """Speak on from where `HoldSpeaking` silenced the generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Cancel a generation and silence what is queued; the history keeps what was heard."""

    generation: int


@dataclass(frozen=True, slots=True)
class Leave:
    """Give the call back to the dialplan, or let it go. Always the last command."""

    outcome: Outcome


Command = (
    TakeTranscript
    | CallerSaid
    | ForgetSpeech
    | Draft
    | Reply
    | Say
    | SayFiller
    | HoldSpeaking
    | ResumeSpeaking
    | StopSpeaking
    | Leave
)

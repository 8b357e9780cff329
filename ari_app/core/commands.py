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
    """Transcribe what was said since the last one; answered by Heard or HearingFailed."""

    utterance: int


@dataclass(frozen=True, slots=True)
class CallerSaid:
    """Put the caller's words into the history."""

    text: str
    trigger: str
    """``speech`` or ``dtmf``."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Let the model answer the history, and speak it."""

    generation: int


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a fixed sentence."""

    generation: int
    text: str
    trigger: str
    """Why: ``greeting``, ``silence``, ``error`` or ``closing``."""


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Cancel a generation and silence what is queued; the history keeps what was heard."""

    generation: int


@dataclass(frozen=True, slots=True)
class ForgetSpeech:
    """What was heard since the last transcript was no turn; drop it."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Give the call back to the dialplan, or let it go. Always the last command."""

    outcome: Outcome


Command = TakeTranscript | CallerSaid | Reply | Say | StopSpeaking | ForgetSpeech | Leave

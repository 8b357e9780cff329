"""What is kept of a call: the records that a call writes, and the call that is read back. Pure data.

Times of day are UTC and aware; durations are milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call began."""

    id: str
    agent: str
    caller_number: str
    caller_name: str
    channel: str
    started_at: datetime
    transport: str
    """``websocket``, ``audiosocket`` or ``rtp``."""
    listen: str
    """``auto``, ``direct`` or ``snoop``, as configured."""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One exchange: what the caller said, and what the agent answered."""

    call_id: str
    number: int
    """Counted from 0 within the call."""
    trigger: str
    """``greeting``, ``speech``, ``dtmf``, ``silence``, ``error`` or ``closing``."""
    caller_text: str
    agent_text: str
    """What the caller really heard of the answer."""
    agent_said: str
    """The whole answer as it was generated."""
    interrupted: bool
    at_ms: float
    """When the caller had spoken, or when the agent began where nobody had; since the call began."""
    stages_ms: Mapping[str, float]
    """When each stage was reached, since the caller's last speech: endpoint, transcript, first_token, first_clause,
    first_audio, first_frame_sent. A draft's stages lie before ``endpoint``: it is made while the caller pauses."""
    endpoint_ms: float | None = None
    """The silence that was asked for before the turn was taken as over; None where no speech was answered."""

    @property
    def gap_ms(self) -> float | None:
        """What the caller waited for the answer beyond that silence; None where no speech was answered."""
        answered = self.stages_ms.get("first_frame_sent")
        return None if answered is None or self.endpoint_ms is None else answered - self.endpoint_ms


@dataclass(frozen=True, slots=True)
class ToolRecord:
    """The model called a tool."""

    call_id: str
    turn: int
    name: str
    arguments: Mapping[str, Any]
    result: str


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call ended."""

    call_id: str
    status: str
    """OFFHOOK_STATUS."""
    reason: str
    ended_at: datetime
    variables: Mapping[str, str]
    """What the dialplan got, by name."""
    recording: str | None
    """Path of the recording, if there is one."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How often things happened that an admin may want to know: drafts, holds, late_clauses, …; 0 may be left out."""


Record = CallRecord | TurnRecord | ToolRecord | CallEnd


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call as it was read back; `end` is missing while it runs, or when the process died in it."""

    start: CallRecord
    end: CallEnd | None
    turn_count: int
    turns: tuple[TurnRecord, ...] = ()
    """Only of a single call, not in lists."""
    tools: tuple[ToolRecord, ...] = ()
    """Only of a single call, not in lists."""

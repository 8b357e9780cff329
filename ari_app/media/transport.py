"""The one seam between a call and its audio: what a media leg is, whatever carries it.

A leg begins as an `Offer`: it says which external-media channel Asterisk must create (`Offer.external`), and once
that exists it connects and becomes a `Transport`. Implementations: websocket.py, audiosocket.py, rtp.py. None of them
talks to ARI; call/line.py does.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

FRAME_MS = 20
"""Length of every media frame, both ways (Asterisk's own)."""
CONNECT_SECONDS = 5.0
"""How long `Offer.connect` waits for Asterisk."""


@dataclass(frozen=True, slots=True)
class ExternalMedia:
    """The parameters of ARI's ``POST /channels/externalMedia`` for one leg."""

    external_host: str
    """``host:port`` that Asterisk connects or sends to; ``INCOMING`` when we connect to Asterisk."""
    transport: str
    """``udp``, ``tcp`` or ``websocket``."""
    encapsulation: str
    """``rtp``, ``audiosocket`` or ``none``."""
    connection_type: str
    """``client`` or ``server``, seen from Asterisk."""
    format: str
    """Asterisk's name of the codec: ``slin16``, ``slin``, ``ulaw``."""
    data: str | None = None
    """What the encapsulation needs besides (AudioSocket: the UUID of the leg)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Audio that arrived: one frame, 16-bit little-endian mono at the transport's rate."""

    pcm: bytes
    at: float
    """Monotonic seconds at which it arrived."""


@dataclass(frozen=True, slots=True)
class Played:
    """Everything sent before `mark` has left for the caller."""

    mark: str
    at: float


@dataclass(frozen=True, slots=True)
class DtmfDigit:
    """The caller pressed a key; one event a key press, at its end."""

    digit: str
    at: float


@dataclass(frozen=True, slots=True)
class Closed:
    """The leg is gone, always the last event. `error` is set when it was not closed by either side on purpose."""

    reason: str
    error: Exception | None = None


MediaEvent = Frame | Played | DtmfDigit | Closed


class Transport(Protocol):
    """One connected media leg. All methods are for the event loop's thread; none but `close` waits.

    While nothing is queued the transport sends comfort silence by itself, one frame every 20 ms.
    """

    name: str
    """``websocket``, ``audiosocket`` or ``rtp``."""
    rate: int
    """Hz of the PCM in both directions."""
    carries_dtmf: bool
    """Whether key presses come as `DtmfDigit`; where not (rtp), only ARI's ChannelDtmfReceived tells them. Where they
    do come, ARI is the worse source: keys in quick succession are announced twice there."""

    @property
    def late_frames(self) -> int:
        """Frames so far that left more than 20 ms after their time, because the process was busy."""

    def __aiter__(self) -> AsyncIterator[MediaEvent]:
        """The events of this leg in order, ending after `Closed`. One consumer."""

    def send(self, pcm: bytes) -> None:
        """Queue 16-bit little-endian mono PCM of any length after what is queued; a last partial frame is padded
        with silence when a mark or nothing follows it. Raises MediaError when ten minutes are queued."""

    def mark(self, mark: str) -> None:
        """Ask for `Played(mark)` once all that is queued before it has been played. ASCII, at most 64 characters.
        With nothing queued before it, the event comes at once."""

    def flush(self) -> None:
        """Forget all that is queued, here and in Asterisk, at once; its marks never come."""

    def relax(self, relaxed: bool) -> None:
        """Nobody speaks: from now on what arrives may come up to 40 ms later, several frames at once. Waking up for
        each frame is most of what such a call costs. Does nothing where the leg wakes up for its own sake."""

    async def close(self) -> None:
        """Close the leg and free its sockets; idempotent."""


class Offer(Protocol):
    """A leg that is prepared on our side and not yet known to Asterisk."""

    external: ExternalMedia

    async def connect(self, variables: Mapping[str, str]) -> Transport:
        """Finish the connection; `variables` are the channel's variables as ARI returned them on creation.

        Raises MediaError after 5 s, or FormatMismatch.
        """

    async def cancel(self) -> None:
        """Free what the offer holds if it never connects; idempotent."""


class MediaKind(Protocol):
    """A way of carrying media, set up once a process (AudioSocket's listener lives here)."""

    name: str
    rate: int

    async def offer(self) -> Offer:
        """Prepare one leg."""

    async def close(self) -> None:
        """Close listeners; legs that are open stay open."""

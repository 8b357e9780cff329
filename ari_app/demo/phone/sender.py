"""The phone's outgoing RTP: a frame every 20 ms, to absolute deadlines, stepped by whoever drives it (see drive.py).

The event loop's thread hands it utterances and keys, one after the other; it answers through their futures.
"""

import asyncio
import contextlib
import secrets
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from ari_app.demo.phone.hearing import LOUD_RMS
from ari_app.demo.phone.rtp import FRAME_BYTES, FRAME_S, FRAME_SAMPLES, Codec, Packet, key_events, rms

MOST_LATE_FRAMES = 10
"""After a longer delay (a suspended process) we go on from now instead of sending all that was missed in a burst."""
KEY_PAUSE_FRAMES = 4
END_REPEATS = 2
"""The last event packet of a key is sent this many times more (RFC 4733, section 2.5.1.4)."""
SILENCE = bytes(FRAME_BYTES)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Said:
    """When an utterance left, monotonic seconds; the loud ones are those of its first and last loud frame."""

    started_at: float
    first_loud_at: float
    last_loud_at: float
    ended_at: float


@dataclass(slots=True)
class Utterance:
    """Audio to be said, 16-bit little-endian at 8 kHz, not empty. Cancelling `done` stops it."""

    pcm: bytes
    done: asyncio.Future[Said]
    sent: list[tuple[float, bool]] = field(default_factory=list)
    """When each frame left, and whether it was loud."""

    def said(self) -> Said:
        """The result, once something is sent; without any loud frame the first and last frames count as such."""
        times = [at for at, _ in self.sent]
        loud = [at for at, is_loud in self.sent if is_loud] or times
        return Said(times[0], loud[0], loud[-1], times[-1])


@dataclass(slots=True)
class Key:
    """A key to be pressed, as an RFC 4733 event; `done` tells when it was released."""

    key: str
    duration_ms: int
    done: asyncio.Future[float]


class Sender:
    """Sends one call's audio, a frame each `step`."""

    def __init__(
        self, sock: socket.socket, peer: tuple[str, int], codec: Codec, event_type: int, *, suppress_silence: bool
    ) -> None:
        self.peer = peer
        self.due = time.monotonic()
        """When the next frame shall leave, monotonic seconds."""
        self.held = False
        """True sends nothing, while the clock runs on."""
        self.sent: list[tuple[float, bytes]] = []
        """Each audio frame that left: the moment it was due (monotonic seconds), and its PCM."""
        self._socket = sock
        self._codec = codec
        self._event_type = event_type
        self._suppress_silence = suppress_silence
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Utterance | Key] = deque()  # what a test or a demo says: a few at most
        self._frames = self._steps()
        self._source = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._talking = False

    def put(self, item: Utterance | Key) -> None:
        """Send `item` after what is waiting."""
        self._waiting.append(item)

    def step(self) -> None:
        """Send what is due now."""
        if not self.held:
            next(self._frames)
        late = int((time.monotonic() - self.due) / FRAME_S)
        steps = late if late > MOST_LATE_FRAMES else 1
        self.due += steps * FRAME_S
        self._timestamp = (self._timestamp + steps * FRAME_SAMPLES) & 0xFFFFFFFF

    def abandon(self, reason: Exception) -> None:
        """What was not sent fails with `reason`. To be called when nothing steps any more; idempotent."""
        for item in self._waiting:
            if not item.done.done():
                item.done.set_exception(reason)
        self._waiting.clear()

    def _steps(self) -> Iterator[None]:
        """Each step sends what is due in one frame's time."""
        while True:
            while self._waiting and self._waiting[0].done.cancelled():
                self._waiting.popleft()
            if not self._waiting:
                self._send_silence()
                yield
            elif isinstance(item := self._waiting[0], Utterance):
                yield from self._say(item)
            else:
                yield from self._press(item)

    def _say(self, item: Utterance) -> Iterator[None]:
        for start in range(0, len(item.pcm), FRAME_BYTES):
            if item.done.cancelled():
                break
            pcm = item.pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
            item.sent.append((self._send_audio(pcm), rms(pcm) >= LOUD_RMS))
            if start + FRAME_BYTES >= len(item.pcm):
                self._finish(item.done, item.said())
            yield

    def _press(self, item: Key) -> Iterator[None]:
        begun, marker = self._timestamp, True
        self._talking = False
        for payload, last in key_events(item.key, item.duration_ms):
            for _ in range(1 + END_REPEATS if last else 1):
                at = self._send(self._event_type, begun, payload, marker)
                marker = False
            if last:
                self._finish(item.done, at)
            yield
        for _ in range(KEY_PAUSE_FRAMES):
            self._send_silence()
            yield

    def _finish(self, future: "asyncio.Future[Result]", result: Result) -> None:
        self._waiting.popleft()

        def tell() -> None:
            if not future.done():
                future.set_result(result)

        self._loop.call_soon_threadsafe(tell)

    def _send_silence(self) -> None:
        if self._suppress_silence:
            self._talking = False
        else:
            self._send_audio(SILENCE)

    def _send_audio(self, pcm: bytes) -> float:
        begins, self._talking = not self._talking, True
        self.sent.append((self.due, pcm))
        return self._send(self._codec.payload_type, self._timestamp, self._codec.encode(pcm), begins)

    def _send(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> float:
        packet = Packet(payload_type, self._sequence, timestamp, self._source, payload, marker).encode()
        self._sequence = (self._sequence + 1) & 0xFFFF
        at = time.monotonic()
        with contextlib.suppress(OSError):  # nobody listens there any more; SIP will say so
            self._socket.sendto(packet, self.peer)
        return at

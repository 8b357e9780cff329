"""The caller's side of a replayed call: the recording goes in, 20 ms at a time, and what the agent says is swallowed.

Stands where call/line.py and a media transport stand on a real call, on the virtual clock. When the recording is over
the caller waits, silent, until the agent has answered, and then hangs up.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ari_app.audio.clock import FRAME_SECONDS
from ari_app.media.transport import Closed, Frame, MediaEvent, Played
from ari_app.replay.clock import running_loop

_MOST_EVENTS = 1000
"""Of a transport that nobody reads: 20 s of frames. The session reads each as it comes."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the caller said."""

    pcm: bytes
    """16-bit little-endian mono."""
    rate: int
    """Hz; one that a transport has."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / 2 / self.rate


class ReplayTransport:
    """A media leg on which the caller is a recording and audio takes its (virtual) time."""

    name = "replay"
    carries_dtmf = True
    late_frames = 0

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._loop = running_loop()
        self._events: asyncio.Queue[MediaEvent] = asyncio.Queue(_MOST_EVENTS)
        self._marks: list[asyncio.TimerHandle] = []
        self.played_until = self._loop.time()
        """When the last of what was sent will have been played."""

    async def __aiter__(self) -> AsyncIterator[MediaEvent]:
        """The recording's frames and the marks, in order."""
        while not isinstance(event := await self._events.get(), Closed):
            yield event
        yield event

    def hear(self, pcm: bytes) -> None:
        """The next frame of the caller."""
        self._events.put_nowait(Frame(pcm, self._loop.time()))

    def relax(self, relaxed: bool) -> None:
        """See Transport: virtual time costs nothing."""

    def send(self, pcm: bytes) -> None:
        """Let it take its time."""
        self.played_until = max(self.played_until, self._loop.time()) + len(pcm) / 2 / self.rate

    def mark(self, mark: str) -> None:
        """Answered when all before it would have been played."""
        when = max(self.played_until, self._loop.time())
        self._marks = [timer for timer in self._marks if timer.when() > self._loop.time()]
        self._marks.append(self._loop.call_at(when, lambda: self._events.put_nowait(Played(mark, when))))

    def flush(self) -> None:
        """Forget what was not played yet, and its marks."""
        for timer in self._marks:
            timer.cancel()
        self._marks.clear()
        self.played_until = self._loop.time()

    async def close(self) -> None:
        """No mark comes any more."""
        self.flush()


class ReplayLine:
    """One replayed caller. `open` and `watch` are the session's, `feed` runs beside it as a task."""

    call_id = "replay"

    def __init__(self, recording: Recording, patience_seconds: float) -> None:
        """`patience_seconds`: how long the caller stays on a line on which nothing happens any more."""
        self._recording = recording
        self._patience_seconds = patience_seconds
        self._loop = running_loop()
        self._opened = asyncio.Event()
        self._left = asyncio.Event()
        self.rate = recording.rate
        self.transport = ReplayTransport(recording.rate)
        self.opened_at = self._loop.time()
        """Where the recording begins, on the clock."""

    @property
    def gone(self) -> bool:
        """Whether the caller has hung up."""
        return self._left.is_set()

    async def watch(self, *_: object) -> None:
        """Return when the caller hangs up; a recording holds no keys and nothing else that Asterisk would report."""
        await self._left.wait()

    async def open(self) -> tuple[ReplayTransport, ReplayTransport]:
        """The caller is answered and begins to speak."""
        self.opened_at = self._loop.time()
        self._opened.set()
        return self.transport, self.transport

    async def feed(self) -> None:
        """Say what was recorded, then be silent, then hang up."""
        await self._opened.wait()
        size = round(self._recording.rate * FRAME_SECONDS) * 2
        pcm, count, busy_at = self._recording.pcm, 0, self.opened_at
        while self._loop.time() < busy_at + self._patience_seconds:
            await asyncio.sleep(self.opened_at + (count + 1) * FRAME_SECONDS - self._loop.time())
            self.transport.hear(pcm[count * size : (count + 1) * size].ljust(size, b"\0"))
            count += 1
            if count * size < len(pcm) or self._loop.is_working or self._loop.time() < self.transport.played_until:
                busy_at = self._loop.time()
        self._left.set()

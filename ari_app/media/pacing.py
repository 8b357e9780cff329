"""Sending on time: what is queued to be said, the 20 ms clock, and the pacing of legs that Asterisk does not pace.

::

    idle     s   s   s   s               grid of origin + n × 20 ms, one frame of silence each
    speech                 S   S   S     begins at once, then one frame every 20 ms
    idle                               s   s   back on the grid
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator

from ari_app.errors import MediaError
from ari_app.media.transport import FRAME_MS

FRAME_SECONDS = FRAME_MS / 1000
_MAX_QUEUED_SECONDS = 600
"""No reply is that long (`llm.max_reply_tokens`): a queue beyond it means that nobody stops the speaker."""
_SHARED_WAKE_SECONDS = 0.01
"""Silence may leave this much early, to leave together with the arrival of a frame."""
_DRAW_SECONDS = 0.001
"""How far each tick that missed the caller's frames moves the grid towards them."""
_CATCH_UP_FRAMES = 3
"""A phone's jitter buffer takes 60 ms late at once; after a longer stall the speech goes on from where it was."""


class SpeechQueue:
    """PCM and the marks in it, given out in whole frames."""

    def __init__(self, frame_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._pcm = bytearray()
        self._marks: deque[tuple[int, str]] = deque()  # after how many bytes; grows with the PCM, which is bounded
        self._taken = 0

    def __bool__(self) -> bool:
        return bool(self._pcm or self._marks)

    def put(self, pcm: bytes) -> None:
        """Append. Raises MediaError when ten minutes are queued."""
        if len(self._pcm) + len(pcm) > self._frame_bytes * _MAX_QUEUED_SECONDS / FRAME_SECONDS:
            raise MediaError(f"more than {_MAX_QUEUED_SECONDS} s of speech are queued for one call")
        self._pcm += pcm

    def mark(self, mark: str) -> None:
        """Set a mark after what is queued, whose last frame is filled up with silence."""
        self.pad()
        self._marks.append((self._taken + len(self._pcm), mark))

    def pad(self) -> None:
        """Fill up the last frame."""
        self._pcm += bytes(-len(self._pcm) % self._frame_bytes)

    def clear(self) -> None:
        """Forget all."""
        self._pcm.clear()
        self._marks.clear()

    def reached(self) -> Iterator[str]:
        """Take the marks before which no audio is left."""
        while self._marks and self._marks[0][0] <= self._taken:
            yield self._marks.popleft()[1]

    def take(self, max_frames: int) -> bytes:
        """Up to `max_frames` whole frames, none beyond the next mark."""
        size = min(len(self._pcm), max_frames * self._frame_bytes)
        if self._marks:
            size = min(size, self._marks[0][0] - self._taken)
        size = max(0, size - size % self._frame_bytes)
        pcm = bytes(self._pcm[:size])
        del self._pcm[:size]
        self._taken += size
        return pcm


class FrameTimer:
    """Calls `tick(missed)` every 20 ms at absolute deadlines; `missed` deadlines went by while the loop was busy.

    Waking up is most of what an idle call costs. So the grid of deadlines lets itself be drawn to where the caller's
    frames arrive, and these wake-ups serve both directions.
    """

    def __init__(self, tick: Callable[[int], None]) -> None:
        self._tick = tick
        self._loop = asyncio.get_running_loop()
        self._origin = self._due = self._loop.time()
        self._handle = self._loop.call_soon(self._run)
        self._heard = False

    def heard(self) -> None:
        """A frame has arrived, while nothing is said: tick with it if a tick is near."""
        if self._due - self._loop.time() > _SHARED_WAKE_SECONDS:
            self._heard = True
        else:
            self._handle.cancel()
            self._fire()

    def hurry(self) -> None:
        """Tick now, and every 20 ms from now."""
        self._handle.cancel()
        self._due = self._loop.time()
        self._handle = self._loop.call_soon(self._run)

    def rest(self, frames: int) -> None:
        """Leave so many ticks out from now on, unless something hurries."""
        self._handle.cancel()
        self._due += frames * FRAME_SECONDS
        self._handle = self._loop.call_at(self._due, self._run)

    def back_to_grid(self) -> None:
        """Put the next deadline back on the grid (later by less than a frame), so that hurrying adds up to nothing."""
        frames = math.ceil((self._due - self._origin) / FRAME_SECONDS - 1e-6)
        self._handle.cancel()
        self._due = self._origin + frames * FRAME_SECONDS
        self._handle = self._loop.call_at(self._due, self._run)

    def stop(self) -> None:
        """No more ticks."""
        self._handle.cancel()

    def _run(self) -> None:
        if self._heard:
            self._origin += _DRAW_SECONDS
            self._due += _DRAW_SECONDS
        self._fire()

    def _fire(self) -> None:
        self._heard = False
        missed = max(0, int((self._loop.time() - self._due) / FRAME_SECONDS))
        self._due += (missed + 1) * FRAME_SECONDS
        self._handle = self._loop.call_at(self._due, self._run)
        self._tick(missed)


class PacedSpeaker:
    """Speaks at the rate of time: speech when there is some, else silence, one frame each 20 ms."""

    def __init__(
        self, frame_bytes: int, send_frame: Callable[[bytes | None, int], None], played: Callable[[str], None]
    ) -> None:
        """`send_frame(pcm, skipped)` sends one frame, None for silence, after `skipped` frame times without any."""
        self._queue = SpeechQueue(frame_bytes)
        self._send_frame = send_frame
        self._played = played
        self._idle = True
        self._stopped = False
        self._timer = FrameTimer(self._tick)
        self.late_frames = 0
        """See Transport."""

    def send(self, pcm: bytes) -> None:
        """See Transport."""
        if self._stopped:
            return
        self._queue.put(pcm)
        if self._idle and self._queue:
            self._idle = False
            self._timer.hurry()

    def mark(self, mark: str) -> None:
        """See Transport."""
        if self._idle:
            self._played(mark)
        else:
            self._queue.mark(mark)

    def flush(self) -> None:
        """See Transport."""
        self._queue.clear()

    def heard(self) -> None:
        """A frame has arrived."""
        if self._idle:
            self._timer.heard()

    def stop(self) -> None:
        """Send nothing more, whatever is asked."""
        self._stopped = True
        self._queue.clear()
        self._timer.stop()

    def _tick(self, missed: int) -> None:
        self.late_frames += missed
        if self._speak_frame(0 if missed <= _CATCH_UP_FRAMES else missed):
            for _ in range(missed if missed <= _CATCH_UP_FRAMES else 0):
                self._speak_frame(0)
            return
        if not self._idle:
            self._idle = True
            self._timer.back_to_grid()
        self._send_frame(None, missed)

    def _speak_frame(self, skipped: int) -> bool:
        """Send the next frame of speech; False if there is none."""
        for mark in self._queue.reached():
            self._played(mark)
        pcm = self._queue.take(1)
        if not pcm:
            self._queue.pad()
            pcm = self._queue.take(1)
        if pcm:
            self._send_frame(pcm, skipped)
        return bool(pcm)


class PacedLeg:
    """The part of a Transport that a PacedSpeaker does."""

    _speaker: PacedSpeaker
    """Made by the leg, when it is known where to send."""

    @property
    def late_frames(self) -> int:
        """See Transport."""
        return self._speaker.late_frames

    def send(self, pcm: bytes) -> None:
        """See Transport."""
        self._speaker.send(pcm)

    def mark(self, mark: str) -> None:
        """See Transport."""
        self._speaker.mark(mark)

    def flush(self) -> None:
        """See Transport."""
        self._speaker.flush()

    def relax(self, relaxed: bool) -> None:
        """See Transport: silence has to go out every 20 ms."""

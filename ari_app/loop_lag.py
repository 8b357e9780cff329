"""How late the event loop wakes up: what a frame or a timer of any call suffers while something keeps the loop busy.

One timer for the process. A wake-up costs some 0.15 ms where nothing else wakes the loop up: five a second are less
than 0.1 % of a core. They are samples; what a stall does to frames is counted by frame (`Transport.late_frames`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.2
LIMIT_SECONDS = 0.06
"""Three frames: what a phone's jitter buffer makes up for. Later than that is heard."""
WARN_SECONDS = 60.0
"""Between warnings; each tells how often it happened since the last one."""
_TICKS_A_SECOND = round(1 / INTERVAL_SECONDS)


class LoopLag:
    """Measures from its making until `stop`, on the running loop; `observe` is told each lag in seconds."""

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._ticks = 0
        self._worst = 0.0  # of the second that is running
        self._seconds: deque[float] = deque(maxlen=60)  # the worst of each second of the last minute
        self._over_limit = 0
        self._warn_from = 0.0
        self._due = self._loop.time() + INTERVAL_SECONDS
        self._timer = self._loop.call_at(self._due, self._tick)

    @property
    def worst_seconds(self) -> float:
        """The longest lag of the last minute."""
        return max(self._worst, *self._seconds, 0.0)

    def stop(self) -> None:
        """Measure no more."""
        self._timer.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        lag = max(0.0, now - self._due)
        self._observe(lag)
        self._worst = max(self._worst, lag)
        self._ticks += 1
        if self._ticks % _TICKS_A_SECOND == 0:
            self._seconds.append(self._worst)
            self._worst = 0.0
        if lag > LIMIT_SECONDS:
            self._over_limit += 1
        if self._over_limit and now >= self._warn_from:
            self._warn(now)
        self._due = now + INTERVAL_SECONDS
        self._timer = self._loop.call_at(self._due, self._tick)

    def _warn(self, now: float) -> None:
        figures = {"worst_ms": round(self.worst_seconds * 1000), "times": self._over_limit}
        log.warning("the event loop was late; callers may hear gaps", extra=figures)
        self._over_limit, self._warn_from = 0, now + WARN_SECONDS

"""An event loop whose clock runs while somebody works and jumps when nobody does: minutes of a call in moments.

::

    clock   0.00 ── 0.02 ── 0.04 … 4.86 ════════════════ 4.93 ── 4.94 …
            jumps from timer to timer   runs at real speed: an engine works on its thread

What work costs is therefore as it is on a call, and silence costs nothing. Work on other threads has to be declared
with `working`, or the clock would jump past it; work on the loop's own thread between timers takes no time.
"""

import asyncio
import selectors
import time
from collections.abc import Iterator
from contextlib import contextmanager

_BEGIN = 1000.0
"""The clock's first reading, in seconds: like a monotonic clock's, never 0."""


class _Clock(selectors.DefaultSelector):
    """Where the loop would wait for its next timer: waits while there is work, else moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = 0
        self._now = _BEGIN
        self._since = 0.0

    def now(self) -> float:
        return self._now + (time.monotonic() - self._since if self.jobs else 0.0)

    def begin(self) -> None:
        if not self.jobs:
            self._since = time.monotonic()
        self.jobs += 1

    def end(self) -> None:
        self._now = self.now()
        self._since = time.monotonic()
        self.jobs -= 1

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.jobs:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the loop would wait for ever")
            self._now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`loop.time()` is virtual, and so is every timer."""

    def __init__(self) -> None:
        self._virtual = _Clock()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual.now()

    @property
    def is_working(self) -> bool:
        """Whether anything is inside `working`."""
        return self._virtual.jobs > 0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Inside, the clock runs at real speed: what is awaited here is done by another thread."""
        self._virtual.begin()
        try:
            yield
        finally:
            self._virtual.end()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 (asyncio's)
        """Wait for `asyncio.to_thread`'s threads, which are work as well."""
        with self.working():
            await super().shutdown_default_executor()


def running_loop() -> VirtualTimeLoop:
    """The loop that runs, which has to be of this kind."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualTimeLoop):
        raise RuntimeError("runs in real time")
    return loop

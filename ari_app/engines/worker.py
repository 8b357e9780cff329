"""A few threads and a short queue: how an engine whose library blocks serves an event loop."""

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple

from ari_app.engines.cores import yield_to_media
from ari_app.errors import EngineError

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")

BACKLOG = 64
"""Jobs that may wait for one engine: a few from each of the calls that one machine can hold. A longer queue would be
answered after the caller has hung up."""


@dataclass(slots=True)
class WorkerStats:
    """What a worker has done since it began."""

    jobs: int = 0
    """Jobs that were begun."""
    waiting: int = 0
    """Jobs that wait now."""
    dropped: int = 0
    """Jobs that were cancelled while they waited, or refused."""
    failed: int = 0
    """Jobs that raised an error."""
    wait_seconds: float = 0.0
    """How long the jobs waited that were begun, all together."""
    busy_seconds: float = 0.0
    """How long the jobs took that are done, all threads together."""


@dataclass(order=True, slots=True)
class _Job:
    """One call of a blocking function; the smaller, the sooner."""

    priority: int
    number: int
    function: Callable[[], Any] = field(compare=False)
    result: Future[Any] = field(compare=False)
    asked_at: float = field(compare=False, default_factory=time.monotonic)


class Worker:
    """Runs blocking functions on `threads` threads of its own: the most urgent first, then in order of arrival."""

    def __init__(self, engine: str, threads: int = 1, backlog: int = BACKLOG) -> None:
        self.stats = WorkerStats()
        self._engine = engine
        self._room = threads + backlog
        self._unfinished = 0  # jobs that wait or run
        self._closed = False
        self._numbers = itertools.count()
        self._lock = threading.Lock()  # of the heap and the stats
        self._heap: list[_Job] = []
        # It gets a ticket for every job; whoever takes one runs the job that is the most urgent by then.
        self._pool = ThreadPoolExecutor(threads, f"offhook-{engine}", initializer=yield_to_media)

    async def run(self, function: Callable[[*Arguments], T], *arguments: *Arguments, priority: int = 0) -> T:
        """Run `function` on a thread and return what it returns; of the jobs that wait, a lower `priority` is sooner.

        Cancelling skips it if it still waits; if it already runs, it runs on and its result is dropped. Raises
        EngineError, with the cause, for whatever it raises, when too many jobs wait, and after `close`.
        """
        if self._closed:
            raise EngineError(f"{self._engine}: is closed")
        if self._unfinished >= self._room:
            self.stats.dropped += 1
            raise EngineError(
                f"{self._engine}: too much to do, {self._unfinished} jobs wait", "take fewer calls at once"
            )
        job = _Job(priority, next(self._numbers), lambda: function(*arguments), Future[T]())
        self._push(job)
        try:
            return await asyncio.wrap_future(job.result)
        except asyncio.CancelledError:
            self._withdraw(job)
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # nobody cancelled us: `close` dropped the job
                raise EngineError(f"{self._engine}: is closed") from None
            raise
        except EngineError:
            self.stats.failed += 1
            raise
        except Exception as error:
            self.stats.failed += 1
            raise EngineError(f"{self._engine}: {type(error).__name__}: {error}") from error
        finally:
            self._unfinished -= 1

    async def close(self) -> None:
        """Drop what waits, let what runs end, and join the threads; idempotent."""
        self._closed = True
        with self._lock:
            waiting = list(self._heap)
        for job in waiting:
            job.result.cancel()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _push(self, job: _Job) -> None:
        self._unfinished += 1
        with self._lock:
            heapq.heappush(self._heap, job)
            self.stats.waiting += 1
        self._pool.submit(self._run_next)

    def _withdraw(self, job: _Job) -> None:
        """Nobody waits for the job any more."""
        with self._lock:
            if job in self._heap:
                self._heap.remove(job)
                heapq.heapify(self._heap)
                self.stats.waiting -= 1
                self.stats.dropped += 1

    def _run_next(self) -> None:
        """On a thread."""
        with self._lock:
            if not self._heap:  # the ticket's job was withdrawn
                return
            job = heapq.heappop(self._heap)
            began = time.monotonic()
            self.stats.waiting -= 1
            self.stats.jobs += 1
            self.stats.wait_seconds += began - job.asked_at
        if not job.result.set_running_or_notify_cancel():
            return
        try:
            result = job.function()
        except BaseException as error:
            job.result.set_exception(error)
        else:
            job.result.set_result(result)
        finally:
            with self._lock:
                self.stats.busy_seconds += time.monotonic() - began

"""A few threads and a short queue: how an engine whose library blocks serves an event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from ari_app.errors import EngineError

P = ParamSpec("P")
T = TypeVar("T")

BACKLOG = 64
"""Jobs that may wait for one engine: a few from each of the calls that one machine can hold. A longer queue would be
answered after the caller has hung up."""


class Worker:
    """Runs blocking functions on `threads` threads of its own, in order of arrival."""

    def __init__(self, engine: str, threads: int = 1, backlog: int = BACKLOG) -> None:
        self._engine = engine
        self._room = threads + backlog
        self._jobs = 0
        self._closed = False
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"offhook-{engine}")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` on a thread and return what it returns.

        Cancelling skips it if it still waits; if it already runs, it runs on and its result is dropped. Raises
        EngineError, with the cause, for whatever it raises, when too many jobs wait, and after `close`.
        """
        if self._closed:
            raise EngineError(f"{self._engine}: is closed")
        if self._jobs >= self._room:
            raise EngineError(f"{self._engine}: too much to do, {self._jobs} jobs wait", "take fewer calls at once")
        future = self._pool.submit(function, *args, **kwargs)
        self._jobs += 1
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # nobody cancelled us: `close` dropped the job
                raise EngineError(f"{self._engine}: is closed") from None
            raise
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"{self._engine}: {type(error).__name__}: {error}") from error
        finally:
            self._jobs -= 1

    async def close(self) -> None:
        """Drop what waits, let what runs end, and join the threads; idempotent."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

"""The thread pool that blocking engines share."""

import asyncio
import threading

import pytest

from ari_app.engines.worker import Worker
from ari_app.errors import EngineError


@pytest.fixture
async def worker():
    worker = Worker("stt", backlog=2)
    yield worker
    await worker.close()


class Gate:
    """A job that runs until it is let go."""

    def __init__(self):
        self.running, self.go = threading.Event(), threading.Event()

    def __call__(self):
        self.running.set()
        self.go.wait(10)
        return "done"


async def busy(worker):
    gate = Gate()
    task = asyncio.create_task(worker.run(gate))
    await asyncio.to_thread(gate.running.wait, 10)
    return gate, task


async def test_returns_the_result_and_runs_on_its_own_thread(worker):
    assert await worker.run(divmod, 7, 3) == (2, 1)
    name = await worker.run(lambda: threading.current_thread().name)
    assert name.startswith("offhook-stt")


async def test_an_exception_becomes_an_engine_error_with_its_cause(worker):
    with pytest.raises(EngineError, match=r"stt: ZeroDivisionError") as caught:
        await worker.run(divmod, 1, 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert worker.stats.failed == 1


async def test_an_engine_error_passes_as_it_is(worker):
    def fail():
        raise EngineError("mine")

    with pytest.raises(EngineError, match=r"^mine$"):
        await worker.run(fail)
    assert worker.stats.failed == 1


async def test_a_cancelled_job_that_waits_is_never_run(worker):
    gate, first = await busy(worker)
    ran = []
    second = asyncio.create_task(worker.run(ran.append, 2))
    third = asyncio.create_task(worker.run(ran.append, 3))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.go.set()
    await third
    assert await first == "done"
    assert ran == [3]


async def test_cancelling_a_running_job_does_not_wait_for_it(worker):
    gate, task = await busy(worker)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not gate.go.is_set()
    gate.go.set()


async def test_a_full_queue_refuses_at_once_and_recovers(worker):
    gate, first = await busy(worker)
    waiting = [asyncio.create_task(worker.run(int)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(EngineError, match="too much to do"):
        await worker.run(int)
    gate.go.set()
    await asyncio.gather(first, *waiting)
    assert await worker.run(int) == 0


async def test_close_joins_the_threads_and_refuses_more():
    worker = Worker("closing")
    await worker.run(int)
    await worker.close()
    await worker.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("offhook-closing")]
    with pytest.raises(EngineError, match="is closed"):
        await worker.run(int)


async def test_close_drops_what_waits():
    worker = Worker("tts")
    gate, running = await busy(worker)
    ran = []
    waiting = asyncio.create_task(worker.run(ran.append, 1))
    await asyncio.sleep(0)
    closing = asyncio.create_task(worker.close())
    with pytest.raises(EngineError, match="is closed"):
        await waiting
    gate.go.set()
    await closing
    assert await running == "done"
    assert ran == []


async def test_what_is_urgent_overtakes_what_waits_and_the_rest_keeps_its_order():
    worker = Worker("tts", backlog=3)
    gate, first = await busy(worker)
    ran = []
    waiting = [asyncio.create_task(worker.run(ran.append, n, priority=n // 10)) for n in (20, 21, 10)]
    await asyncio.sleep(0)
    gate.go.set()
    await asyncio.gather(first, *waiting)
    assert ran == [10, 20, 21]
    await worker.close()


async def test_counts_what_it_does(worker):
    gate, first = await busy(worker)
    second, third = (asyncio.create_task(worker.run(int)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(EngineError):
        await worker.run(int)
    assert (worker.stats.jobs, worker.stats.waiting, worker.stats.dropped) == (1, 2, 1)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert (worker.stats.jobs, worker.stats.waiting, worker.stats.dropped) == (1, 1, 2)
    gate.go.set()
    await asyncio.gather(first, third)
    await worker.close()
    assert (worker.stats.jobs, worker.stats.waiting, worker.stats.dropped) == (2, 0, 2)
    assert worker.stats.wait_seconds > 0
    assert worker.stats.busy_seconds > 0

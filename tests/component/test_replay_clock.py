"""The virtual clock: it jumps over silence and runs while somebody works."""

import asyncio
import threading
import time

import pytest

from ari_app.replay.clock import running_loop
from tests.component.call.virtual_time import run


def test_an_hour_of_silence_takes_no_hour():
    async def wait():
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await asyncio.sleep(3600)
        return loop.time() - begin

    assert run(wait()) == pytest.approx(3600)


def test_timers_come_in_their_order():
    async def wait():
        order = []
        await asyncio.gather(*(note(order, seconds) for seconds in (7200, 1, 60)))
        return order

    async def note(order, seconds):
        await asyncio.sleep(seconds)
        order.append(seconds)

    assert run(wait()) == [1, 60, 7200]


def test_the_clock_runs_at_real_speed_while_a_thread_works():
    async def work():
        loop = running_loop()
        later = loop.create_task(asyncio.sleep(60))
        begin, really = loop.time(), time.monotonic()
        with loop.working():
            await asyncio.to_thread(time.sleep, 0.05)
        took, really = loop.time() - begin, time.monotonic() - really
        jumped_over = later.done()
        await later
        return took, really, jumped_over, loop.time() - begin

    took, really, jumped_over, until_later = run(work())
    assert 0.05 <= took <= really
    assert not jumped_over, "a minute passed while a thread worked for a moment"
    assert until_later == pytest.approx(60, abs=0.01)


def test_timers_fire_while_a_thread_works():
    async def work():
        loop, go_on = running_loop(), threading.Event()
        loop.call_later(0.03, go_on.set)
        begin = loop.time()
        with loop.working():
            came = await asyncio.to_thread(go_on.wait, 30)
        return came, loop.time() - begin

    came, took = run(work())
    assert came
    assert took >= 0.03


def test_two_that_work_at_once_share_the_time():
    async def work():
        loop = running_loop()
        begin = loop.time()
        async with asyncio.TaskGroup() as group:
            for seconds in (0.02, 0.06):
                group.create_task(job(loop, seconds))
        working_after = loop.is_working
        return loop.time() - begin, working_after

    async def job(loop, seconds):
        with loop.working():
            assert loop.is_working
            await asyncio.to_thread(time.sleep, seconds)

    took, working_after = run(work())
    assert took >= 0.06
    assert not working_after


def test_cancelled_work_is_over():
    async def work():
        loop, go_on = running_loop(), threading.Event()
        job = loop.create_task(wait_for(loop, go_on))
        await asyncio.sleep(0.01)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        working = loop.is_working
        go_on.set()
        return working

    async def wait_for(loop, go_on):
        with loop.working():
            await asyncio.to_thread(go_on.wait, 30)

    assert run(work()) is False


def test_waiting_for_nothing_is_an_error():
    with pytest.raises(RuntimeError, match="for ever"):
        run(asyncio.Event().wait())


async def test_other_loops_are_refused():
    with pytest.raises(RuntimeError, match="real time"):
        running_loop()

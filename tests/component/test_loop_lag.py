"""The event loop's lag, on virtual time."""

import asyncio
import logging

import pytest

from ari_app.loop_lag import LoopLag
from tests.component.call.virtual_time import run


def measured(work):
    """Run `work(lag, loop)`; returns what was observed, in ms, and what `work` returned."""
    observed = []

    async def main():
        loop = asyncio.get_running_loop()
        lag = LoopLag(lambda seconds: observed.append(round(seconds * 1000)))
        try:
            return await work(lag, loop)
        finally:
            lag.stop()

    result = run(main())
    return observed, result


def test_a_loop_that_is_idle_is_never_late():
    async def work(lag, loop):
        await asyncio.sleep(1.01)
        return lag.worst_seconds

    assert measured(work) == ([0] * 5, 0.0)


def test_a_stall_is_seen_once_in_its_length_and_for_a_minute():
    async def work(lag, loop):
        await asyncio.sleep(0.21)
        loop.stall(0.3)
        await asyncio.sleep(0.1)
        soon = lag.worst_seconds
        await asyncio.sleep(55)
        later = lag.worst_seconds
        await asyncio.sleep(10)
        return soon, later, lag.worst_seconds

    observed, worst = measured(work)
    assert [ms for ms in observed if ms] == [110]
    assert worst == pytest.approx((0.11, 0.11, 0.0))


def test_a_warning_has_figures_and_comes_once_a_minute(caplog):
    async def work(lag, loop):
        loop.stall(0.3)
        for _ in range(20):
            await asyncio.sleep(1)
            loop.stall(0.3)
        first = len(caplog.records)
        await asyncio.sleep(60)
        return first

    with caplog.at_level(logging.INFO, "ari_app"):
        _, first = measured(work)
    assert first == 1
    assert [(record.times, record.levelname) for record in caplog.records] == [(1, "WARNING"), (20, "WARNING")]
    assert caplog.records[0].worst_ms > 60


def test_small_delays_are_not_worth_a_warning(caplog):
    async def work(lag, loop):
        for _ in range(100):
            await asyncio.sleep(0.125)
            loop.stall(0.05)

    with caplog.at_level(logging.INFO, "ari_app"):
        measured(work)
    assert not caplog.records


def test_after_stop_nothing_is_measured():
    async def work(lag, loop):
        lag.stop()
        await asyncio.sleep(1)

    assert measured(work)[0] == []

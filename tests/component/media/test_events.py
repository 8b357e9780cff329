"""The queue between a leg and its consumer."""

import asyncio
import logging

import pytest

from ari_app.media.events import EventQueue
from ari_app.media.transport import Closed, DtmfDigit, Frame, Played


def frame(number):
    return Frame(number.to_bytes(2, "little"), float(number))


async def test_events_come_in_order_and_end_with_closed():
    queue = EventQueue()
    given = [frame(1), Played("a", 1.0), DtmfDigit("5", 2.0), Closed("closed")]
    for event in given:
        queue.put(event)
    queue.put(frame(2))
    assert queue.closed
    assert [event async for event in queue] == given
    assert [event async for event in queue] == []


async def test_a_waiting_consumer_wakes_up():
    queue = EventQueue()
    waiting = asyncio.create_task(anext(queue))
    await asyncio.sleep(0)
    queue.put(frame(1))
    assert await waiting == frame(1)


async def test_a_consumer_may_be_cancelled_and_come_back():
    queue = EventQueue()
    waiting = asyncio.create_task(anext(queue))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    queue.put(frame(1))
    assert await anext(queue) == frame(1)


async def test_when_nobody_reads_the_oldest_audio_goes_and_all_else_stays(caplog):
    queue = EventQueue()
    queue.put(Played("kept", 0.0))
    with caplog.at_level(logging.WARNING):
        for number in range(300):
            queue.put(frame(number))
        queue.put(Closed("closed"))
    events = [event async for event in queue]
    assert len(events) == 250
    assert events[0] == Played("kept", 0.0)
    assert events[1:-1] == [frame(number) for number in range(52, 300)]
    assert events[-1] == Closed("closed")
    assert queue.dropped == 52
    assert len(caplog.records) == 1


async def test_even_a_flood_without_audio_is_bounded():
    queue = EventQueue()
    for _ in range(10_000):
        queue.put(DtmfDigit("1", 0.0))
    queue.put(Closed("closed"))
    assert len([event async for event in queue]) == 250

"""What tests do with a transport's events."""

import asyncio

from ari_app.media.transport import Closed

PATIENCE_SECONDS = 10.0
"""A test that waits longer has failed; nothing passes by the clock."""


async def until(condition):
    """Wait until `condition()` is true; returns what it returned."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := condition()):
            await asyncio.sleep(0.001)
        return found


async def next_of(transport, kind):
    """The next event of one kind; others before it are skipped."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in transport:
            if isinstance(event, kind):
                return event
        raise AssertionError(f"the leg ended without {kind.__name__}")


async def rest_of(transport):
    """All events until the end, which must be `Closed`."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        events = [event async for event in transport]
    assert [i for i, event in enumerate(events) if isinstance(event, Closed)] == [len(events) - 1]
    return events

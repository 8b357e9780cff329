"""The events of one media leg on their way to its one consumer."""

import asyncio
import logging
from collections import deque

from ari_app.media.transport import Closed, Frame, MediaEvent

log = logging.getLogger(__name__)

_MAX_EVENTS = 250
"""5 s of frames. The consumer needs a fraction of a millisecond for one: more than this waits only when it is stuck,
and a turn taken on audio that old would be worse than one that misses it."""


class EventQueue:
    """Bounded; on overflow the oldest audio goes first. Iterating ends after `Closed`, which nothing can follow."""

    def __init__(self) -> None:
        self._events: deque[MediaEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._done = False
        self.dropped = 0
        """Events lost by overflow."""

    @property
    def closed(self) -> bool:
        """Whether `Closed` has been put."""
        return self._closed

    def put(self, event: MediaEvent) -> None:
        """Add an event; after `Closed` nothing is added any more."""
        if self._closed:
            return
        self._closed = isinstance(event, Closed)
        if len(self._events) >= _MAX_EVENTS:
            self._drop_one()
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> "EventQueue":
        return self

    async def __anext__(self) -> MediaEvent:
        if self._done:
            raise StopAsyncIteration
        while not self._events:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        event = self._events.popleft()
        self._done = isinstance(event, Closed)
        return event

    def _drop_one(self) -> None:
        oldest_frame = next((i for i, event in enumerate(self._events) if isinstance(event, Frame)), 0)
        del self._events[oldest_frame]
        if not self.dropped:
            log.warning("the call does not read its audio; the oldest is dropped")
        self.dropped += 1

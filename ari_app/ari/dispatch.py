"""Which event goes to which call: one ordered, bounded queue a call, filled without waiting. No I/O.

An event belongs to a call when it names an object of ours (its id begins with ``offhook-<call id>``) or the caller's
channel that the call registered. So a call that is slow to read delays nobody else.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from ari_app.ari.ids import call_of, is_ours
from ari_app.ari.model import RESYNCED, Arrival, Event, read_event, stasis_end

log = logging.getLogger(__name__)

ROUTE_EVENTS = 256
"""Events a call may leave unread: a call makes some 30 in its life, so this is a call that has stopped reading."""
ARRIVALS = 1024
"""Callers that may wait to be taken in: more than any box can talk with at once."""
ENDINGS = frozenset({"StasisEnd", "ChannelDestroyed"})


class Route:
    """One call's own ordered, bounded queue of events; leave the `with` block to stop it.

    When the call leaves `ROUTE_EVENTS` unread, they are dropped and a `Resynced` stands in their place; only the ends
    of the caller's channel are kept, so that no call outlives its caller.
    """

    def __init__(self, dispatcher: "Dispatcher", call_id: str, channel_id: str) -> None:
        self.call_id = call_id
        self.channel_id = channel_id
        self._dispatcher = dispatcher
        self._queue: asyncio.Queue[Event] = asyncio.Queue(ROUTE_EVENTS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._dispatcher.forget(self)

    async def get(self) -> Event:
        """The next event, waiting for one."""
        return await self._queue.get()

    def put(self, event: Event) -> None:
        """Append an event; never waits."""
        if self._queue.full():
            log.error("call does not read its events, dropping them", extra={"call": self.call_id})
            unread = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
            self._queue.put_nowait(RESYNCED)
            for kept in [past for past in unread if self._is_end(past)][-len(ENDINGS) :]:
                self._queue.put_nowait(kept)
        self._queue.put_nowait(event)

    def _is_end(self, event: Event) -> bool:
        return event.type in ENDINGS and event.channel is not None and event.channel.id == self.channel_id


class Dispatcher:
    """Hands every event to its call, and new callers to `arrivals`."""

    def __init__(self) -> None:
        self.arrivals: asyncio.Queue[Arrival | None] = asyncio.Queue(ARRIVALS)
        self._by_call: dict[str, Route] = {}
        self._by_channel: dict[str, Route] = {}

    def route(self, call_id: str, channel_id: str) -> Route:
        """Register a call with its caller's channel."""
        route = Route(self, call_id, channel_id)
        self._by_call[call_id] = self._by_channel[channel_id] = route
        return route

    def forget(self, route: Route) -> None:
        """Unregister a call, unless a newer one has taken its channel or id; idempotent."""
        if self._by_call.get(route.call_id) is route:
            del self._by_call[route.call_id]
        if self._by_channel.get(route.channel_id) is route:
            del self._by_channel[route.channel_id]

    def dispatch(self, raw: Mapping[str, Any]) -> None:
        """Take one event from ARI."""
        event = read_event(raw)
        channel = event.channel
        if event.type == "StasisStart" and channel is not None and not is_ours(channel.id):
            self._announce(Arrival(channel, tuple(raw.get("args", ()))))
            return
        for route in self._routes(raw):
            route.put(event)

    def resync(self, present: Iterable[str]) -> None:
        """After events were missed: tell every call and whoever takes arrivals, and end calls whose caller has left.

        `present` are the channels in our application.
        """
        ids = set(present)
        for route in list(self._by_call.values()):
            route.put(RESYNCED)
            if route.channel_id not in ids:
                route.put(stasis_end(route.channel_id))
        self._announce(None)

    def _announce(self, arrival: Arrival | None) -> None:
        try:
            self.arrivals.put_nowait(arrival)
        except asyncio.QueueFull:  # who is left waiting in the application is found after the next reconnection
            log.error("nobody takes callers in, leaving one to wait")

    def _routes(self, raw: Mapping[str, Any]) -> list[Route]:
        """The calls an event belongs to, each once."""
        found: dict[int, Route] = {}
        for object_id in _object_ids(raw):
            route = self._by_channel.get(object_id) or self._by_call.get(call_of(object_id) or "")
            if route is not None:
                found[id(route)] = route
        return list(found.values())


def _object_ids(raw: Mapping[str, Any]) -> Iterable[str]:
    """The ids of what the event is about: a channel, the other channel of a dial, a bridge, a recording."""
    for key in ("channel", "peer", "bridge"):
        if isinstance(raw.get(key), Mapping):
            yield raw[key].get("id", "")
    if isinstance(raw.get("recording"), Mapping):
        yield raw["recording"].get("name", "")

"""ARI through aioari: requests, the event socket, and events by call. Nothing outside `ari/` knows aioari.

::

    ari = AriClient(settings.asterisk)
    await ari.start()
    arrival = await ari.arrivals.get()
    with ari.route(call_id, arrival.channel.id) as route:
        await ari.answer(arrival.channel.id)
        event = await route.get()
"""

import asyncio
import logging
from typing import cast

import aiohttp

from ari_app.ari.dispatch import Dispatcher, Route
from ari_app.ari.event_socket import EventSocket
from ari_app.ari.model import Arrival, Channel, Event
from ari_app.ari.requests import Requests
from ari_app.settings import AsteriskSettings

__all__ = ["AriClient", "Arrival", "Channel", "Event", "Route"]


class AriClient(Requests):
    """One connection to ARI: requests, and the event socket which reconnects by itself.

    Events are lost while nobody is connected. So after every connection, the first too, `arrivals` gets None: look at
    `stasis_channels()` for callers who came before. After a reconnection every route gets `Resynced`, and one whose
    caller has left our application meanwhile gets the `StasisEnd` that it missed.
    """

    def __init__(self, settings: AsteriskSettings) -> None:
        super().__init__(settings)
        self._dispatcher = Dispatcher()
        self._socket = EventSocket(settings.app, self._subscribe, self._resync, self._dispatcher.dispatch)
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and subscribe. Raises AriUnreachable, AriRefused, ModuleMissing."""
        # it logs the parameters of every request, and so what callers said
        logging.getLogger("aioswagger11").setLevel(logging.INFO)
        try:
            await self._log_in()
            websocket = await self._socket.open()
        except BaseException:
            await self._log_out()
            raise
        self._reading = asyncio.create_task(self._socket.run(websocket), name="ari events")

    async def close(self) -> None:
        """Unsubscribe and close every connection; idempotent."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._log_out()

    async def wait_failed(self) -> None:
        """Wait for the failure after which no more events come; returns after `close`.

        Raises AriReplaced when another program took our application over, AriRefused when the password no longer fits:
        the process should end then, with an error.
        """
        if self._reading is not None:
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.result()

    @property
    def connected(self) -> bool:
        """Whether events come in at this moment."""
        return self._socket.connected

    @property
    def arrivals(self) -> asyncio.Queue[Arrival | None]:
        """New callers in the order they came; None after each connection, when some may have been missed."""
        return self._dispatcher.arrivals

    def route(self, call_id: str, channel_id: str) -> Route:
        """The events of a call from now on: about its caller's channel, and about all that carries the call's id."""
        return self._dispatcher.route(call_id, channel_id)

    async def _subscribe(self) -> aiohttp.ClientWebSocketResponse:
        return cast(
            aiohttp.ClientWebSocketResponse, await self._ask("events", "eventWebsocket", app=self._settings.app)
        )

    async def _resync(self) -> None:
        self._dispatcher.resync(await self.stasis_channels())

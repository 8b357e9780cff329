"""The event socket: read for as long as the process lives, reopened with patience whenever it breaks."""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from ari_app.errors import AriRefused, AriReplaced, AsteriskError

log = logging.getLogger(__name__)

SHORTEST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


def pause_seconds(attempt: int) -> float:
    """How long to wait before reconnecting: 0.1 s, doubled each time up to 5 s, and up to half less at random."""
    longest: float = min(SHORTEST_PAUSE_SECONDS * 2.0 ** min(attempt, 10), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads reconnections, keeps no secret


class EventSocket:
    """One subscription to ARI's events.

    `connect` opens a websocket; `resync` runs after each opening, before the first event is read; `deliver` gets each
    event and must not wait.
    """

    def __init__(
        self,
        app: str,
        connect: Callable[[], Awaitable[aiohttp.ClientWebSocketResponse]],
        resync: Callable[[], Awaitable[None]],
        deliver: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.connected = False
        self._app = app
        self._connect = connect
        self._resync = resync
        self._deliver = deliver

    async def open(self) -> aiohttp.ClientWebSocketResponse:
        """Subscribe and resync. Raises AsteriskError."""
        websocket = await self._connect()
        try:
            await self._resync()
        except BaseException:
            await websocket.close()
            raise
        self.connected = True
        return websocket

    async def run(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        """Deliver events for ever, reopening the socket when it breaks. Raises AriReplaced and AriRefused."""
        clock = asyncio.get_running_loop().time
        attempts = 0
        while True:
            opened_at = clock()
            await self._read(websocket)
            log.warning("lost the ARI event socket", extra={"app": self._app})
            if clock() - opened_at > LONGEST_PAUSE_SECONDS:
                attempts = 0  # a socket that breaks at once counts as another failed attempt
            websocket, attempts = await self._reopen(attempts)
            log.warning("the ARI event socket is back", extra={"app": self._app, "attempts": attempts})

    async def _reopen(self, attempts: int) -> tuple[aiohttp.ClientWebSocketResponse, int]:
        """Try until it succeeds; returns the socket, and `attempts` with those made here."""
        while True:
            await asyncio.sleep(pause_seconds(attempts))
            attempts += 1
            try:
                return await self.open(), attempts
            except AriRefused:
                raise  # the password was changed: only a new start reads the new one
            except AsteriskError as error:
                log.warning("ARI is not back yet", extra={"attempts": attempts, "error": str(error)})

    async def _read(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        """Deliver events until the socket closes."""
        try:
            async for message in websocket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(message.data)
        finally:
            self.connected = False
            await websocket.close()

    def _take(self, text: str) -> None:
        try:
            raw = json.loads(text)
            if raw["type"] != "ApplicationReplaced":
                self._deliver(raw)
                return
        except (ValueError, LookupError, TypeError, AttributeError):
            log.exception("ARI sent what is no event", extra={"length": len(text)})
            return
        if raw.get("application") == self._app:
            error = AriReplaced(
                f"another program took over the Stasis application {self._app!r}: we get no more events",
                "stop the other one (a second `offhook run`?), or give each a name of its own in asterisk.app and in"
                " the dialplan's Stasis()",
            )
            log.critical("STASIS APPLICATION TAKEN OVER BY ANOTHER PROGRAM", extra={"error": str(error)})
            raise error

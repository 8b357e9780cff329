"""The HTTP client that we put under aioari: our session, our login, and errors that keep ARI's own words.

aioari's own loses the message of an error, sends the password in the URL, and has no bound on waiting.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import aiohttp
from aioswagger11.http_client import HttpClient

from ari_app.ari.failures import failure, unreachable
from ari_app.settings import AsteriskSettings

REQUEST_TIMEOUT_SECONDS = 5.0
HEARTBEAT_SECONDS = 10.0
"""How often the event socket is pinged; without an answer within half of it, it counts as broken."""
KEEP_ALIVE_SECONDS = 10.0
"""Below the 15 s after which Asterisk closes an idle connection, so that a request never meets one just closed."""
CONNECTIONS = 20
"""Connections at once: Asterisk accepts 100 in all (``sessionlimit`` in http.conf); more requests wait their turn."""


class AriHttp(HttpClient):  # type: ignore[misc]  # aioswagger11 has no types
    """What aioswagger11 asks for: `request`, `ws_connect` and `close`, all on one session."""

    def __init__(self, settings: AsteriskSettings) -> None:
        self._settings = settings
        login = b64encode(f"{settings.ari_username}:{settings.ari_password}".encode()).decode()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS),
            headers={"Authorization": f"Basic {login}"},
        )

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        """One request, its answer read whole. Raises AriUnreachable, AriRefused, ModuleMissing, AriFailed."""
        headers = dict(headers or {})
        if method == "POST" and params:
            # ARI takes parameters from a JSON body too, and a line of HTTP ends at 4096 bytes: a summary may be longer
            data = json.dumps({**params, **json.loads(data or "{}")}, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
            params = None
        try:
            response = await self._session.request(method, url, params=params, data=data, headers=headers)
            body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self._settings, error) from error
        if response.status >= 400:
            raise failure(self._settings, response.status, method, url, body.decode(errors="replace"))
        return response

    async def ws_connect(self, url: str, params: Mapping[str, Any] | None = None) -> aiohttp.ClientWebSocketResponse:
        """Open a websocket. Raises what `request` raises."""
        try:
            return await self._session.ws_connect(url, params=params, heartbeat=HEARTBEAT_SECONDS)
        except aiohttp.WSServerHandshakeError as error:
            # its answer's body is lost: ask again without the upgrade, for the reason
            await self.request("GET", url.replace("ws", "http", 1), params=params)
            raise unreachable(self._settings, error) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self._settings, error) from error

    async def close(self) -> None:
        """Close every connection; idempotent."""
        await self._session.close()

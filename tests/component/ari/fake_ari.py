"""A small ARI on a local port: the api-docs that aioari reads, answers that a test puts in, and the event socket."""

import asyncio
import base64
import json

from aiohttp import WSCloseCode, WSMsgType, web

from ari_app.settings import AsteriskSettings

# resource → (method, path, nickname, parameters in the path, parameters in the query); from Asterisk 22.10's api-docs
OPERATIONS = {
    "asterisk": [
        ("GET", "/asterisk/info", "getInfo", [], ["only"]),
        ("GET", "/asterisk/modules", "listModules", [], []),
    ],
    "applications": [("GET", "/applications/{applicationName}", "get", ["applicationName"], [])],
    "channels": [
        ("GET", "/channels", "list", [], []),
        ("GET", "/channels/{channelId}", "get", ["channelId"], []),
        ("DELETE", "/channels/{channelId}", "hangup", ["channelId"], ["reason_code", "reason"]),
        ("POST", "/channels/{channelId}/answer", "answer", ["channelId"], []),
        ("POST", "/channels/{channelId}/continue", "continueInDialplan", ["channelId"], ["context", "extension"]),
        ("GET", "/channels/{channelId}/variable", "getChannelVar", ["channelId"], ["variable"]),
        ("POST", "/channels/{channelId}/variable", "setChannelVar", ["channelId"], ["variable", "value"]),
        (
            "POST",
            "/channels/{channelId}/snoop/{snoopId}",
            "snoopChannelWithId",
            ["channelId", "snoopId"],
            ["spy", "whisper", "app", "appArgs"],
        ),
        (
            "POST",
            "/channels/externalMedia",
            "externalMedia",
            [],
            [
                *("channelId", "app", "external_host", "encapsulation", "transport", "connection_type"),
                *("format", "direction", "data"),
            ],
        ),
    ],
    "bridges": [
        ("GET", "/bridges", "list", [], []),
        ("POST", "/bridges/{bridgeId}", "createWithId", ["bridgeId"], ["type", "name"]),
        ("DELETE", "/bridges/{bridgeId}", "destroy", ["bridgeId"], []),
        ("POST", "/bridges/{bridgeId}/addChannel", "addChannel", ["bridgeId"], ["channel", "role"]),
        ("POST", "/bridges/{bridgeId}/record", "record", ["bridgeId"], ["name", "format", "ifExists"]),
    ],
    "recordings": [
        ("POST", "/recordings/live/{recordingName}/stop", "stop", ["recordingName"], []),
        ("GET", "/recordings/stored/{recordingName}/file", "getStoredFile", ["recordingName"], []),
        ("DELETE", "/recordings/stored/{recordingName}", "deleteStored", ["recordingName"], []),
    ],
    "events": [("GET", "/events", "eventWebsocket", [], ["app", "subscribeAll"])],
}


class FakeAri:
    """Start it, point an AriClient at `settings`, put answers in, send events."""

    def __init__(self):
        self.password = "right"
        self.answers = {}
        """By ``"POST /bridges/offhook-1"``: a status and what to answer: bytes, or anything that becomes JSON."""
        self.asked = []
        """Every request but those for the api-docs: the method with the path, and its parameters."""
        self.present = []
        """The channels in the application, or None when it is not known."""
        self.sockets = []
        """Every event socket that was ever opened."""
        self.subscribed = asyncio.Condition()
        self.port = 0
        self._runner = None

    @property
    def settings(self):
        return AsteriskSettings(ari_url=f"http://127.0.0.1:{self.port}", ari_password="right")

    async def start(self):
        app = web.Application(middlewares=[self._check])
        app.router.add_get("/ari/api-docs/{name}.json", self._docs)
        app.router.add_get("/ari/events", self._events)
        app.router.add_get("/ari/applications/offhook", self._application)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self):
        """Like Asterisk being killed: every connection breaks, and the port is closed."""
        await self.drop()
        await self._runner.cleanup()

    async def drop(self):
        """Break the event sockets."""
        for socket in self.sockets:
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def send(self, event):
        """Send an event to the latest subscriber: JSON, or any text."""
        await self.sockets[-1].send_str(event if isinstance(event, str) else json.dumps(event))

    async def subscriptions(self, count):
        """Wait until that many subscriptions were made."""
        async with self.subscribed:
            await self.subscribed.wait_for(lambda: len(self.sockets) >= count)

    @web.middleware
    async def _check(self, request, handler):
        login = base64.b64encode(f"offhook:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {login}":
            return web.json_response({"message": "Authentication required"}, status=401)
        return await handler(request)

    async def _docs(self, request):
        base = f"http://{request.host}/ari"
        name = request.match_info["name"]
        common = {"swaggerVersion": "1.1", "basePath": base}
        if name == "resources":
            apis = [{"path": f"/api-docs/{other}.{{format}}", "description": other} for other in OPERATIONS]
            return web.json_response({**common, "apis": apis})
        apis = [
            {
                "path": path,
                "operations": [
                    {
                        "httpMethod": method,
                        "nickname": nickname,
                        "parameters": [
                            *({"name": one, "paramType": "path", "dataType": "string"} for one in in_path),
                            *(
                                {"name": one, "paramType": "query", "dataType": "string", "required": False}
                                for one in in_query
                            ),
                        ],
                        **({"upgrade": "websocket"} if nickname == "eventWebsocket" else {}),
                    }
                ],
            }
            for method, path, nickname, in_path, in_query in OPERATIONS[name]
        ]
        return web.json_response({**common, "resourcePath": f"/api-docs/{name}", "apis": apis, "models": {}})

    async def _events(self, request):
        if "GET /events" in self.answers:
            return await self._answer(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with self.subscribed:
            self.sockets.append(socket)
            self.subscribed.notify_all()
        async for message in socket:
            assert message.type is not WSMsgType.TEXT, "nobody talks on the event socket"
        return socket

    async def _application(self, request):
        if "GET /applications/offhook" in self.answers:
            return await self._answer(request)
        if self.present is None:
            return web.json_response({"message": "Application not found"}, status=404)
        return web.json_response({"name": "offhook", "channel_ids": self.present})

    async def _answer(self, request):
        what = f"{request.method} {request.path.removeprefix('/ari')}"
        body = await request.read()
        self.asked.append((what, json.loads(body) if body else dict(request.query)))
        status, answer = self.answers.get(what, (404, {"message": "Resource not found"}))
        if callable(answer):
            answer = await answer()
        if isinstance(answer, bytes):
            return web.Response(status=status, body=answer)
        return web.json_response(answer, status=status) if answer is not None else web.Response(status=status)

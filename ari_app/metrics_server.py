"""A small web server for whoever watches this process: ``/metrics`` for Prometheus, ``/healthz`` for everybody else."""

import os
from collections.abc import Callable

from aiohttp import web

from ari_app.errors import OffhookError

_CLOSE_SECONDS = 1.0
"""How long an answer that is under way may take at shutdown; aiohttp's own 60 s would outlast systemd's patience."""


class MetricsServer:
    """Serves on the event loop of this process: an answer also says that the loop lives."""

    def __init__(self, render: Callable[[str], tuple[bytes, str]], trouble: Callable[[], str]) -> None:
        """`render(accept)` gives the metrics and their content type for a client's Accept header; `trouble` says why no
        call can be taken at this moment, "" if nothing is wrong."""
        self._render = render
        self._trouble = trouble
        application = web.Application()
        application.add_routes([web.get("/metrics", self._metrics), web.get("/healthz", self._health)])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_CLOSE_SECONDS)

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        port: int = self._runner.addresses[0][1]
        return port

    async def listen(self, host: str, port: int) -> None:
        """Start to listen. Raises OffhookError when the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise OffhookError(
                f"the metrics cannot be served on {host}:{port} ({os.strerror(error.errno or 0)})",
                "is another Offhook running? Choose another metrics.port, or set metrics.enabled to false",
            ) from error

    async def close(self) -> None:
        """Stop listening; idempotent."""
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _health(self, _request: web.Request) -> web.Response:
        trouble = self._trouble()
        return web.Response(text=f"{trouble or 'ok'}\n", status=503 if trouble else 200)

"""The FastAGI server: each connection from Asterisk runs one script, named by the path of its ``agi://`` URL.

panoramisk speaks AGI's commands; the connections are ours, because its own server spins for ever on a connection that
closes before it has said anything, and swallows cancellation.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from agi.call import AgiCall, CallEnded
from agi.escalate import escalate
from ari_app.errors import OffhookError

log = logging.getLogger(__name__)

HEADER_SECONDS = 5.0
"""Longest wait for the lines with which Asterisk opens a session."""
SCRIPT_SECONDS = 10.0
"""Longest run of a script: the caller hears nothing meanwhile."""

SCRIPTS: dict[str, Callable[[AgiCall], Awaitable[None]]] = {"escalate": escalate}


class AgiServer:
    """A listening FastAGI server; `close` ends it and every session."""

    def __init__(self) -> None:
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        if self._server is None:
            raise RuntimeError("not listening")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def listen(self, host: str, port: int) -> None:
        """Start to listen. Raises OffhookError when the port is taken."""
        try:
            self._server = await asyncio.start_server(self._connected, host, port)
        except OSError as error:
            raise OffhookError(
                f"the FastAGI server cannot listen on {host}:{port} ({os.strerror(error.errno or 0)})",
                "is another Offhook running? Choose another agi.port, and the same in the dialplan's agi:// URLs",
            ) from error

    async def close(self) -> None:
        """Stop listening, end the sessions; idempotent."""
        if self._server is None:
            return
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.create_task(self._serve(reader, writer), name="agi session")
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session, to its end: the outermost edge, where a script's errors are logged."""
        try:
            await self._run(reader, writer)
        except (CallEnded, ConnectionError, asyncio.IncompleteReadError):
            log.info("an AGI session ended early")
        except (TimeoutError, asyncio.LimitOverrunError):
            log.warning("an AGI session was cut off")
        except Exception:
            log.exception("an AGI script failed")
        finally:
            writer.close()
        await _closed(writer)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEADER_SECONDS):
            opening = await reader.readuntil(b"\n\n")
        lines = opening.decode(errors="replace").splitlines()
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        script = SCRIPTS.get(headers.get("agi_network_script", ""))
        if script is None:
            log.error("no such AGI script", extra={"script": headers.get("agi_network_script", "")})
            return
        async with asyncio.timeout(SCRIPT_SECONDS):
            await script(AgiCall(headers, reader, writer))


async def _closed(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.wait_closed()
    except OSError:
        log.debug("an AGI connection broke while closing")


async def serve(host: str, port: int) -> AgiServer:
    """A listening FastAGI server on that address; port 0 takes a free one. Raises OffhookError."""
    server = AgiServer()
    await server.listen(host, port)
    return server

"""The websocket below a media leg: handshake, messages, close. Knows nothing of audio.

websockets' sans-I/O protocol sits directly on asyncio's transport: a message costs no task switch and no timer.
"""

import asyncio
import math
from collections.abc import Callable
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from ari_app.errors import MediaError

_MAX_MESSAGE_BYTES = 65_536
"""Asterisk's own limit, a second of wideband audio; its frames have hundreds of bytes."""
_READ_BYTES = 4096
_HIGH_WATER_BYTES = 262_144
"""More than a leg's whole lead: beyond it Asterisk does not read, and nothing more is written."""
_CLOSE_SECONDS = 1.0
_RELAXED_SECONDS = 0.04
"""How often a relaxed connection is read: at the same moments as every other one."""
_REFUSED_REMEDY = "is asterisk.ari_url the server that ARI answered from, without a proxy that drops upgrades?"


class Wire(asyncio.BufferedProtocol):
    """One client connection. Messages and the end are reported by the callbacks that are given."""

    def __init__(
        self,
        uri: WebSocketURI,
        on_message: Callable[[str | bytes], None],
        on_closed: Callable[[str, MediaError | None], None],
    ) -> None:
        self._ws = ClientProtocol(uri, subprotocols=[Subprotocol("media")], max_size=_MAX_MESSAGE_BYTES)
        self._on_message = on_message
        self._on_closed = on_closed
        self._tcp: asyncio.Transport
        self._buffer = bytearray(_READ_BYTES)
        self._parts: list[bytes] = []  # of a fragmented message, whose size the protocol bounds
        self._text = False
        self._closing = False
        self._relaxed = False
        self._rest: asyncio.TimerHandle | None = None  # until when it is not read
        self._loop = loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        """Done when the server has accepted; MediaError when it has not."""
        self.closed: asyncio.Future[None] = loop.create_future()
        """Done when the connection is gone."""
        self.writable = True
        """False while Asterisk does not read."""

    @classmethod
    async def connect(
        cls,
        url: str,
        on_message: Callable[[str | bytes], None],
        on_closed: Callable[[str, MediaError | None], None],
    ) -> "Wire":
        """Connect and shake hands. Raises MediaError; a cancelled one leaves nothing open."""
        loop = asyncio.get_running_loop()
        wire: Wire | None = None
        try:
            uri = parse_uri(url)
            _, wire = await loop.create_connection(
                lambda: cls(uri, on_message, on_closed), uri.host, uri.port, ssl=True if uri.secure else None
            )
            await wire.opened
        except (OSError, InvalidURI) as error:
            raise MediaError(f"no media connection to {url}: {error}", "check asterisk.ari_url") from error
        except BaseException:
            if wire is not None:
                wire.abort()
            raise
        return wire

    def send(self, message: str | bytes) -> None:
        """Send one message; nothing happens when the connection is closing."""
        if self._ws.state is not State.OPEN:
            return
        if isinstance(message, str):
            self._ws.send_text(message.encode())
        else:
            self._ws.send_binary(message)
        self._write()

    def relax(self, relaxed: bool) -> None:
        """Take what comes every 40 ms, or at once again."""
        self._relaxed = relaxed
        if not relaxed:
            self._read_on()

    async def close(self) -> None:
        """Say goodbye, wait a little for the answer, and be gone; idempotent."""
        self._closing = True
        if self._ws.state is State.OPEN:
            self._ws.send_close(1000)
            self._write()
            await asyncio.wait([self.closed], timeout=_CLOSE_SECONDS)
        self.abort()
        await self.closed

    def abort(self) -> None:
        """Drop the connection."""
        self._tcp.abort()

    # -- asyncio.BufferedProtocol (the plain one allocates 256 KiB for every read)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._tcp = cast(asyncio.Transport, transport)
        self._tcp.set_write_buffer_limits(high=_HIGH_WATER_BYTES)
        self._ws.send_request(self._ws.connect())
        self._write()

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where the next bytes go; the protocol copies them."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        self._ws.receive_data(self._buffer[:nbytes])
        self._dispatch()
        if self._relaxed and not self._tcp.is_closing():
            self._tcp.pause_reading()
            next_moment = math.floor(self._loop.time() / _RELAXED_SECONDS + 1) * _RELAXED_SECONDS
            self._rest = self._loop.call_at(next_moment, self._read_on)

    def eof_received(self) -> None:
        """The other side will send nothing more; asyncio closes ours then."""
        self._ws.receive_eof()
        self._dispatch()

    def pause_writing(self) -> None:
        """Asterisk does not read."""
        self.writable = False

    def resume_writing(self) -> None:
        """It does again."""
        self.writable = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end, last of all."""
        self._read_on()
        self._ws.receive_eof()
        if not self.opened.done():
            self.opened.set_exception(MediaError("Asterisk closed the media connection during its handshake"))
        error = None
        if not self._closing and self._ws.close_code not in (1000, 1001):
            error = MediaError(f"the media websocket broke (code {self._ws.close_code})", "see Asterisk's log")
            error.__cause__ = exc or self._ws.parser_exc
        self.closed.set_result(None)
        self._on_closed("broken" if error else "closed", error)

    # -- inside

    def _read_on(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
            self._tcp.resume_reading()  # nothing happens when it is closing

    def _write(self) -> None:
        data = b"".join(self._ws.data_to_send())
        if data and not self._tcp.is_closing():
            self._tcp.write(data)

    def _dispatch(self) -> None:
        if not self.opened.done():
            self._finish_handshake()
        for event in self._ws.events_received():
            if isinstance(event, Frame):
                self._on_frame(event)
        self._write()
        if self._ws.close_expected():
            self._tcp.close()

    def _finish_handshake(self) -> None:
        refused = self._ws.handshake_exc
        if refused is not None:
            status = f"HTTP {refused.response.status_code}" if isinstance(refused, InvalidStatus) else str(refused)
            self.opened.set_exception(MediaError(f"Asterisk refused the media connection: {status}", _REFUSED_REMEDY))
        elif self._ws.state is State.OPEN:
            self.opened.set_result(None)

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return  # ping, pong and close are answered by the protocol
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
            if frame.fin:
                self._deliver(bytes(frame.data))
                return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            data, self._parts = b"".join(self._parts), []
            self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        self._on_message(data.decode(errors="replace") if self._text else data)

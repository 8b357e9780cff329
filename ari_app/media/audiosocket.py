"""AudioSocket: Asterisk connects to our TCP listener, one connection a leg, and each says its UUID first.

Messages are ``kind (1 byte), length (2 bytes, big-endian), payload``; see Asterisk's res_audiosocket. Audio is 16-bit
little-endian, 8 kHz: the other rates came with Asterisk 20.17, 21.12, 22.7 and 23.1, and older ones are what this
transport is for. Asterisk plays what arrives as it arrives, so we pace it. It reads a message to its end before
anything else happens to its channel: we only ever write whole messages, and a connection that cannot go on is dropped,
not left half open.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Mapping
from typing import cast
from uuid import UUID, uuid4

from ari_app.audio.framing import Framer
from ari_app.errors import FormatMismatch, MediaError
from ari_app.media.address import bind, host_port
from ari_app.media.events import EventQueue
from ari_app.media.pacing import PacedLeg, PacedSpeaker
from ari_app.media.transport import CONNECT_SECONDS, Closed, DtmfDigit, ExternalMedia, Frame, Played

log = logging.getLogger(__name__)

RATE = 8000
_FRAME_BYTES = RATE // 50 * 2
_HEADER = struct.Struct("!BH")
_HANG_UP, _UUID, _DTMF, _AUDIO, _ERROR = 0x00, 0x01, 0x03, 0x10, 0xFF
_OTHER_RATES = {0x11: 12, 0x12: 16, 0x13: 24, 0x14: 32, 0x15: 44, 0x16: 48, 0x17: 96, 0x18: 192}
"""Kinds of audio at other rates, in kHz."""
_SILENCE = _HEADER.pack(_AUDIO, _FRAME_BYTES) + bytes(_FRAME_BYTES)
_MAX_UNSENT_BYTES = 10 * len(_SILENCE)
"""200 ms that Asterisk does not take: it is stuck, and what it would play later is late already."""
_MAX_STRANGERS = 64
"""Connections that have not yet said a known UUID; Asterisk says it within milliseconds."""
_CLOSE_SECONDS = 1.0


class AudioSocketMedia:
    """The listener and the legs it waits for."""

    name = "audiosocket"
    rate = RATE

    def __init__(self, bind_host: str, port: int) -> None:
        self._bind_host = bind_host
        self._port = port
        self._server: asyncio.Server | None = None
        self._address = ""
        self._awaited: dict[UUID, asyncio.Future[AudioSocketTransport]] = {}
        self._strangers: set[AudioSocketTransport] = set()

    async def start(self) -> None:
        """Listen. Raises MediaError."""
        sock = bind(self._bind_host, self._port, socket.SOCK_STREAM)
        self._address = host_port(sock.getsockname())
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: AudioSocketTransport(self._met, self._identified), sock=sock)

    async def offer(self) -> "AudioSocketOffer":
        """A UUID for which a connection is awaited."""
        uuid = uuid4()
        future = self._awaited[uuid] = asyncio.get_running_loop().create_future()
        return AudioSocketOffer(self._address, uuid, future, lambda: self._awaited.pop(uuid, None))

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        for stranger in tuple(self._strangers):
            await stranger.close()

    def _met(self, leg: "AudioSocketTransport") -> bool:
        """A connection was made; whether it may stay."""
        if len(self._strangers) >= _MAX_STRANGERS:
            log.warning("too many AudioSocket connections without a UUID")
            return False
        self._strangers.add(leg)
        return True

    def _identified(self, leg: "AudioSocketTransport", uuid: UUID | None) -> bool:
        """A connection said its UUID, or ended without (None); whether a leg of ours waits for it."""
        self._strangers.discard(leg)
        future = self._awaited.pop(uuid, None) if uuid else None
        if future is None or future.done():
            if uuid:
                log.warning("an AudioSocket connection with an unknown UUID")
            return False
        future.set_result(leg)
        return True


class AudioSocketOffer:
    """A leg that waits for Asterisk's connection."""

    def __init__(
        self, address: str, uuid: UUID, connection: "asyncio.Future[AudioSocketTransport]", forget: Callable[[], object]
    ) -> None:
        self.external = ExternalMedia(
            external_host=address,
            transport="tcp",
            encapsulation="audiosocket",
            connection_type="client",
            format="slin",
            data=str(uuid),
        )
        self._connection = connection
        self._forget = forget

    async def connect(self, variables: Mapping[str, str]) -> "AudioSocketTransport":
        """See Offer; nothing is needed from the channel's variables."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connection
        except TimeoutError:
            raise MediaError(
                f"Asterisk did not connect to the AudioSocket listener at {self.external.external_host}"
                f" within {CONNECT_SECONDS:g} s",
                "check media.bind_host and that no firewall is between Asterisk and this port",
            ) from None
        finally:
            self._forget()

    async def cancel(self) -> None:
        """See Offer."""
        self._forget()
        if self._connection.done() and not self._connection.cancelled():
            await self._connection.result().close()
        self._connection.cancel()


class AudioSocketTransport(PacedLeg, asyncio.BufferedProtocol):
    """One connection of Asterisk's; see Transport."""

    name = "audiosocket"
    rate = RATE
    carries_dtmf = True

    def __init__(
        self,
        met: "Callable[[AudioSocketTransport], bool]",
        identified: "Callable[[AudioSocketTransport, UUID | None], bool]",
    ) -> None:
        self._met = met
        self._identified = identified
        self._loop = asyncio.get_running_loop()
        self._events = EventQueue()
        self._framer = Framer(_FRAME_BYTES)
        self._received = bytearray(_HEADER.size + 0xFFFF)  # the longest message
        self._filled = 0
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._tcp: asyncio.Transport
        self._deadline: asyncio.TimerHandle
        self._known = False
        self._malformed = 0
        self._error: MediaError | None = None
        self._reason = "Asterisk closed the AudioSocket connection"

    # -- Transport

    def __aiter__(self) -> EventQueue:
        return self._events

    async def close(self) -> None:
        """See Transport."""
        self._end("closed")
        await asyncio.wait([self._lost], timeout=_CLOSE_SECONDS)
        self._tcp.abort()
        await self._lost

    # -- asyncio.BufferedProtocol (the plain one allocates 256 KiB for every read)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the UUID, but not for ever."""
        self._tcp = cast(asyncio.Transport, transport)
        self._deadline = self._loop.call_later(CONNECT_SECONDS, self._end, "no UUID came")
        if not self._met(self):
            self._end("too many connections")

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return memoryview(self._received)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take as many whole messages as there are."""
        self._filled += nbytes
        start = 0
        while self._filled - start >= _HEADER.size and not self._tcp.is_closing():
            kind, length = _HEADER.unpack_from(self._received, start)
            end = start + _HEADER.size + length
            if self._filled < end:
                break
            self._on_message(kind, bytes(self._received[start + _HEADER.size : end]))
            start = end
        self._received[: self._filled - start] = self._received[start : self._filled]
        self._filled -= start

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the consumer, last of all."""
        self._stop()
        if exc is not None and self._error is None:
            self._error = MediaError("the AudioSocket connection broke", "see Asterisk's log")
            self._error.__cause__ = exc
            self._reason = "broken"
        self._events.put(Closed(self._reason, self._error))
        if self._malformed:
            log.warning("malformed AudioSocket messages", extra={"count": self._malformed})
        self._identified(self, None)
        if not self._lost.done():
            self._lost.set_result(None)

    # -- inside

    def _on_message(self, kind: int, payload: bytes) -> None:
        if not self._known:
            self._on_first_message(kind, payload)
        elif kind == _AUDIO and not len(payload) % 2:
            now = self._loop.time()
            for pcm in self._framer.feed(payload):
                self._events.put(Frame(pcm, now))
            self._speaker.heard()
        elif kind == _DTMF and len(payload) == 1 and payload in b"0123456789*#ABCD":
            self._events.put(DtmfDigit(payload.decode(), self._loop.time()))
        elif kind == _HANG_UP:
            self._end("Asterisk hung up")
        elif kind == _ERROR:
            code = payload.hex() or "none"
            self._end("error", MediaError(f"Asterisk reported AudioSocket error {code}", "see Asterisk's log"))
        elif kind in _OTHER_RATES:
            self._end(
                "format",
                FormatMismatch(
                    f"Asterisk sends {_OTHER_RATES[kind]} kHz on an AudioSocket leg of {RATE // 1000} kHz",
                    "the media channel must be created with format slin",
                ),
            )
        else:
            self._malformed += 1

    def _on_first_message(self, kind: int, payload: bytes) -> None:
        if kind != _UUID or len(payload) != 16 or not self._identified(self, UUID(bytes=payload)):
            self._end("not one of our legs")
            return
        self._deadline.cancel()
        self._known = True
        self._speaker = PacedSpeaker(_FRAME_BYTES, self._send_frame, self._played)

    def _send_frame(self, pcm: bytes | None, _skipped: int) -> None:
        if self._tcp.get_write_buffer_size() < _MAX_UNSENT_BYTES:
            self._tcp.write(_SILENCE if pcm is None else _HEADER.pack(_AUDIO, len(pcm)) + pcm)

    def _played(self, mark: str) -> None:
        self._events.put(Played(mark, self._loop.time()))

    def _stop(self) -> None:
        self._deadline.cancel()
        if self._known:
            self._speaker.stop()

    def _end(self, reason: str, error: MediaError | None = None) -> None:
        """Close for a reason of ours; the first one counts."""
        if not self._tcp.is_closing():
            self._reason, self._error = reason, error
        self._stop()
        self._tcp.close()

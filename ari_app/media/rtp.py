"""RTP over UDP (RFC 3550, RFC 3551): one socket of ours a leg, G.711 µ-law at 8 kHz.

µ-law because every Asterisk has it with the fixed payload type 0; wider formats go out with a dynamic type that
Asterisk itself drops when it comes back. The socket is connected to the address that Asterisk names in the channel's
variables, so that the kernel takes packets from nobody else and tells when Asterisk has closed its port: RTP has no
goodbye.
Asterisk's UnicastRTP sends no RFC 4733 events (its channel driver has no digits); keys come as ARI events.
"""

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import Mapping

from ari_app.audio.framing import Framer
from ari_app.audio.g711 import ULAW_SILENCE, pcm_to_ulaw, ulaw_to_pcm
from ari_app.errors import FormatMismatch, MediaError
from ari_app.media.address import bind, host_port
from ari_app.media.events import EventQueue
from ari_app.media.pacing import PacedLeg, PacedSpeaker
from ari_app.media.transport import Closed, ExternalMedia, Frame, Played

log = logging.getLogger(__name__)

RATE = 8000
_FRAME_SAMPLES = RATE // 50
_HEADER = struct.Struct("!BBHII")
_VERSION = 0x80
_PCMU = 0
_NO_VOICE = frozenset({13, 19})
"""Comfort noise (RFC 3389, and its older number): says that nothing is said."""
_MARKER = 0x80
_MAX_PACKET_BYTES = 2048
"""No network carries larger ones unfragmented; what is cut off was no voice."""
_SILENCE = ULAW_SILENCE * _FRAME_SAMPLES


class RtpMedia:
    """Makes legs; nothing is shared between them."""

    name = "rtp"
    rate = RATE

    def __init__(self, bind_host: str) -> None:
        self._bind_host = bind_host

    async def start(self) -> None:
        """Check that `bind_host` can be used. Raises MediaError."""
        bind(self._bind_host, 0, socket.SOCK_DGRAM).close()

    async def offer(self) -> "RtpOffer":
        """A port of ours. Raises MediaError."""
        return RtpOffer(bind(self._bind_host, 0, socket.SOCK_DGRAM))

    async def close(self) -> None:
        """See MediaKind."""


class RtpOffer:
    """A port that Asterisk does not yet know."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.external = ExternalMedia(
            external_host=host_port(sock.getsockname()),
            transport="udp",
            encapsulation="rtp",
            connection_type="client",
            format="ulaw",
        )

    async def connect(self, variables: Mapping[str, str]) -> "RtpTransport":
        """See Offer; UNICASTRTP_LOCAL_ADDRESS and _PORT tell where to send."""
        host, port = variables.get("UNICASTRTP_LOCAL_ADDRESS", ""), variables.get("UNICASTRTP_LOCAL_PORT", "")
        try:
            self._sock.connect((host, int(port)))
        except (ValueError, OSError) as error:
            raise MediaError(
                f"Asterisk's RTP address {host!r} port {port!r} cannot be reached from {self.external.external_host}",
                "set media.bind_host to the address of this machine that Asterisk can reach",
            ) from error
        self._drop_early_packets()
        return RtpTransport(self._sock)

    async def cancel(self) -> None:
        """See Offer."""
        self._sock.close()

    def _drop_early_packets(self) -> None:
        """What came before the socket was connected can be anybody's."""
        try:
            while True:
                self._sock.recv(2048)
        except BlockingIOError:
            return


class RtpTransport(PacedLeg):
    """One RTP session; see Transport.

    Reads the socket itself, as asyncio's transport allocates 256 KiB for every packet.
    """

    name = "rtp"
    rate = RATE
    carries_dtmf = False

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected socket and begin to send."""
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._events = EventQueue()
        self._framer = Framer(_FRAME_SAMPLES * 2)
        self._speaker = PacedSpeaker(_FRAME_SAMPLES * 2, self._send_frame, self._played)
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._ssrc = secrets.randbits(32)
        self._talking = False
        self._last_heard: int | None = None  # sequence number
        self._malformed = self._late = self._unsent = 0
        self._loop.add_reader(sock, self._on_readable)

    # -- Transport

    def __aiter__(self) -> EventQueue:
        return self._events

    async def close(self) -> None:
        """See Transport."""
        self._end("closed")

    # -- in

    def _on_readable(self) -> None:
        try:
            packet = self._sock.recv(_MAX_PACKET_BYTES)
        except OSError as error:
            self._on_error(error)
        else:
            self._on_packet(packet)

    def _on_packet(self, packet: bytes) -> None:
        payload = _payload(packet)
        if payload is None:
            self._malformed += 1
            return
        payload_type, sequence = packet[1] & 0x7F, int.from_bytes(packet[2:4], "big")
        if payload_type == _PCMU:
            if self._is_next(sequence):
                now = self._loop.time()
                for pcm in self._framer.feed(ulaw_to_pcm(payload)):
                    self._events.put(Frame(pcm, now))
                self._speaker.heard()
        elif payload_type not in _NO_VOICE:
            self._end(
                "format",
                FormatMismatch(
                    f"Asterisk sends RTP payload type {payload_type} on a leg of µ-law (payload type {_PCMU})",
                    "the media channel must be created with format ulaw",
                ),
            )

    def _is_next(self, sequence: int) -> bool:
        """Whether a packet is newer than all before; a duplicate or one that was overtaken is too late to be heard."""
        if self._last_heard is not None and not 0 < (sequence - self._last_heard) & 0xFFFF < 0x8000:
            self._late += 1
            return False
        self._last_heard = sequence
        return True

    # -- out

    def _send_frame(self, pcm: bytes | None, skipped: int) -> None:
        marker = _MARKER if pcm is not None and not self._talking else 0
        self._talking = pcm is not None
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + _FRAME_SAMPLES * (1 + skipped)) & 0xFFFFFFFF
        header = _HEADER.pack(_VERSION, marker | _PCMU, self._sequence, self._timestamp, self._ssrc)
        try:
            self._sock.send(header + (_SILENCE if pcm is None else pcm_to_ulaw(pcm)))
        except OSError as error:
            self._on_error(error)

    def _played(self, mark: str) -> None:
        self._events.put(Played(mark, self._loop.time()))

    # -- the end

    def _on_error(self, error: OSError) -> None:
        """The kernel says that nobody listens there any more; anything else (a full buffer, no route) may pass."""
        if isinstance(error, ConnectionRefusedError):
            self._end("Asterisk closed its RTP port")
        else:
            self._unsent += 1

    def _end(self, reason: str, error: MediaError | None = None) -> None:
        """Close, and tell the consumer last of all; the first reason counts."""
        if self._events.closed:
            return
        self._loop.remove_reader(self._sock)
        self._speaker.stop()
        self._sock.close()
        self._events.put(Closed(reason, error))
        if self._malformed or self._late or self._unsent:
            counts = {"malformed": self._malformed, "late": self._late, "unsent": self._unsent}
            log.warning("RTP packets were lost", extra=counts)


def _payload(packet: bytes) -> bytes | None:
    """The payload of an RTP packet (RFC 3550, section 5.1), None if it is none."""
    if len(packet) < _HEADER.size or packet[0] & 0xC0 != _VERSION:
        return None
    start = _HEADER.size + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if len(packet) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    return packet[start:end] if start <= end else None

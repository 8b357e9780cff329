"""RTP packets (RFC 3550), telephone events (RFC 4733) and G.711, 20 ms of 8 kHz a packet. Pure."""

import audioop
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

RATE = 8000
"""Hz of all audio here."""
FRAME_S = 0.02
FRAME_SAMPLES = 160
FRAME_BYTES = 2 * FRAME_SAMPLES
"""Bytes of a frame as 16-bit little-endian PCM."""
KEYS = "0123456789*#ABCD"
"""Keys by their event number."""
_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet."""

    payload_type: int
    sequence: int
    timestamp: int
    source: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """The datagram."""
        second = self.payload_type | (0x80 if self.marker else 0)
        return _HEADER.pack(0x80, second, self.sequence, self.timestamp, self.source) + self.payload


def parse(datagram: bytes) -> Packet:
    """Read a datagram, leaving out padding, contributing sources and extensions. Raises ValueError."""
    if len(datagram) < _HEADER.size or datagram[0] >> 6 != 2:
        raise ValueError("not an RTP packet")
    first, second, sequence, timestamp, source = _HEADER.unpack_from(datagram)
    start, end = _HEADER.size + 4 * (first & 0x0F), len(datagram)
    if first & 0x10:
        if end < start + 4:
            raise ValueError("a truncated RTP extension")
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4])
    if first & 0x20:
        end -= datagram[-1]
    if end < start:
        raise ValueError("a truncated RTP packet")
    return Packet(second & 0x7F, sequence, timestamp, source, datagram[start:end], bool(second & 0x80))


@dataclass(frozen=True, slots=True)
class Codec:
    """One law of G.711; PCM is 16-bit little-endian."""

    name: str
    payload_type: int
    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], bytes]


ULAW = Codec("ulaw", 0, lambda pcm: audioop.lin2ulaw(pcm, 2), lambda data: audioop.ulaw2lin(data, 2))
ALAW = Codec("alaw", 8, lambda pcm: audioop.lin2alaw(pcm, 2), lambda data: audioop.alaw2lin(data, 2))
CODECS = {codec.payload_type: codec for codec in (ULAW, ALAW)}


def rms(pcm: bytes) -> int:
    """Root mean square of 16-bit PCM, 0…32768."""
    return audioop.rms(pcm, 2)


def key_events(key: str, duration_ms: int) -> Iterator[tuple[bytes, bool]]:
    """The event payloads of one key press, one for each 20 ms, and whether it is the last (to be sent three times).

    Raises ValueError for a character that is no key.
    """
    number = KEYS.index(key)
    frames = max(1, duration_ms // 20)
    for count in range(1, frames + 1):
        last = count == frames
        yield struct.pack("!BBH", number, (0x80 if last else 0) | 10, min(count * FRAME_SAMPLES, 0xFFFF)), last

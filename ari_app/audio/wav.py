"""WAV as bytes: reading headers, also unfinished ones, and writing stereo. 16-bit PCM only. Pure.

Source: Microsoft's Multimedia Programming Interface and Data Specifications 1.0 (RIFF), and WAVE_FORMAT_EXTENSIBLE.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ari_app.errors import AudioError

HEADER_BYTES = 44
"""Length of the header that we and Asterisk write."""

_PCM, _EXTENSIBLE = 1, 0xFFFE
_NAMES = {2: "ADPCM", 3: "floating point", 6: "A-law", 7: "µ-law", 17: "ADPCM", 49: "GSM", 85: "MP3"}
_REMEDY = "convert it: ffmpeg -i INPUT -c:a pcm_s16le OUTPUT.wav"
_MOST_BYTES = 0xFFFFFFFF
"""RIFF counts in 32 bits; a longer recording (19 hours in stereo at 16 kHz) says so much and goes on."""


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What a WAV says about itself."""

    channels: int
    rate: int
    """Samples a second."""
    data_start: int
    """Where the samples begin, in bytes."""
    data_bytes: int
    """How long they claim to be; 0 in a file that was never finished."""


def parse_header(head: bytes) -> WavHeader:
    """The header in the first bytes of a file. Raises AudioError when it is not 16-bit PCM with a data chunk."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise AudioError("not a WAV file" if head else "an empty file", "give a WAV file of 16-bit PCM")
    fmt = b""
    for name, start, size in _chunks(head):
        if name == b"fmt ":
            fmt = head[start : start + size]
        elif name == b"data" and fmt:
            channels, rate = _format(fmt)
            return WavHeader(channels, rate, start, size)
    raise AudioError("a WAV file whose header is cut off", "record or copy it again")


def read_channels(data: bytes) -> tuple[NDArray[np.int16], int]:
    """The samples of a whole WAV file, a column a channel, and their rate. Raises AudioError."""
    header = parse_header(data)
    claimed = header.data_bytes or len(data)
    frame_bytes = 2 * header.channels
    samples_bytes = data[header.data_start : header.data_start + claimed]
    samples = np.frombuffer(samples_bytes[: len(samples_bytes) // frame_bytes * frame_bytes], "<i2")
    if not samples.size:
        raise AudioError("a WAV file without audio", "record it again")
    return samples.reshape(-1, header.channels).astype(np.int16), header.rate


def read_wav(data: bytes) -> tuple[NDArray[np.int16], int]:
    """The samples of a whole WAV file, several channels mixed down to one, and their rate. Raises AudioError."""
    channels, rate = read_channels(data)
    mono = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1).round()
    return mono.astype(np.int16), rate


def stereo_header(rate: int, frames: int) -> bytes:
    """The header of a stereo file of so many sample pairs; HEADER_BYTES long."""
    size = min(4 * frames, _MOST_BYTES - HEADER_BYTES)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, _PCM, 2, rate, 4 * rate, 4, 16, b"data", size
    )


def interleave(left: bytes, right: bytes) -> bytes:
    """Two channels of 16-bit samples as one stereo stream; the shorter is followed by silence."""
    pairs = np.zeros((max(len(left), len(right)) // 2, 2), "<i2")
    for column, channel in enumerate((left, right)):
        samples = np.frombuffer(channel[: len(channel) // 2 * 2], "<i2")
        pairs[: samples.size, column] = samples
    return pairs.tobytes()


def _chunks(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and claimed size of each chunk that begins in `head`."""
    at = 12
    while at + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, at)
        yield name, at + 8, size
        at += 8 + size + size % 2


def _format(fmt: bytes) -> tuple[int, int]:
    """Channels and rate of a format chunk."""
    if len(fmt) < 16:
        raise AudioError("a WAV file whose header is cut off", "record or copy it again")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if code == _EXTENSIBLE and len(fmt) >= 26:
        code = struct.unpack_from("<H", fmt, 24)[0]
    if code != _PCM:
        raise AudioError(f"a WAV file with {_NAMES.get(code, f'format {code}')} audio", _REMEDY)
    if bits != 16:
        raise AudioError(f"a WAV file with {bits}-bit samples", _REMEDY)
    if not channels or not rate:
        raise AudioError(f"a WAV file with {channels} channels at {rate} Hz", _REMEDY)
    return channels, rate

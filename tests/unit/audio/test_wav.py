"""WAV headers and samples from bytes."""

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.audio.wav import HEADER_BYTES, interleave, parse_header, read_wav, stereo_header
from ari_app.errors import AudioError


def wav(samples: list[int], *, channels: int = 1, rate: int = 8000, width: int = 2) -> bytes:
    """A WAV as the standard library writes it."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.array(samples, "<i2").tobytes())
    return out.getvalue()


def with_format(code: int, bits: int = 16, channels: int = 1, rate: int = 8000) -> bytes:
    """A header of any format, and four bytes of data."""
    fmt = struct.pack("<HHIIHH", code, channels, rate, rate * 2, 2, bits)
    return b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + fmt + b"data\x04\x00\x00\x00abcd"


def test_mono() -> None:
    samples, rate = read_wav(wav([1, -2, 32767, -32768], rate=16000))
    assert (samples.tolist(), rate, samples.dtype) == ([1, -2, 32767, -32768], 16000, np.int16)


def test_stereo_is_mixed_down() -> None:
    samples, _ = read_wav(wav([100, 200, -32768, -32768, 32767, -32768, 0, -3], channels=2))
    assert samples.tolist() == [150, -32768, 0, -2]


def test_other_chunks_are_passed_over() -> None:
    plain = wav([1, 2])
    odd = b"LIST\x03\x00\x00\x00abc\x00"
    assert read_wav(plain[:12] + odd + plain[12:36] + odd + plain[36:] + b"LIST\x02\x00\x00\x00zz")[0].tolist() == [
        1,
        2,
    ]


@pytest.mark.parametrize("claimed", [0, 5, 8, 0xFFFFFFFF])
def test_a_length_that_is_not_true(claimed: int) -> None:
    """0: never finished. More than there is: cut off while it was copied. Odd: half a sample."""
    data = wav([1, 2, 3])
    data = data[:40] + struct.pack("<I", claimed) + data[44:]
    wanted = [1, 2] if claimed == 5 else [1, 2, 3]
    assert read_wav(data)[0].tolist() == wanted


def test_extensible_pcm() -> None:
    data = wav([1, 2])
    guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    fmt = b"\xfe\xff" + data[22:36] + struct.pack("<HHI", 22, 16, 4) + guid
    assert read_wav(data[:12] + b"fmt " + struct.pack("<I", len(fmt)) + fmt + data[36:])[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "an empty file — give a WAV file"),
        (b"ID3\x04 this is an MP3 file", "not a WAV file — give a WAV file of 16-bit PCM"),
        (b"RIFX" + wav([1])[4:], "not a WAV file"),
        (wav([1])[:20], "a WAV file whose header is cut off"),
        (wav([1])[:36], "a WAV file whose header is cut off"),
        (wav([1])[:12] + wav([1])[36:], "a WAV file whose header is cut off"),
        (wav([]), "a WAV file without audio — record it again"),
        (wav([1])[:45], "a WAV file without audio"),
        (with_format(7), "a WAV file with µ-law audio — convert it: ffmpeg -i INPUT -c:a pcm_s16le OUTPUT.wav"),
        (with_format(6), "a WAV file with A-law audio"),
        (with_format(3, 32), "a WAV file with floating point audio"),
        (with_format(85), "a WAV file with MP3 audio"),
        (with_format(999), "a WAV file with format 999 audio"),
        (with_format(0xFFFE), "a WAV file with format 65534 audio"),
        (with_format(1, 24), "a WAV file with 24-bit samples"),
        (with_format(1, channels=0), "a WAV file with 0 channels at 8000 Hz"),
        (with_format(1, rate=0), "a WAV file with 1 channels at 0 Hz"),
        (b"RIFF    WAVEfmt \x04\x00\x00\x00abcddata\x00\x00\x00\x00", "a WAV file whose header is cut off"),
    ],
)
def test_what_is_no_wav_we_read(data: bytes, wanted: str) -> None:
    with pytest.raises(AudioError) as raised:
        read_wav(data)
    assert wanted in str(raised.value)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_any_bytes_are_read_or_refused(noise: bytes, keep: int) -> None:
    for data in (noise, wav([1, 2, 3])[:keep] + noise):
        try:
            samples, rate = read_wav(data)
        except AudioError:
            continue
        assert samples.size
        assert rate > 0


@given(st.lists(st.integers(-32768, 32767)), st.lists(st.integers(-32768, 32767)))
def test_interleaving_pads_the_shorter(left: list[int], right: list[int]) -> None:
    pairs = np.frombuffer(interleave(np.array(left, "<i2").tobytes(), np.array(right, "<i2").tobytes()), "<i2")
    length = max(len(left), len(right))
    assert pairs[::2].tolist() == left + [0] * (length - len(left))
    assert pairs[1::2].tolist() == right + [0] * (length - len(right))


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert interleave(b"\x01\x00\x02", b"") == b"\x01\x00\x00\x00"


def test_the_stereo_header_is_read_by_others() -> None:
    header = stereo_header(16000, 3)
    assert len(header) == HEADER_BYTES
    with wave.open(io.BytesIO(header + bytes(12))) as file:
        assert file.getparams()[:4] == (2, 2, 16000, 3)


def test_a_recording_longer_than_riff_can_count() -> None:
    assert parse_header(stereo_header(16000, 2_000_000_000)).data_bytes == 0xFFFFFFFF - 44

"""A caller's words as a telephone carries them: 8 kHz, µ-law, a little noise on the line. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from ari_app.audio.clock import FRAME_SECONDS
from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.engines.base import Pcm16

PHONE_RATE = 8000
LEG_RATE = 16_000
"""Hz of the simulated media leg, as of Asterisk's websocket."""
NOISE_DBFS = -60.0
"""Of the line, between the words too: the detector has to listen to it, as it has to on most calls."""
NOISE_SECONDS = 5
LOUD_RMS = 300.0
"""RMS from which a frame of 16-bit audio is speech (about -41 dBFS)."""


@dataclass(frozen=True)
class Sounds:
    """What simulated callers send, in 20 ms frames of 16-bit PCM at `LEG_RATE`."""

    lines: Sequence[Sequence[bytes]]
    """Each with its last frame loud: nothing is said after it."""
    silence: Sequence[bytes]
    """Sent in turn while the caller says nothing."""


def sounds(lines: Sequence[Pcm16], rate: int) -> Sounds:
    """What callers send who say `lines` (mono, at `rate` Hz); one of which a telephone carries nothing is left out."""
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (NOISE_DBFS / 20), NOISE_SECONDS * PHONE_RATE)
    silence = _frames(_through_phone(noise))
    heard = (_line(line, rate, noise) for line in lines)
    return Sounds([line for line in heard if line], silence)


def is_loud(frame: bytes) -> bool:
    """Whether somebody speaks in it."""
    samples = np.frombuffer(frame, "<i2").astype(np.float32)
    return float(samples @ samples) >= LOUD_RMS**2 * len(samples)


def _line(line: Pcm16, rate: int, noise: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[bytes]:
    at_phone = soxr.resample(line.astype(np.float64), rate, PHONE_RATE)
    frames = _frames(_through_phone(at_phone + np.resize(noise, len(at_phone))))
    while frames and not is_loud(frames[-1]):
        frames.pop()
    return frames


def _through_phone(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Pcm16:
    pcm = np.clip(samples, -32768, 32767).astype("<i2").tobytes()
    heard = np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(pcm)), "<i2")
    resampled: Pcm16 = soxr.resample(heard, PHONE_RATE, LEG_RATE)
    return resampled


def _frames(pcm: Pcm16) -> list[bytes]:
    size = int(LEG_RATE * FRAME_SECONDS)
    return [frame.tobytes() for frame in np.pad(pcm, (0, -len(pcm) % size)).reshape(-1, size)]

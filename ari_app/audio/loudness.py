"""Where speech is loud enough to be heard. Pure.

A voice detector knows speech from noise, but not to the millisecond when a word ends: its probability falls while a
vowel fades, sooner or later. What a person hears as the end is a matter of loudness.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.01
"""Length of the frames whose loudness is compared."""
AUDIBLE_DB = -26.0
"""So far under the loud parts of an utterance, a fading sound is heard as silence on a telephone."""
LOUD_PERCENTILE = 90.0
"""What counts as the loud parts."""
LEVEL_SECONDS = 1.5
"""How much of running speech tells how loud it is."""
HUSH_SECONDS = 0.05
"""Silence from which a speaker may have ended; twice as many closures of plosives would pass for it at 0.03."""


def end_of_speech(samples: NDArray[np.float32], rate: int) -> float:
    """Seconds from the end of the last audible sound to the end of `samples` (mono, of any length); 0 if it is loud to
    its end."""
    frame = int(FRAME_SECONDS * rate)
    whole = len(samples) // frame
    if not whole:
        return 0.0
    powers = np.square(samples[len(samples) - whole * frame :]).reshape(whole, frame).mean(axis=1)
    audible = np.flatnonzero(powers >= np.percentile(powers, LOUD_PERCENTILE) * 10 ** (AUDIBLE_DB / 10))
    return float(whole - 1 - audible[-1]) * FRAME_SECONDS if len(audible) else 0.0


class Hush:
    """Notices a speaker's silence within HUSH_SECONDS, by the rule of `end_of_speech`; on a noisy line, not at all."""

    def __init__(self, rate: int) -> None:
        self._frame = int(FRAME_SECONDS * rate)
        self._rest: NDArray[np.float32] = np.empty(0, np.float32)
        self._powers: deque[float] = deque(maxlen=round(LEVEL_SECONDS / FRAME_SECONDS))
        self._quiet_frames = 0

    def feed(self, samples: NDArray[np.float32]) -> bool:
        """Take the next samples, mono, since speech began; whether their last HUSH_SECONDS were inaudible."""
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) // self._frame
        self._rest = samples[whole * self._frame :]
        powers = np.square(samples[: whole * self._frame]).reshape(whole, self._frame).mean(axis=1).tolist()
        self._powers.extend(powers)
        if self._powers:
            loud = sorted(self._powers)[int(len(self._powers) * LOUD_PERCENTILE / 100)]
            for power in powers:
                self._quiet_frames = 0 if power >= loud * 10 ** (AUDIBLE_DB / 10) else self._quiet_frames + 1
        return self._quiet_frames * FRAME_SECONDS >= HUSH_SECONDS

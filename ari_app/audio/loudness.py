"""Where speech is loud enough to be heard. Pure.

A voice detector knows speech from noise, but not to the millisecond when a word ends: its probability falls while a
vowel fades, sooner or later. What a person hears as the end is a matter of loudness.
"""

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.01
"""Length of the frames whose loudness is compared."""
AUDIBLE_DB = -26.0
"""So far under the loud parts of an utterance, a fading sound is heard as silence on a telephone."""
LOUD_PERCENTILE = 90.0
"""What counts as the loud parts."""


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

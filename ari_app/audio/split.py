"""Cuts long speech where it is quietest."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

QUIET_SECONDS = 0.03
"""Length of the stretches among which the quietest is looked for."""


def split_at_quiet(samples: NDArray[np.float32], limit: int, rate: int) -> Iterator[NDArray[np.float32]]:
    """Cut samples into pieces of at most `limit`, each cut in the quietest spot of the piece's last third."""
    stretch = int(QUIET_SECONDS * rate)
    while len(samples) > limit:
        earliest = limit * 2 // 3
        count = (limit - earliest) // stretch
        energies = np.square(samples[earliest : earliest + count * stretch]).reshape(count, stretch).sum(axis=1)
        cut = earliest + int(energies.argmin()) * stretch + stretch // 2
        yield samples[:cut]
        samples = samples[cut:]
    yield samples

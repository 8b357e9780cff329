"""Cuts long speech where it is quietest."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUIET_SECONDS = 0.03
"""Length of the stretches among which the quietest is looked for."""


def quietest(samples: NDArray[Any], begin: int, count: int, stretch: int) -> int:
    """Where the quietest of `count` stretches of so many samples begins, the first of them at `begin`."""
    stretches = samples[begin : begin + count * stretch].astype(np.float32).reshape(count, stretch)
    return begin + int(np.square(stretches).sum(axis=1).argmin()) * stretch


def split_at_quiet(samples: NDArray[np.float32], limit: int, rate: int) -> Iterator[NDArray[np.float32]]:
    """Cut samples into pieces of at most `limit`, each cut in the quietest spot of the piece's last third."""
    stretch = int(QUIET_SECONDS * rate)
    while len(samples) > limit:
        earliest = limit * 2 // 3
        count = (limit - earliest) // stretch
        cut = quietest(samples, earliest, count, stretch) + stretch // 2
        yield samples[:cut]
        samples = samples[cut:]
    yield samples

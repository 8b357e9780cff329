"""What a benchmark gives back: named figures, and percentiles of many measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One number of the table and of bench.json."""

    name: str
    value: float
    unit: str
    n: int
    """Measurements behind it."""
    floor: str = ""
    """What it must at least be, in words; empty where nothing is asked."""


def percentiles(
    name: str,
    milliseconds: Sequence[float],
    floors: Mapping[int, str] | None = None,
    which: Sequence[int] = (50, 95),
) -> list[Figure]:
    """Percentiles of measurements in ms, as ``NAME.p50_ms`` and so on."""
    if not milliseconds:
        raise RuntimeError(f"{name}: nothing was measured")
    values, n = np.percentile(milliseconds, which), len(milliseconds)
    return [
        Figure(f"{name}.p{p}_ms", float(value), "ms", n, (floors or {}).get(p, ""))
        for p, value in zip(which, values, strict=True)
    ]

"""What a benchmark gives back: named figures, and percentiles of many measurements."""

from collections.abc import Sequence
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


def percentiles(name: str, milliseconds: Sequence[float], floors: dict[int, str] | None = None) -> list[Figure]:
    """The p50 and p95 of measurements in ms, as ``NAME.p50_ms`` and ``NAME.p95_ms``."""
    if not milliseconds:
        raise RuntimeError(f"{name}: nothing was measured")
    return [
        Figure(
            f"{name}.p{p}_ms", float(np.percentile(milliseconds, p)), "ms", len(milliseconds), (floors or {}).get(p, "")
        )
        for p in (50, 95)
    ]

"""Does a machine or the exchange itself whistle on the line? Fax tones and the tones of a dead line. Pure.

::

    fax    CNG   1100 Hz   ▇▇▇______________________▇▇▇___     0.5 s every 3.5 s, from the fax that calls
           CED   2100 Hz   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇                    from the one that answers; its phase may turn over
    line   dial  350+440, 400+450, 425 Hz   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇    for seconds
           busy, congestion  480+620, 425, 400 Hz  ▇▇_▇▇_▇▇_▇▇  0.2…0.5 s each, with as much silence
           information  950, 1400, 1800 Hz   ▇▇██▓▓           0.33 s each, in front of an announcement

One or two frequencies that hold nearly all of the power make a burst; bursts of the right length and distance, with
silence between them, make a tone. Speech and music have neither for so long, keys have other frequencies.

Sources: ITU-T T.30 (CNG, CED), V.8 (ANSam), E.180 and its supplement 2 (tones of the countries).
"""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Tone = Literal["fax", "line"]
Audio = NDArray[np.float32]

_WINDOW_SECONDS = 0.032
_RATE = 8000
"""Hz at which spectra are taken, of every second sample: tones lie far below, and what folds is no tone."""
_SIZE = 512
"""Samples at _RATE of a spectrum: two windows, so that 400 and 450 Hz are two lines."""
_HANN = np.hanning(_SIZE).astype(np.float32)
_LINE_BINS = 2
"""A line's power lies in so many bins on either side of its peak."""
_LOWEST_BIN = 10
"""Mains hum and speech's lowest harmonic lie below 150 Hz, no tone does."""
_QUIET = 3e-5
"""Mean power up to which a window is silence: -45 dBFS. Tones are louder by far (E.180: -10 dBm0), a line's noise is
not: looking into it cost a fifth of what a call costs in which nobody speaks."""
_CONCENTRATION = 0.9
"""Share of the power that must lie in one line, or in two."""
_SECOND_LINE = 0.1
"""Least share that the second line of a pair has of the first."""
_SAME_HZ = 10.0
"""How far a burst's frequency may wander. A voice's does so within a tenth of a second."""
_SAME_LEVEL = 0.35
"""Power that a burst keeps, as a share of its loudest window; CED's modulation takes half of it."""
_MOST_MISSES = 1
"""Windows inside a burst that may look otherwise: the phase turns over, a packet is lost."""
_DIRT, _MOST_DIRT = 0.05, 4
"""So many windows between bursts may have so much of a burst's power without being one: edges. More are speech."""

_LINE_HZ = (300.0, 680.0)
_CONTINUOUS_SECONDS = 3.0
"""A dial tone: longer than anyone hums."""
_CADENCE_SECONDS = (0.15, 0.8)
_CYCLE_SECONDS = (0.3, 1.7)
_REGULAR_SECONDS = 0.08
"""By how much equal bursts may differ."""
_BUSY_BURSTS = 4
_INFORMATION_HZ = ((900.0, 1000.0), (1350.0, 1450.0), (1750.0, 1820.0))
_INFORMATION_SECONDS = (0.2, 0.45)
_CNG_HZ = (1062.0, 1138.0)
_CNG_SECONDS = (0.38, 0.62)
_CNG_CYCLE_SECONDS = (2.9, 4.1)
_CED_HZ = (2075.0, 2125.0)
_CED_SECONDS = 1.0


@dataclass(slots=True)
class _Burst:
    """Windows in a row with the same one or two frequencies."""

    hertz: tuple[float, ...]
    """Ascending."""
    power: float
    first: int
    """Number of its first window, and of its last."""
    last: int

    @property
    def seconds(self) -> float:
        return (self.last - self.first + 2) * _WINDOW_SECONDS  # a spectrum spans two windows

    def fits(self, other: "_Burst") -> bool:
        """Whether `other` has the same frequencies."""
        return len(self.hertz) == len(other.hertz) and all(
            abs(one - two) <= _SAME_HZ for one, two in zip(self.hertz, other.hertz, strict=True)
        )

    def within(self, band: tuple[float, float]) -> bool:
        return all(band[0] <= hertz <= band[1] for hertz in self.hertz)


class ToneDetector:
    """One caller's line: feed it every window; it tells once."""

    def __init__(self) -> None:
        self._told = False
        self._number = 0
        self._last_window = np.zeros(_SIZE, np.float32)
        self._burst: _Burst | None = None
        self._dirt = 0
        self._loudest = 0.0
        self._bursts: deque[_Burst] = deque(maxlen=6)  # two cycles of the longest cadence

    def feed(self, window: Audio) -> Tone | None:
        """Take the next 512 samples at 16 kHz in -1…1; the tone once it is certain, None before and ever after.

        A silent window costs 1 µs, speech 20 µs.
        """
        if self._told:
            return None
        self._number += 1
        heard = self._listen(window)
        tone = self._take(heard)
        self._told = tone is not None
        return tone

    def _listen(self, window: Audio) -> _Burst | None:
        """The one or two frequencies that hold nearly all of the power of the last two windows."""
        earlier, self._last_window = self._last_window, window
        if float(window @ window) < _QUIET * len(window):
            return None
        samples = np.concatenate((earlier, window))[::2] * _HANN
        power = np.square(np.abs(np.fft.rfft(samples)))
        power[:_LOWEST_BIN] = 0.0
        total = float(power.sum())
        lines = [_take_line(power)]
        if lines[0][1] < _CONCENTRATION * total:
            lines.append(_take_line(power))
        if lines[-1][1] < _SECOND_LINE * lines[0][1] or sum(share for _, share in lines) < _CONCENTRATION * total:
            self._dirt += total > _DIRT * self._loudest
            return None
        return _Burst(tuple(sorted(hertz for hertz, _ in lines)), total, self._number, self._number)

    def _take(self, heard: _Burst | None) -> Tone | None:
        burst = self._burst
        if burst is not None and heard is not None and burst.fits(heard) and heard.power >= _SAME_LEVEL * burst.power:
            if burst.last == burst.first:  # the first spectrum reaches back into the silence
                burst.hertz = heard.hertz
            burst.power = max(burst.power, heard.power)
            burst.last = self._number
            return _continuous(burst)
        if burst is not None and self._number - burst.last <= _MOST_MISSES:
            return None
        self._burst = heard
        return self._end(burst) if burst is not None else None

    def _end(self, burst: _Burst) -> Tone | None:
        """A burst is over."""
        if burst.last == burst.first:  # an edge
            return None
        if self._dirt > _MOST_DIRT:
            self._bursts.clear()
        self._dirt = 0
        self._loudest = burst.power
        self._bursts.append(burst)
        return _cadence(list(self._bursts))


def _take_line(power: NDArray[np.float32]) -> tuple[float, float]:
    """Frequency in Hz and power of the strongest line, which is taken out of the spectrum."""
    peak = int(power.argmax())
    bins = slice(max(peak - _LINE_BINS, 0), peak + _LINE_BINS + 1)
    line = power[bins].copy()
    power[bins] = 0.0
    total = float(line.sum())
    centre = float(line @ np.arange(bins.start, bins.start + len(line))) / (total or 1.0)
    return centre * _RATE / _SIZE, total


def _continuous(burst: _Burst) -> Tone | None:
    """What a burst is that goes on."""
    if len(burst.hertz) == 1 and burst.within(_CED_HZ) and burst.seconds >= _CED_SECONDS:
        return "fax"
    return "line" if burst.within(_LINE_HZ) and burst.seconds >= _CONTINUOUS_SECONDS else None


def _cadence(bursts: list[_Burst]) -> Tone | None:
    """What the last bursts are together."""
    if _is_fax(bursts[-2:]):
        return "fax"
    # UK congestion alternates two lengths
    busy = _is_busy(bursts[-_BUSY_BURSTS:], 1) or _is_busy(bursts[-6:], 2)
    return "line" if busy or _is_information(bursts[-3:]) else None


def _is_fax(bursts: list[_Burst]) -> bool:
    return len(bursts) == 2 and (
        all(len(b.hertz) == 1 and b.within(_CNG_HZ) and _between(b.seconds, _CNG_SECONDS) for b in bursts)
        and _between(_distance(*bursts), _CNG_CYCLE_SECONDS)
    )


def _is_busy(bursts: list[_Burst], cycle: int) -> bool:
    """Whether bursts of one frequency come regularly, each like the one that is `cycle` bursts before it."""
    lengths = [burst.seconds for burst in bursts]
    distances = [_distance(one, two) for one, two in pairwise(bursts)]
    return (
        len(bursts) == _BUSY_BURSTS + 2 * (cycle - 1)
        and all(b.within(_LINE_HZ) and b.fits(bursts[0]) and _between(b.seconds, _CADENCE_SECONDS) for b in bursts)
        and all(_between(distance, _CYCLE_SECONDS) for distance in distances)
        and _regular(lengths, cycle)
        and _regular(distances, cycle)
    )


def _is_information(bursts: list[_Burst]) -> bool:
    return len(bursts) == 3 and (
        all(
            len(burst.hertz) == 1 and burst.within(band) and _between(burst.seconds, _INFORMATION_SECONDS)
            for burst, band in zip(bursts, _INFORMATION_HZ, strict=True)
        )
        and all(_distance(one, two) <= _INFORMATION_SECONDS[1] + 0.1 for one, two in pairwise(bursts))
    )


def _distance(one: _Burst, two: _Burst) -> float:
    """Seconds from one beginning to the next."""
    return (two.first - one.first) * _WINDOW_SECONDS


def _regular(seconds: list[float], cycle: int) -> bool:
    return all(abs(one - two) <= _REGULAR_SECONDS for one, two in zip(seconds, seconds[cycle:], strict=False))


def _between(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]

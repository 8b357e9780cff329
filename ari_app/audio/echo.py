"""Is what comes in on the caller's line the agent's own voice? Pure.

A speakerphone or a telephone's hybrid sends back what it plays: later, quieter, coloured, and coded twice. The voice
detector hears speech in it. Here the last quarter of a second of the line is compared with what was played: when a
delayed and filtered copy of that explains it, it is echo; what no copy explains, the caller said.

::

    played   ──▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇──────
               └─ lag ──┐
    line     ───────────▂▂▂▂▂▂▂▂▂▂▂▂▇▇▇▇▇▇▇──
                        └ echo      └ the caller speaks as well
    a copy is fitted over  ├──256 ms──┤
    and judged over            ├96 ms─┤ too: a caller who begins to speak is noticed at once

Measured with the demo voice and Asterisk's prompts as agents, 6 to 38 dB of loss, 20 to 500 ms, hybrids and small
rooms, µ-law twice: of the echo that the voice detector takes for speech 0 to 3 % of the windows pass, never three in a
row. Of a caller's windows 0.2 % are taken for echo, 1 % over echo at -12 dB, 3 to 10 % at -6 dB; nine of ten callers
are noticed at once, or at -6 dB after 0.1 s. Echo by way of a large room (as strong as the direct sound) passes.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ari_app.errors import AudioError

Audio = NDArray[np.float32]

_RATE = 8000
"""Hz at which line and agent are compared: an echo has been through a telephone."""
_WINDOW = 512
"""Samples at 16 kHz of the windows in which the line comes."""
_WINDOWS = 8
"""So many of them are compared: several sounds' worth of evidence."""
_SPAN = _WINDOW * _WINDOWS // 2
_RECENT = 768
"""Samples at _RATE at the end of the span that are judged by themselves."""
_EARLIEST, _LATEST = -480, 4400
"""Lags that are searched, in samples: -60…550 ms. Before 0 because the time of playing is known to a few frames."""
_TAPS, _BEFORE = 48, 12
"""Length of the filter that colours the copy, and what of it comes before the lag: 6 ms and 1.5 ms."""
_RIDGE = 1e-3
"""Share of the agent's power that is added to the filter's equations: frequencies it does not hold are not fitted."""
_MOST_LEFT = (0.67, 0.35)
"""Power that a copy may leave over the span, as a share of its own: three fifths of the line are echo. And what it may
leave of the last 96 ms, as a share of the louder one of the copy there and over the span: rooms ring, words end."""
_HALF = _SPAN // 2
_NEAR = 240
"""When the agent pauses and goes on, its lag moves by up to 30 ms (it waits for Asterisk's next frame), and the span
holds two lags. Then its second half may be a copy by itself, and must be one more clearly."""
_MOST_LEFT_OF_HALF = (0.2, 0.2)
_UNHEARD = 1e-6
"""Mean power that is no speech whatever it is: -60 dBFS. Coding and the line make such noise."""
_SILENT_PEAK = 3e-4
"""Peak under which nothing was played that could come back: -70 dBFS."""
_KEEP_SECONDS = 1.0
"""What has ended so long ago comes back no more."""

_REACH = 7
"""Samples on either side that the half-band filter looks at when 16 kHz become 8 kHz."""
_ODD = np.arange(-_REACH, _REACH + 1, 2)
_HALF_BAND = (np.sinc(_ODD / 2) * np.i0(4 * np.sqrt(1 - (_ODD / (_REACH + 1)) ** 2))).astype(np.float32)
_HALF_BAND *= np.float32(0.5) / _HALF_BAND.sum()
"""The filter's taps beside the middle one, which is 0.5, and those that are zero: a Kaiser-windowed sinc."""
_TOEPLITZ = np.abs(np.subtract.outer(np.arange(_TAPS), np.arange(_TAPS)))
_FULL_SCALE = np.float32(1 / 32768)


@dataclass(slots=True)
class _Chunk:
    """Audio at _RATE that begins to play at a moment (monotonic seconds)."""

    at: float
    samples: Audio

    @property
    def end(self) -> float:
        return self.at + len(self.samples) / _RATE


class EchoDetector:
    """The echo of one call's agent: told what is played and what is heard, asked when that sounds like speech."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz is that of what is played, 8000 or 16000. Raises AudioError for others."""
        if rate not in (_RATE, 2 * _RATE):
            raise AudioError(f"cannot look for the echo of audio at {rate} Hz", "play 8 or 16 kHz")
        self._halve_played = rate != _RATE
        # What is queued, playing, or has ended within _KEEP_SECONDS before the last question; more clauses than the
        # longest reply has.
        self._chunks: deque[_Chunk] = deque(maxlen=64)
        self._line: deque[Audio] = deque([np.zeros(_WINDOW, np.float32)] * _WINDOWS, maxlen=_WINDOWS)
        self._lag = 0

    def played(self, pcm: NDArray[np.int16], at: float) -> None:
        """What begins to play `at` (monotonic seconds), or when what was given before it has ended."""
        if len(pcm) < 2:
            return
        samples = pcm.astype(np.float32) * _FULL_SCALE
        if self._halve_played:
            samples = _halved(samples)
        if self._chunks:
            at = max(at, self._chunks[-1].end)
        self._chunks.append(_Chunk(at, samples))

    def stopped(self, at: float) -> None:
        """What was still to be played `at` this moment (monotonic seconds) is not."""
        while self._chunks and self._chunks[-1].at >= at:
            self._chunks.pop()
        if self._chunks:
            last = self._chunks[-1]
            last.samples = last.samples[: round((at - last.at) * _RATE)]

    def heard(self, window: Audio) -> None:
        """The next 512 samples of the caller's line, at 16 kHz in -1…1. To be told of every window."""
        self._line.append(window)

    def is_echo(self, end_at: float) -> bool:
        """Whether the window heard last, which ended `end_at`, holds the agent's voice and nobody else's.

        Costs 0.1 ms when it is, 0.6 ms when it is not, and nothing when the agent was silent for half a second.
        """
        while self._chunks and self._chunks[0].end < end_at - _KEEP_SECONDS:
            self._chunks.popleft()
        if not self._chunks:
            return False
        begin = end_at - (_SPAN + _LATEST + _TAPS) / _RATE
        played = self._played_from(begin, _SPAN + _LATEST - _EARLIEST + _TAPS + _BEFORE)
        if np.abs(played).max() < _SILENT_PEAK:
            return False
        line = _halved(np.concatenate(self._line))
        if _is_copy(line, played, self._lag, _MOST_LEFT):
            return True
        lag = _likeliest_lag(line, played, _EARLIEST, _LATEST)
        if lag != self._lag and _is_copy(line, played, lag, _MOST_LEFT):
            self._lag = lag
            return True
        line, played = line[-_HALF:], played[_SPAN - _HALF :]
        lag = _likeliest_lag(line, played, max(self._lag - _NEAR, _EARLIEST), min(self._lag + _NEAR, _LATEST))
        if _is_copy(line, played, lag, _MOST_LEFT_OF_HALF):
            self._lag = lag
            return True
        return False

    def _played_from(self, at: float, length: int) -> Audio:
        """So many samples at _RATE of what was played from a moment on."""
        out = np.zeros(length, np.float32)
        for chunk in self._chunks:
            begin = round((chunk.at - at) * _RATE)
            end = min(begin + len(chunk.samples), length)
            if end > 0 and begin < length:
                out[max(begin, 0) : end] = chunk.samples[max(-begin, 0) : end - begin]
        return out


def _likeliest_lag(line: Audio, played: Audio, earliest: int, latest: int) -> int:
    """The lag at which the line is most like what was played: normalised cross-correlation, by FFT."""
    first = _TAPS + _LATEST - latest
    source = played[first : first + latest - earliest + len(line)]
    size = 1 << (len(source) - 1).bit_length()
    product = np.fft.rfft(source, size) * np.conj(np.fft.rfft(line, size))
    likeness = np.abs(np.fft.irfft(product, size)[: latest - earliest + 1])
    energy = np.cumsum(np.pad(np.square(source, dtype=np.float64), (1, 0)))
    local = energy[len(line) :] - energy[: -len(line)]
    return latest - int((likeness / np.sqrt(local + 1e-3 * local.max() + 1e-6)).argmax())


def _is_copy(line: Audio, played: Audio, lag: int, most_left: tuple[float, float]) -> bool:
    """Whether the best filtered copy of `played` at a lag leaves nothing of the line that somebody has said.

    The filter solves the normal equations of least squares; `power` and `likeness` are the correlations in them. That
    of the source is taken of all of it, which keeps the equations solvable when a sound begins at the very end.
    """
    begin = _LATEST - lag + _BEFORE + 1
    source = played[begin : begin + len(line) + _TAPS - 1]
    power = np.correlate(np.pad(source, (0, _TAPS - 1)), source, "valid")
    likeness = np.correlate(source, line, "valid")[::-1]
    equations = power[_TOEPLITZ]
    equations.flat[:: _TAPS + 1] += _RIDGE * power[0] + 1e-9
    copy = np.convolve(source, np.linalg.solve(equations, likeness), "valid")
    rest = line - copy
    echo, left, left_recently = _power(copy), _power(rest), _power(rest[-_RECENT:])
    loudest_echo = max(echo, _power(copy[-_RECENT:]))
    return left < most_left[0] * echo + _UNHEARD and left_recently < most_left[1] * loudest_echo + _UNHEARD


def _power(samples: Audio) -> float:
    return float(samples @ samples) / len(samples)


def _halved(samples: Audio) -> Audio:
    """16 kHz → 8 kHz by a half-band filter, whose every second tap is zero."""
    odd = np.pad(samples, _REACH)[0::2][: len(samples) // 2 + _REACH]
    halved: Audio = 0.5 * samples[: len(samples) // 2 * 2 : 2] + np.convolve(odd, _HALF_BAND, "valid")
    return halved

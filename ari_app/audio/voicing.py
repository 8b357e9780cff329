"""From what a voice makes, piece by piece, to what goes out: silence cut, loudness even, at the line's rate. Pure.

::

    the voice    ▁▁▁▁▅▇▆▃▁▅▆▁▁▁▏▁▁▁▂▇▆▅▁▁▁▁▁▁▁
    goes out        ▕▅▇▆▃▁▅▆▏   ▕▁▁▁▁▁▁▂▇▆▅▏▁▁▏        quiet stretches wait for what follows; at the end, the pause

A peak that is higher than the voice's usual ones is rounded off, never clipped: how loud a clause will be is not known
when its beginning goes out.
"""

import math

import numpy as np
import soxr
from numpy.typing import NDArray

PEAK = 0.7
"""A voice's usual peak, of full scale: about that of Asterisk's own prompts."""
MOST_GAIN = 4.0
"""A voice is not made louder than this many times to reach PEAK."""
_CEILING = 0.9
"""No peak gets higher; the rest is room for the resampler's overshoot."""
SILENCE_DB = -40.0
"""What is so far under a voice's peak is silence."""
_FRAME_SECONDS = 0.005
"""Length of the frames in which silence is looked for."""
_LEAD_FRAMES = 2
"""Kept before the first loud frame: soft consonants live there, and the caller waits for every millisecond of it."""
_FADE_IN_SECONDS, _FADE_OUT_SECONDS = 0.003, 0.005
"""Slopes at the cuts, against clicks; neither is longer than a frame."""
_STEPS_A_SECOND = 50
"""A resampled piece is a whole number of these steps, 20 ms: each ends with a media frame."""
_CONTEXT_SECONDS = 0.02
"""What the resampler sees on either side of what it resamples; its filter reaches half as far."""

Audio = NDArray[np.float32]
Pcm16 = NDArray[np.int16]


class Voicing:
    """The audio of one clause on its way out."""

    def __init__(self, from_rate: int, to_rate: int, voice_peak: float, pause_seconds: float) -> None:
        """Rates in Hz; `voice_peak` is the voice's usual one; exactly `pause_seconds` of silence end the clause."""
        self.peak = 0.0
        """The highest so far, as the voice made it."""
        self._gain = np.float32(min(PEAK / max(voice_peak, 1e-6), MOST_GAIN))
        self._silence = PEAK * 10 ** (SILENCE_DB / 20)
        self._resampler = PieceResampler(from_rate, to_rate)
        self._frame = int(_FRAME_SECONDS * from_rate)
        self._pause = int(pause_seconds * from_rate)
        self._fade_in = np.linspace(0, 1, int(_FADE_IN_SECONDS * from_rate), dtype=np.float32)
        self._fade_out = np.linspace(1, 0, int(_FADE_OUT_SECONDS * from_rate), dtype=np.float32)
        self._begun = False
        self._waiting = np.zeros(0, np.float32)

    def feed(self, audio: Audio, *, last: bool = False) -> Pcm16:
        """What goes out now that this has come; of a clause that is silent throughout, nothing."""
        self.peak = max(self.peak, float(np.abs(audio).max(initial=0.0)))
        self._waiting = np.concatenate((self._waiting, _rounded_off(audio * self._gain)))
        out = self._resampler.feed(self._end() if last else self._go_on(), last=last)
        pcm: Pcm16 = (np.clip(out, -1.0, 1.0) * 32767).astype(np.int16)
        return pcm

    def _go_on(self) -> Audio:
        """All up to the last loud frame; one stays in any case, to end in a slope should the clause end here."""
        whole = len(self._waiting) // self._frame
        loud_until = self._find_speech(self._waiting[: whole * self._frame])
        if not self._begun:
            self._take((whole - _LEAD_FRAMES) * self._frame)
            return self._take(0)
        return self._take(min(loud_until, (len(self._waiting) // self._frame - 1) * self._frame))

    def _end(self) -> Audio:
        loud_until = self._find_speech(np.pad(self._waiting, (0, -len(self._waiting) % self._frame)))
        if not self._begun:
            return self._take(0)
        end = loud_until + self._pause
        rest = self._take(min(end, len(self._waiting)))
        slope = self._fade_out[-len(rest) :] if len(rest) else rest
        rest[len(rest) - len(slope) :] *= slope
        return np.pad(rest, (0, end - len(rest)))

    def _find_speech(self, audio: Audio) -> int:
        """Where the last loud frame ends, 0 without any; what comes before the clause's first one is cut off."""
        loud = np.flatnonzero(np.abs(audio.reshape(-1, self._frame)).max(axis=1, initial=0.0) > self._silence)
        if not len(loud):
            return 0
        begin = 0
        if not self._begun:
            self._begun = True
            begin = max(0, int(loud[0]) - _LEAD_FRAMES)
            self._take(begin * self._frame)
            self._waiting[: len(self._fade_in)] *= self._fade_in[: len(self._waiting)]
        return (int(loud[-1]) + 1 - begin) * self._frame

    def _take(self, count: int) -> Audio:
        taken, self._waiting = np.split(self._waiting, [max(0, count)])
        return taken


class PieceResampler:
    """From any rate to any other, in pieces without seams; soxr's own streams give their audio late and in bursts."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Rates in Hz."""
        self._rates = from_rate, to_rate
        steps = math.gcd(from_rate, to_rate, _STEPS_A_SECOND)
        self._step_in, self._step_out = from_rate // steps, to_rate // steps
        self._context = math.ceil(_CONTEXT_SECONDS * steps)  # steps
        self._before = 0  # steps of context in front of what waits
        self._waiting = np.zeros(0, np.float32)

    def feed(self, audio: Audio, *, last: bool = False) -> Audio:
        """Take some and return all whole steps whose surroundings are known; the `last` returns what is left."""
        if self._rates[0] == self._rates[1]:
            return audio
        self._waiting = np.concatenate((self._waiting, audio))
        ready = len(self._waiting) // self._step_in - self._before - self._context
        if ready <= 0 and not last:
            return np.zeros(0, np.float32)
        resampled: Audio = soxr.resample(self._waiting, *self._rates)
        begin = self._before * self._step_out
        if last:
            return resampled[begin:]
        keep_from = max(0, self._before + ready - self._context)
        self._waiting = self._waiting[keep_from * self._step_in :]
        self._before = self._before + ready - keep_from
        return resampled[begin : begin + ready * self._step_out]


def _rounded_off(audio: Audio) -> Audio:
    """Unchanged up to PEAK; from there it approaches _CEILING."""
    level, room = np.abs(audio), _CEILING - PEAK
    high = PEAK + room * np.tanh((level - PEAK) / room)
    return np.where(level > PEAK, np.copysign(high, audio), audio).astype(np.float32)

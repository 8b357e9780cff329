"""Which words are in a piece of audio, when it can only be a piece of one of a few known recordings.

The benchmark's transcripts must be right for any part of a line: of partials, and at every pause. So the audio is laid
over each recording where it fits best, which takes a few milliseconds, and the words that lie under it are the
transcript. Where each word lies is estimated: the recording's speech, shared out by the number of letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ari_app.demo.conversation import PHONE_RATE, Line
from ari_app.engines.base import SPEECH_RATE, Samples

RATE = 1000
"""Hz at which recordings are compared: a voice's pitch is enough to tell them apart."""
LENGTH = 8192
"""Points of the comparison, in 1/RATE s: room for the longest recording and as much of the audio."""
LEAST_ALIKE = 0.5
"""Correlation under which the audio is none of the recordings."""
SLACK_S = 0.1
"""By how much a word may stick out and still be understood."""
LOUD = 0.02
"""Amplitude, of full scale, from which a recording has begun."""


@dataclass(frozen=True)
class Word:
    """A word and where it is said, in s from the recording's beginning."""

    text: str
    begin: float
    end: float


class Recordings:
    """The recordings, prepared for comparison."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        audio = {name: line.pcm.astype(np.float32) / 32768 for name, line in lines.items()}
        self._words = [_spread(lines[name].words, samples) for name, samples in audio.items()]
        slow = [_slowed(samples, PHONE_RATE) for samples in audio.values()]
        self._spectra = np.array([np.fft.rfft(samples, LENGTH).conj() for samples in slow])
        padded = np.array([np.pad(samples**2, (0, LENGTH - len(samples))) for samples in slow])
        self._energy = np.pad(padded.cumsum(axis=1), ((0, 0), (1, 0)))

    def words_in(self, samples: Samples) -> str:
        """The words said in `samples`, float32 at SPEECH_RATE; empty when they are of no recording."""
        seconds = len(samples) / SPEECH_RATE
        audio = _slowed(samples, SPEECH_RATE)[: LENGTH // 2]  # what is longer, ends in silence
        if not len(audio) or not audio.any():
            return ""
        matches = np.fft.irfft(np.fft.rfft(audio, LENGTH) * self._spectra)  # by how late the recording begins
        lags = np.arange(LENGTH)
        lags[LENGTH // 2 :] -= LENGTH
        covered = self._energy[:, np.clip(len(audio) - lags, 0, LENGTH)] - self._energy[:, np.clip(-lags, 0, LENGTH)]
        whole = self._energy[:, -1:]
        alike = matches / np.sqrt(np.square(audio).sum() * np.maximum(covered, whole * 0.02))
        recording, place = np.unravel_index(int(alike.argmax()), alike.shape)
        if alike[recording, place] < LEAST_ALIKE:
            return ""
        begin = -lags[place] / RATE
        end = begin + seconds
        spoken = self._words[recording]
        return " ".join(w.text for w in spoken if w.begin >= begin - SLACK_S and w.end <= end + SLACK_S)


def _slowed(samples: Samples, rate: int) -> Samples:
    step = rate // RATE
    return samples[: len(samples) // step * step].reshape(-1, step).mean(axis=1)


def _spread(text: str, samples: Samples) -> list[Word]:
    loud = np.flatnonzero(np.abs(samples) > LOUD) / PHONE_RATE
    first, last = float(loud[0]), float(loud[-1])
    second_a_letter = (last - first) / len(text)
    words, at = [], first
    for word in text.split():
        end = at + len(word) * second_a_letter
        words.append(Word(word, at, end))
        at = end + second_a_letter
    return words

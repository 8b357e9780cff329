"""What a caller makes heard without wanting the turn: backchannels in several voices, and noises of a phone line.

Deterministic: synthesizers, seeded noise, Debian's music on hold and Asterisk's recorded sounds; no files of our own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ari_app.audio.wav import read_wav
from ari_app.demo.conversation import PHONE_RATE, to_phone
from tests.bench.voices import Pcm, at_level, debian_voice, demo_voice, music

WORDS = ("uh-huh", "mm-hm", "okay", "yeah", "right", "I see")
VOICES = ("slt", "rms", "awb", "british")
"""And the demo voice."""
PEAKS_DBFS = (-6.0, -12.0, -18.0, -9.0, -24.0)
"""Taken in turn: a phone at the mouth, and one on the table."""
FADE_S = 0.01

Wave = NDArray[np.float64]
"""At PHONE_RATE, of any level."""


@dataclass(frozen=True)
class Sound:
    """One thing that the caller makes heard."""

    name: str
    pcm: Pcm


def sounds(recorded: Path) -> list[Sound]:
    """Fifty of them, in an order that mixes kinds and levels; `recorded` is the folder of Asterisk's sounds."""
    found = [*_backchannels(recorded), *_noises(recorded)]
    order = np.random.default_rng(5).permutation(len(found))
    return [
        Sound(name, at_level(pcm, PEAKS_DBFS[place % len(PEAKS_DBFS)]))
        for place, (name, pcm) in enumerate(found[index] for index in order)
    ]


def _backchannels(recorded: Path) -> Iterator[tuple[str, Pcm]]:
    spelt = [{"mm-hm": "hmm"}.get(word, word) for word in WORDS]  # the demo voice would read letters
    for word, pcm in zip(WORDS, demo_voice(spelt), strict=True):
        yield f"{word} (demo voice)", pcm
    for voice in VOICES:
        for word in WORDS:
            yield f"{word} ({voice})", debian_voice(voice, word)
    yield "oh (human)", _recorded(recorded / "letters/o.wav")


def _noises(recorded: Path) -> Iterator[tuple[str, Pcm]]:
    makers: dict[str, tuple[int, Callable[[np.random.Generator], Wave]]] = {
        "cough": (3, _cough),
        "throat": (2, _throat),
        "breath": (2, _breath),
        "door": (2, _door),
        "keyboard": (2, _keyboard),
        "rustle": (2, _rustle),
        "crackle": (2, _crackle),
    }
    for name, (variants, make) in makers.items():
        for variant in range(variants):
            wave = make(np.random.default_rng(variant))
            yield f"{name} {variant + 1}", _pcm(wave)
    yield "beep", _pcm(0.5 * np.sin(2 * np.pi * 1000 * _seconds(0.2)))
    for number, piece in enumerate(music()[:2]):
        start = 20 * PHONE_RATE
        yield f"music {number + 1}", _pcm(piece[start : start + int(1.5 * PHONE_RATE)].astype(float))
    monkeys = _recorded(recorded / "tt-monkeys.wav")
    yield "monkeys", _pcm(monkeys[4 * PHONE_RATE : 5 * PHONE_RATE].astype(float))


def _cough(random: np.random.Generator) -> Wave:
    """Two or three bursts of breath with a sharp beginning, and a little voice at the end of each."""
    bursts = []
    for _ in range(random.integers(2, 4)):
        at = _seconds(random.uniform(0.12, 0.2))
        burst = _band(random, len(at), 400, 2600) * np.exp(-at / 0.05)
        voice = np.sin(2 * np.pi * random.uniform(150, 260) * at) * np.minimum(at / 0.05, 1) * np.exp(-at / 0.06)
        bursts += [burst + 0.3 * voice, np.zeros(int(random.uniform(0.05, 0.15) * PHONE_RATE))]
    return np.concatenate(bursts)


def _throat(random: np.random.Generator) -> Wave:
    """Rough pulses, some seventy a second, filtered by a throat."""
    at = _seconds(random.uniform(0.35, 0.55))
    rate = 70 + 15 * np.sin(2 * np.pi * 3 * at) + random.normal(0, 6, len(at))
    pulses = np.maximum(0, np.sin(2 * np.pi * np.cumsum(rate) / PHONE_RATE)) ** 8
    return pulses * _band(random, len(at), 250, 1800) * np.hanning(len(at))


def _breath(random: np.random.Generator) -> Wave:
    at = _seconds(random.uniform(0.6, 1.0))
    return _band(random, len(at), 600, 3400) * np.hanning(len(at)) ** 2


def _door(random: np.random.Generator) -> Wave:
    at = _seconds(0.4)
    thud = np.sin(2 * np.pi * random.uniform(90, 140) * at) * np.exp(-at / 0.08)
    return thud + 0.7 * _band(random, len(at), 200, 1500) * np.exp(-at / 0.03)


def _keyboard(random: np.random.Generator) -> Wave:
    """A second of typing: each key a click of some milliseconds, down and up."""
    wave = np.zeros(int(1.2 * PHONE_RATE))
    moment = 0.0
    while moment < 1.1:
        for offset, level in ((0.0, 1.0), (0.07, 0.4)):
            at = _seconds(0.015)
            first = int((moment + offset) * PHONE_RATE)
            click = level * _band(random, len(at), 1200, 3600) * np.exp(-at / 0.003)
            wave[first : first + len(at)] += click[: len(wave) - first]
        moment += random.uniform(0.09, 0.22)
    return wave


def _rustle(random: np.random.Generator) -> Wave:
    """A phone against a coat: broad noise whose loudness wanders."""
    at = _seconds(1.4)
    wander = np.interp(at, np.linspace(0, 1.4, 24), random.uniform(0, 1, 24) ** 2)
    return _band(random, len(at), 100, 3000) * wander


def _crackle(random: np.random.Generator) -> Wave:
    """Single impulses on a bad line."""
    wave = np.zeros(2 * PHONE_RATE)
    wave[random.integers(0, len(wave), 40)] = random.uniform(-1, 1, 40)
    return wave


def _band(random: np.random.Generator, samples: int, low_hz: float, high_hz: float) -> Wave:
    """White noise between two frequencies."""
    spectrum = np.fft.rfft(random.normal(size=samples))
    frequencies = np.fft.rfftfreq(samples, 1 / PHONE_RATE)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    return np.fft.irfft(spectrum, samples)


def _seconds(length_s: float) -> Wave:
    return np.arange(int(length_s * PHONE_RATE)) / PHONE_RATE


def _pcm(wave: Wave) -> Pcm:
    """Full scale, without clicks at the ends."""
    fade = int(FADE_S * PHONE_RATE)
    slope = np.minimum(1, np.minimum(np.arange(len(wave)), np.arange(len(wave))[::-1]) / fade)
    return (wave * slope / np.abs(wave).max() * 32767).astype(np.int16)


def _recorded(file: Path) -> Pcm:
    return to_phone(*read_wav(file.read_bytes()))

"""Tones of faxes and of exchanges, as they come over G.711 with noise, and what must not be taken for one."""

import wave

import numpy as np
import pytest

from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.audio.resample import StreamResampler
from ari_app.audio.tones import ToneDetector
from ari_app.settings import DEMO_MODELS

RATE, WINDOW = 8000, 512


def tone(*hertz, seconds, level=0.15):
    time = np.arange(round(seconds * RATE)) / RATE
    return level * sum(np.sin(2 * np.pi * f * time + f) for f in hertz)


def silence(seconds):
    return np.zeros(round(seconds * RATE))


def bursts(*hertz, on, off, count, level=0.15):
    return np.concatenate([tone(*hertz, seconds=on, level=level), silence(off)] * count)


def reversing(hertz, seconds, every=0.45):
    """A tone whose phase turns over, and whose level is modulated (ANSam of V.8)."""
    time = np.arange(round(seconds * RATE)) / RATE
    turned = np.where((time // every).astype(int) % 2, -1, 1)
    return 0.15 * turned * (1 + 0.2 * np.sin(2 * np.pi * 15 * time)) * np.sin(2 * np.pi * hertz * time)


def information(gap=0.0, repeat=1):
    three = [np.concatenate([tone(f, seconds=0.33), silence(gap)]) for f in (950, 1400, 1800)]
    return np.concatenate([*three, silence(1.0)] * repeat)


def sweep(low, high, seconds):
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = low + (high - low) * (1 - np.cos(2 * np.pi * time)) / 2
    return 0.2 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)


def voice(pitch, seconds):
    """A hummed note with a little vibrato and two overtones."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * time))) / RATE
    return 0.2 * np.sin(phase) + 0.06 * np.sin(2 * phase) + 0.03 * np.sin(3 * phase)


def melody(notes, seconds):
    return np.concatenate([tone(f, 2 * f, seconds=seconds) for f in notes])


def windows(samples, noise=0.0, offset=0):
    """As the ears get them: G.711, 16 kHz."""
    line = np.concatenate([silence(0.3), np.zeros(offset), samples, silence(0.3)])
    line = line + noise * np.random.default_rng(7).standard_normal(len(line))
    pcm = (np.clip(line, -1, 1) * 32767).astype(np.int16).tobytes()
    heard = StreamResampler(RATE, 2 * RATE).feed(ulaw_to_pcm(pcm_to_ulaw(pcm)))
    return heard[: len(heard) // WINDOW * WINDOW].reshape(-1, WINDOW)


def told(samples, **how):
    """Every report: [(seconds, tone)]."""
    detector = ToneDetector()
    found = [(number * 0.032 - 0.3, detector.feed(window)) for number, window in enumerate(windows(samples, **how), 1)]
    return [(at, what) for at, what in found if what]


TONES = {
    "CNG": ("fax", bursts(1100, on=0.5, off=3.0, count=3), 4.2),
    "CNG, fast and high": ("fax", bursts(1137, on=0.43, off=2.6, count=3), 3.7),
    "CNG, slow and low": ("fax", bursts(1063, on=0.57, off=3.4, count=3), 4.7),
    "CED": ("fax", tone(2100, seconds=3.0), 1.1),
    "CED, 15 Hz off": ("fax", tone(2115, seconds=3.0), 1.1),
    "CED with phase reversals": ("fax", reversing(2100, 3.0), 1.1),
    "US dial tone": ("line", tone(350, 440, seconds=4), 3.1),
    "European dial tone": ("line", tone(425, seconds=4), 3.1),
    "UK dial tone": ("line", tone(350, 450, seconds=4), 3.1),
    "a French dial tone": ("line", tone(440, seconds=4), 3.1),
    "400 and 450": ("line", tone(400, 450, seconds=4), 3.1),
    "US busy": ("line", bursts(480, 620, on=0.5, off=0.5, count=5), 3.7),
    "US congestion": ("line", bursts(480, 620, on=0.25, off=0.25, count=6), 2.0),
    "European busy": ("line", bursts(425, on=0.48, off=0.48, count=5), 3.6),
    "European congestion": ("line", bursts(425, on=0.24, off=0.24, count=5), 2.0),
    "Spanish congestion": ("line", bursts(425, on=0.2, off=0.2, count=6), 1.7),
    "UK busy": ("line", bursts(400, on=0.375, off=0.375, count=5), 2.9),
    "UK congestion": (
        "line",
        np.concatenate([bursts(400, on=0.4, off=0.35, count=1), bursts(400, on=0.225, off=0.525, count=1)] * 4),
        4.6,
    ),
    "information tone": ("line", information(), 1.2),
    "information tone with gaps": ("line", information(gap=0.03, repeat=3), 1.3),
}


@pytest.mark.parametrize("how", [{}, {"noise": 0.004}, {"offset": 131}, {"noise": 0.001, "offset": 250}], ids=str)
@pytest.mark.parametrize("name", TONES)
def test_tones_are_told_once_and_soon(name, how):
    what, samples, by = TONES[name]
    found = told(samples, **how)
    assert [tone for _, tone in found] == [what]
    assert found[0][0] < by + 0.1


@pytest.mark.parametrize("name", TONES)
def test_quiet_tones_are_told_too(name):
    what, samples, _ = TONES[name]
    assert [tone for _, tone in told(0.1 * samples, noise=0.0005)] == [what]


NO_TONES = {
    "silence": silence(8),
    "noise": 0.1 * np.random.default_rng(3).standard_normal(8 * RATE),
    "a short hum": tone(440, seconds=1.9),
    "a long hum": voice(330, 6),
    "a higher hum": voice(480, 6),
    "one fax-like whistle": tone(1100, seconds=0.5),
    "whistles": bursts(1100, on=0.5, off=1.0, count=6),
    "a long whistle": tone(1100, seconds=5),
    "a whistled tune": melody([1047, 1100, 1175, 1319, 1100, 1397, 1100, 2100], 0.5),
    "a glide": sweep(400, 480, 8),
    "a siren": sweep(600, 1400, 8),
    "keys": np.concatenate([bursts(697 + 77 * n, 1209, on=0.1, off=0.1, count=4) for n in range(3)]),
    "one key held": tone(770, 1336, seconds=6),
    "one key again and again": bursts(941, 1336, on=0.3, off=0.3, count=8),
    "a tune": melody([330, 370, 415, 440, 494, 554, 622, 659], 0.4),
    "beeps": bursts(1000, on=0.3, off=0.3, count=8),
    "ringing": bursts(440, 480, on=2, off=4, count=2),
    "a beep now and then": np.concatenate([bursts(440, on=0.5, off=5, count=3)]),
    "irregular": np.concatenate([bursts(425, on=on, off=0.3, count=1) for on in (0.2, 0.5, 0.3, 0.7, 0.25, 0.6)]),
}


@pytest.mark.parametrize("noise", [0.0, 0.003])
@pytest.mark.parametrize("name", NO_TONES)
def test_what_is_no_tone(name, noise):
    assert told(NO_TONES[name], noise=noise) == []


def test_speech_is_no_tone():
    for path in sorted((DEMO_MODELS / "callers").glob("*.wav")):
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        assert told(np.tile(samples, 3)) == [], path.name


def test_speech_between_beeps_is_a_person_beside_a_machine():
    with wave.open(str(DEMO_MODELS / "callers" / "message-4.wav")) as file:
        yes = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    part = np.concatenate([tone(425, seconds=0.4), 2 * yes[: round(0.6 * RATE)]])
    assert told(np.tile(part, 6)) == []

"""Long utterances are cut where it is quiet; what has no words is not said."""

import numpy as np
import pytest

from ari_app.audio.split import split_at_quiet
from ari_app.engines.base import SPEECH_RATE
from ari_app.engines.tts import has_words


def tone(seconds, rate=SPEECH_RATE, level=0.3):
    return (level * np.sin(np.arange(int(seconds * rate)) * 0.2)).astype(np.float32)


def silence(seconds, rate=SPEECH_RATE):
    return np.zeros(int(seconds * rate), np.float32)


def test_short_audio_is_one_piece():
    samples = tone(3)
    (piece,) = split_at_quiet(samples, 4 * SPEECH_RATE, SPEECH_RATE)
    assert piece is samples


def test_the_cut_is_in_the_pause():
    samples = np.concatenate([tone(3.2), silence(0.2), tone(3)])
    first, second = split_at_quiet(samples, 4 * SPEECH_RATE, SPEECH_RATE)
    assert 3.2 <= len(first) / SPEECH_RATE <= 3.4
    assert np.array_equal(np.concatenate([first, second]), samples)


@pytest.mark.parametrize("seconds", [0, 0.01, 4, 4.001, 9, 33.3])
def test_nothing_is_lost_and_no_piece_is_too_long(seconds):
    samples = np.random.default_rng(1).standard_normal(int(seconds * SPEECH_RATE)).astype(np.float32)
    pieces = list(split_at_quiet(samples, 4 * SPEECH_RATE, SPEECH_RATE))
    assert max(len(piece) for piece in pieces) <= 4 * SPEECH_RATE
    assert np.array_equal(np.concatenate(pieces), samples)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), ("  ", False), ("...", False), ("\N{GRINNING FACE}", False), ("*", False), ("a", True), ("7", True)],
)
def test_speakable(text, expected):
    assert has_words(text) is expected

"""Long utterances are cut where it is quiet; clauses lose the silence around them."""

import numpy as np
import pytest

from ari_app.audio.split import split_at_quiet
from ari_app.engines.base import SPEECH_RATE
from ari_app.engines.tts import (
    LEAD_SECONDS,
    SENTENCE_PAUSE_SECONDS,
    has_words,
    trim,
)

RATE = 22050


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


def test_trim_leaves_a_short_lead_and_the_pause():
    clause = trim(
        np.concatenate([silence(0.05, RATE), tone(1, RATE), silence(0.3, RATE)]), RATE, SENTENCE_PAUSE_SECONDS
    )
    assert len(clause) / RATE == pytest.approx(LEAD_SECONDS + 1 + SENTENCE_PAUSE_SECONDS, abs=0.006)
    assert np.abs(clause[: int(0.02 * RATE)]).max() > 0.2
    assert not clause[-int(0.1 * RATE) :].any()


def test_trim_adds_a_pause_that_is_missing():
    clause = trim(tone(0.5, RATE), RATE, 0.2)
    assert len(clause) / RATE == pytest.approx(0.7, abs=0.006)


def test_trim_fades_the_edges():
    clause = trim(np.full(RATE, 0.5, np.float32), RATE, 0.0)
    assert clause[0] == 0
    assert clause[-1] == 0
    assert np.abs(np.diff(clause)).max() < 0.01


@pytest.mark.parametrize("samples", [silence(0.0), silence(0.5)])
def test_trim_of_nothing_is_nothing(samples):
    assert len(trim(samples, RATE, 0.2)) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), ("  ", False), ("...", False), ("\N{GRINNING FACE}", False), ("*", False), ("a", True), ("7", True)],
)
def test_speakable(text, expected):
    assert has_words(text) is expected

"""Where speech ends for the ear, and how soon that is noticed."""

import numpy as np
import pytest

from ari_app.audio.loudness import FRAME_SECONDS, HUSH_SECONDS, Hush, end_of_speech

RATE = 16_000


def sound(seconds, level_db=0.0):
    """A vowel of a kind."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * 10 ** (level_db / 20) * np.sin(2 * np.pi * 200 * times)).astype(np.float32)


def silence(seconds, level_db=-120.0):
    return (0.2 * 10 ** (level_db / 20) * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(
        np.float32
    )


@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        ([], 0.0),
        ([silence(0.005)], 0.0),
        ([sound(1.0)], 0.0),
        ([sound(1.0), silence(0.3)], 0.3),
        ([sound(1.0), sound(0.1, -20), silence(0.3)], 0.3),  # fading, and still heard
        ([sound(1.0), sound(0.1, -32), silence(0.3)], 0.4),
        ([sound(1.0), silence(0.3, -30)], 0.3),
    ],
)
def test_the_end_is_the_last_audible_sound(parts, seconds):
    samples = np.concatenate([np.empty(0, np.float32), *parts])
    assert end_of_speech(samples, RATE) == pytest.approx(seconds, abs=2 * FRAME_SECONDS)


def hushes(samples, chunk_seconds=0.02):
    """When a hush began to be noticed, in s."""
    hush, begins, before = Hush(RATE), [], False
    chunk = round(chunk_seconds * RATE)
    for begin in range(0, len(samples), chunk):
        now = hush.feed(samples[begin : begin + chunk])
        if now and not before:
            begins.append((begin + chunk) / RATE)
        before = now
    return begins


@pytest.mark.parametrize("chunk_seconds", [0.005, 0.01, 0.02, 0.032])
def test_a_hush_is_noticed_when_it_has_lasted_long_enough(chunk_seconds):
    (at,) = hushes(np.concatenate([sound(1.0), silence(1.0)]), chunk_seconds)
    assert HUSH_SECONDS <= at - 1.0 <= HUSH_SECONDS + chunk_seconds + FRAME_SECONDS


@pytest.mark.parametrize(
    ("gap", "begins"),
    [
        (silence(0.04), 1),  # the closure of a plosive
        (silence(0.1), 2),
        (silence(0.1, -20), 1),  # no silence on this line
    ],
)
def test_only_silence_is_a_hush(gap, begins):
    assert len(hushes(np.concatenate([sound(0.5), gap, sound(0.5), silence(0.5)]))) == begins


def test_noise_as_loud_as_what_is_inaudible_hides_every_hush():
    assert hushes(np.concatenate([sound(0.5), silence(1.0, -15)])) == []

"""The detector asks its model little about a line on which nothing happens, and hears what comes after it as well."""

import numpy as np
import pytest

from ari_app.engines.base import VAD_WINDOW
from ari_app.engines.vad import LATER_WINDOWS, QUIET_WINDOWS, SUSPECT, SileroVad
from ari_app.settings import VadSettings

QUIET = np.zeros(VAD_WINDOW, np.float32)


class Counted:
    """The model, and how often it was asked."""

    def __init__(self, onnx):
        self.onnx, self.runs, self.windows = onnx, 0, 0

    def run(self, outputs, feed):
        self.runs += 1
        self.windows += len(feed["input"])
        return self.onnx.run(outputs, feed)


def session(*, most_later=LATER_WINDOWS):
    under_test = SileroVad(VadSettings()).session()
    under_test._onnx = Counted(under_test._onnx)
    under_test._most_later = most_later
    return under_test


def noise(seed, level):
    return (np.random.default_rng(seed).standard_normal(VAD_WINDOW) * level).astype(np.float32)


def voice(number):
    """A buzz that the model takes for speech, mostly."""
    times = (np.arange(VAD_WINDOW) + number * VAD_WINDOW) / 16_000
    harmonics = sum(np.sin(2 * np.pi * 140 * n * times) / n for n in range(1, 20))
    return (0.1 * harmonics * (1 + 0.5 * np.sin(2 * np.pi * 5 * times))).astype(np.float32)


def test_a_silent_line_costs_nothing_after_a_moment():
    under_test = session()
    assert all(under_test.probability(QUIET) < SUSPECT for _ in range(100))
    assert under_test._onnx.runs <= 3
    assert under_test._onnx.windows == QUIET_WINDOWS


@pytest.mark.parametrize("before", [[], [QUIET] * 30, [voice(number) for number in range(30)]])
@pytest.mark.parametrize("level", [0.001, 0.003, 0.01])
def test_a_line_with_steady_noise_is_shown_to_the_model_some_windows_at_a_time(level, before):
    under_test = session()
    for window in before:
        under_test.probability(window)
    for number in range(150):  # the noise is new to it
        under_test.probability(noise(number, level))
    runs, windows = under_test._onnx.runs, under_test._onnx.windows
    for number in range(150, 550):
        under_test.probability(noise(number, level))
    assert under_test._onnx.runs - runs <= 1.2 * 400 / LATER_WINDOWS
    assert under_test._onnx.windows - windows == pytest.approx(400, abs=LATER_WINDOWS)


def test_what_follows_a_long_silence_is_judged_as_after_a_short_one():
    long, short = session(), session()
    for _ in range(200):
        long.probability(QUIET)
    for _ in range(QUIET_WINDOWS):
        short.probability(QUIET)
    sounds = [noise(number, 0.1) for number in range(20)]
    assert [long.probability(s) for s in sounds] == [short.probability(s) for s in sounds]


@pytest.mark.parametrize("waiting", range(LATER_WINDOWS))
def test_a_sound_in_noise_is_judged_at_once_and_as_if_every_window_had_been(waiting):
    together, each = session(), session(most_later=1)
    sounds = [noise(number, 0.003) for number in range(80 + waiting)]
    for window in sounds:
        together.probability(window)
        each.probability(window)
    for number in range(20):
        sound = voice(number) + noise(number, 0.003)
        assert together.probability(sound) == pytest.approx(each.probability(sound), abs=1e-5)

"""The detector does not ask its model about silence, and hears what comes after it as well as ever."""

import numpy as np

from ari_app.engines.base import VAD_WINDOW
from ari_app.engines.vad import QUIET_WINDOWS, SileroVad
from ari_app.settings import VadSettings

QUIET = np.zeros(VAD_WINDOW, np.float32)


class Counted:
    """The model, and how often it was asked."""

    def __init__(self, onnx):
        self.onnx, self.runs = onnx, 0

    def run(self, *arguments):
        self.runs += 1
        return self.onnx.run(*arguments)


def session():
    under_test = SileroVad(VadSettings()).session()
    under_test._onnx = Counted(under_test._onnx)
    return under_test


def noise(seed, peak):
    return (np.random.default_rng(seed).uniform(-1, 1, VAD_WINDOW) * peak).astype(np.float32)


def test_a_silent_line_costs_nothing_after_a_moment():
    under_test = session()
    assert all(under_test.probability(QUIET) < 0.1 for _ in range(100))
    assert under_test._onnx.runs == QUIET_WINDOWS


def test_a_line_with_noise_is_listened_to():
    under_test = session()
    for number in range(50):
        under_test.probability(noise(number, 0.01))
    assert under_test._onnx.runs == 50


def test_what_follows_a_long_silence_is_judged_as_after_a_short_one():
    long, short = session(), session()
    for _ in range(200):
        long.probability(QUIET)
    for _ in range(QUIET_WINDOWS):
        short.probability(QUIET)
    sounds = [noise(number, 0.3) for number in range(20)]
    assert [long.probability(s) for s in sounds] == [short.probability(s) for s in sounds]

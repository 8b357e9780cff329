"""No recorded voice is a tone: Asterisk's prompts, loud and quiet, again and again."""

import numpy as np
import pytest

from ari_app.audio.tones import ToneDetector
from ari_app.engines.base import VAD_WINDOW
from tests.audio.conftest import over_telephone


def told(samples):
    detector = ToneDetector()
    windows = samples[: len(samples) // VAD_WINDOW * VAD_WINDOW].reshape(-1, VAD_WINDOW)
    return [tone for window in windows if (tone := detector.feed(window))]


@pytest.mark.parametrize("level", [1.0, 0.1])
def test_no_prompt_is_a_tone(prompts, level):
    assert len(prompts) > 300
    repeated = {name: over_telephone(level * np.tile(samples, 2)) for name, samples in prompts.items()}
    assert [name for name, samples in repeated.items() if told(samples)] == []

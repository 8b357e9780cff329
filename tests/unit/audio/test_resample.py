"""The stream resampler: right in pitch and level, soon, and the same however the stream is cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.audio.resample import StreamResampler
from ari_app.errors import AudioError


def tone(hertz, rate, seconds=1.0, level=0.5):
    times = np.arange(int(rate * seconds)) / rate
    return np.rint(level * 32767 * np.sin(2 * np.pi * hertz * times)).astype("<i2").tobytes()


def level_at(samples, hertz, rate):
    """Amplitude of one frequency in the middle of `samples`, which is a whole second of it."""
    middle = samples[len(samples) // 2 - rate // 4 : len(samples) // 2 + rate // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) * 4 / len(middle)
    return spectrum[round(hertz * len(middle) / rate)]


@pytest.mark.parametrize("hertz", [100, 440, 1000, 2500, 3400])
def test_a_tone_keeps_its_pitch_and_level_and_gets_no_image(hertz):
    out = StreamResampler(8000, 16000).feed(tone(hertz, 8000))
    assert level_at(out, hertz, 16000) == pytest.approx(0.5, rel=0.01)
    assert level_at(out, 8000 - hertz, 16000) < 0.5 * 10 ** (-60 / 20)


def test_sound_comes_out_within_two_milliseconds():
    click = np.zeros(160, "<i2")
    click[50] = 32767
    out = StreamResampler(8000, 16000).feed(click.tobytes())
    assert len(out) == 320
    assert np.argmax(np.abs(out)) - 2 * 50 == 32


def test_the_same_rate_only_changes_the_type():
    out = StreamResampler(16000, 16000).feed(np.array([0, 16384, -32768], "<i2").tobytes())
    assert out.dtype == np.float32
    assert out.tolist() == [0.0, 0.5, -1.0]


@given(cuts=st.lists(st.integers(0, 400), max_size=8), factor=st.sampled_from([1, 2, 3]))
def test_cuts_in_the_stream_are_not_heard(cuts, factor):
    samples = np.random.default_rng(1).integers(-32768, 32767, 400).astype("<i2")
    whole = StreamResampler(8000, 8000 * factor).feed(samples.tobytes())
    resampler = StreamResampler(8000, 8000 * factor)
    edges = [0, *sorted(cuts), 400]
    pieces = [resampler.feed(samples[a:b].tobytes()) for a, b in pairwise(edges)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)
    assert len(whole) == 400 * factor


@pytest.mark.parametrize("rates", [(8000, 11025), (16000, 8000)])
def test_a_rate_that_is_no_multiple_is_refused(rates):
    with pytest.raises(AudioError, match=f"{rates[0]} Hz to {rates[1]} Hz"):
        StreamResampler(*rates)

"""A clause on its way out is the same in one piece and in many, begins with its first sound and ends with its pause."""

import numpy as np
import pytest
import soxr

from ari_app.audio.voicing import PEAK, PieceResampler, Voicing

RATE, LINE = 22_050, 8_000
PAUSE = 0.08


def sound(seconds, level, rate=RATE):
    """A vowel's worth of harmonics with this peak."""
    at = np.arange(int(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * 150 * n * at) / n for n in range(1, 12))
    return (level * wave / np.abs(wave).max(initial=1e-9)).astype(np.float32)


def silence(seconds, rate=RATE):
    return np.zeros(int(seconds * rate), np.float32)


CLAUSE = np.concatenate((silence(0.12), sound(0.3, 0.5), silence(0.25), sound(0.42, 0.3), silence(0.3)))


def voiced(*pieces, peak=0.5, rate=LINE, pause=PAUSE):
    """What goes out at each piece."""
    voicing = Voicing(RATE, rate, peak, pause)
    return [voicing.feed(piece, last=number == len(pieces)) for number, piece in enumerate(pieces, 1)]


def joined(*pieces, **options):
    return np.concatenate(voiced(*pieces, **options)).astype(int)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 48_000])
@pytest.mark.parametrize("length", [400, 3000, 5632, 9999, 20_000])
def test_pieces_are_the_whole(rate, length):
    whole = joined(CLAUSE, rate=rate)
    pieces = joined(*np.split(CLAUSE, range(length, len(CLAUSE), length)), rate=rate)
    assert len(whole) == len(pieces)
    assert np.abs(whole - pieces).max() <= 2


def test_every_piece_but_the_last_is_whole_frames():
    pieces = voiced(*np.split(CLAUSE, range(5000, len(CLAUSE), 5000)))
    assert [len(pcm) % (LINE // 50) for pcm in pieces[:-1]] == [0] * (len(pieces) - 1)
    assert len(pieces[0])


def test_it_begins_with_the_first_sound_and_ends_with_the_pause():
    pcm = joined(CLAUSE)
    loud = np.flatnonzero(np.abs(pcm) > 0.02 * 32767)
    assert loud[0] / LINE < 0.02
    assert (len(pcm) - loud[-1]) / LINE == pytest.approx(PAUSE, abs=0.01)
    assert pcm[0] == 0


def test_a_pause_within_it_is_kept_and_one_at_the_end_is_not_longer_than_asked():
    assert len(joined(CLAUSE)) / LINE == pytest.approx(0.01 + 0.3 + 0.25 + 0.42 + PAUSE, abs=0.01)


def test_silence_waits_for_what_follows():
    first, second = voiced(np.concatenate((sound(0.4, 0.5), silence(0.5))), sound(0.3, 0.5))
    assert len(first) / LINE < 0.42
    assert len(second) / LINE > 0.75


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_clause_that_is_silent_throughout_is_nothing(pieces):
    assert len(joined(*np.split(silence(0.9), pieces))) == 0


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_clause_that_begins_and_ends_loud_has_no_clicks(pieces):
    pcm = joined(*np.split(np.full(RATE // 50 * 40, 0.5, np.float32), pieces), rate=RATE, pause=0.0)
    assert len(pcm) == pytest.approx(RATE // 50 * 40, abs=RATE // 200)
    assert (pcm[0], pcm[-1]) == (0, 0)
    assert np.abs(np.diff(pcm)).max() < 0.015 * 32767


def test_a_pause_that_the_voice_did_not_make_is_added():
    assert len(joined(sound(0.5, 0.5), pause=0.2)) / LINE == pytest.approx(0.7, abs=0.006)


@pytest.mark.parametrize(("level", "most"), [(0.25, 0.36), (0.5, 0.71), (0.6, 0.83), (1.0, 0.91), (3.0, 0.91)])
def test_a_usual_peak_is_the_usual_loudness_and_a_high_one_is_rounded_off(level, most):
    peak = np.abs(joined(sound(0.5, level), rate=RATE)).max() / 32767
    assert most - 0.03 < peak <= most


def test_a_soft_voice_is_not_blown_up():
    assert np.abs(joined(sound(0.5, 0.01), peak=0.01, rate=RATE)).max() / 32767 == pytest.approx(0.04, abs=0.01)


def test_it_tells_the_peak():
    voicing = Voicing(RATE, LINE, 0.5, PAUSE)
    voicing.feed(sound(0.1, 0.2))
    voicing.feed(sound(0.1, -0.8))
    assert voicing.peak == pytest.approx(0.8, abs=0.01)
    assert PEAK > 0.5


@pytest.mark.parametrize("from_rate", [16_000, 22_050, 24_000, 11_025])
@pytest.mark.parametrize("to_rate", [8000, 16_000, 48_000])
def test_resampled_in_pieces_it_is_resampled_whole(from_rate, to_rate):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, from_rate).astype(np.float32)
    resampler = PieceResampler(from_rate, to_rate)
    cuts = [10, 700, 701, 5000, 12_000, 12_000]
    pieces = [resampler.feed(piece) for piece in np.split(noise, cuts)]
    pieces.append(resampler.feed(noise[:0], last=True))
    whole = soxr.resample(noise, from_rate, to_rate)
    got = np.concatenate(pieces)
    assert len(got) == pytest.approx(len(whole), abs=1)
    assert np.abs(got[: len(whole)] - whole[: len(got)]).max() < 1e-3

"""Arrivals → audio time."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.audio.clock import FRAME_SECONDS, FrameClock


def follow(arrivals):
    clock = FrameClock()
    return [clock.end_of(at) for at in arrivals]


def on_time(count, start=10.0):
    return [start + i * FRAME_SECONDS for i in range(count)]


def test_steady_frames_are_as_late_as_they_come():
    assert follow(on_time(50)) == pytest.approx(on_time(50))


def test_jitter_does_not_move_it():
    random.seed(3)
    jittered = [at + random.choice([0, 0, 0.004, 0.03, 0.06]) for at in on_time(500)]
    jittered[0] = 10.0
    assert follow(jittered) == pytest.approx(on_time(500), abs=0.001)


def test_a_stall_that_is_caught_up_does_not_move_it():
    stalled = [max(at, 11.0) if 10.7 < at < 11.0 else at for at in on_time(100)]
    assert follow(stalled) == pytest.approx(on_time(100))


def test_a_long_pause_moves_it_at_once():
    after = [at + 2.0 for at in on_time(50, 11.0)]
    assert follow(on_time(50) + after)[50:] == pytest.approx(after)


def test_a_short_pause_moves_it_within_half_a_second():
    after = [at + 0.2 for at in on_time(50, 11.0)]
    followed = follow(on_time(50) + after)[50:]
    assert followed[0] == pytest.approx(after[0] - 0.2)
    assert followed[25:] == pytest.approx(after[25:])


def test_frames_that_come_early_move_it_at_once():
    first_ones_were_late = [at + 0.1 for at in on_time(10)] + on_time(50, 10.2)
    assert follow(first_ones_were_late)[10:] == pytest.approx(on_time(50, 10.2), abs=0.1)
    assert follow(first_ones_were_late)[15:] == pytest.approx(on_time(45, 10.3))


@pytest.mark.parametrize("parts_per_million", [-300, 300])
def test_a_phone_whose_clock_is_off_is_followed(parts_per_million):
    arrivals = [10.0 + i * FRAME_SECONDS * (1 + parts_per_million * 1e-6) for i in range(50 * 600)]
    worst = max(abs(a - b) for a, b in zip(arrivals, follow(arrivals), strict=True))
    assert worst < 0.01


@given(st.lists(st.floats(0.0, 1.5), min_size=1, max_size=200))
def test_audio_time_never_runs_backwards_nor_ahead_of_arrival(gaps):
    arrivals, now = [], 5.0
    for gap in gaps:
        now += gap
        arrivals.append(now)
    ends = follow(arrivals)
    assert all(a <= b for a, b in pairwise(ends))
    assert all(end <= at + 1e-9 for end, at in zip(ends, arrivals, strict=True))
    assert all(at - end <= 0.5 + 1e-9 for end, at in zip(ends, arrivals, strict=True))

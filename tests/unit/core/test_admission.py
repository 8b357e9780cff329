"""core/admission.py: the limit follows what callers wait, between 1 and the most, and does not flap."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.admission import RAISE_SECONDS, WINDOW_SECONDS, Admission

TARGET = 800.0
FAST, BORDER, SLOW = 200.0, 700.0, 900.0


def after(answers, most=16):
    """The limit after (seconds since the one before, gap in ms, live calls)."""
    admission, now = Admission(most, TARGET), 1000.0
    for seconds, gap_ms, live in answers:
        now += seconds
        admission.answered(now, gap_ms, live)
    return admission.limit


LIMITS = {
    "nothing happened": ([], 16),
    "fast answers": ([(1, FAST, 16)] * 100, 16),
    "two slow answers are chance": ([(1, SLOW, 4)] * 2, 16),
    "three are not": ([(1, SLOW, 16)] * 3, 12),
    "of the live calls, where these are fewer": ([(1, SLOW, 8)] * 3, 6),
    "three of a hundred are no share": ([(0.1, FAST, 16)] * 97 + [(0.1, SLOW, 16)] * 3, 16),
    "six of a hundred are": ([(0.1, FAST, 16)] * 94 + [(0.1, SLOW, 16)] * 6, 12),
    "slow ones too far apart": ([(WINDOW_SECONDS / 2, SLOW, 16)] * 20, 16),
    "one call alone keeps its place": ([(1, SLOW, 1)] * 30, 1),
    "calls beyond the limit lower it no further": ([(1, SLOW, 16)] * 30, 12),
    "those within it do": ([(1, SLOW, 16)] * 3 + [(1, SLOW, 12)] * 3, 9),
    "the old load's answers do not count when it is gone": ([(1, SLOW, 16)] * 20 + [(1, FAST, 12)] * 3, 12),
    "never under one": ([(1, SLOW, live) for live in (16, 12, 9, 6, 4, 3, 2, 1, 1) for _ in range(3)], 1),
}


@pytest.mark.parametrize(("answers", "limit"), LIMITS.values(), ids=LIMITS)
def test_the_limit(answers, limit):
    assert after(answers) == limit


def lowered(limit_of=16):
    admission = Admission(limit_of, TARGET)
    for now in (0.0, 1.0, 2.0):
        admission.answered(now, SLOW, limit_of)
    return admission


def test_it_rises_by_one_a_minute_while_answers_are_fast():
    admission, limits = lowered(), []
    for now in range(3, 400):
        admission.answered(float(now), FAST, 10)
        limits.append(admission.limit)
    raises = [now for now, (a, b) in enumerate(itertools.pairwise(limits), 4) if b > a]
    assert admission.limit == 16
    assert raises == [62, 122, 182, 242]


def test_it_rises_also_when_nobody_calls():
    admission = lowered()
    assert not admission.admits(3.0, 12)
    assert admission.admits(2.0 + RAISE_SECONDS, 12)
    assert admission.limit == 13
    assert admission.admits(2.0 + 10 * RAISE_SECONDS, 15)


def test_it_does_not_rise_while_there_are_still_too_many_calls_and_slow_answers():
    admission = lowered()
    for now in range(3, 1000):
        admission.answered(float(now), SLOW, 16)
    assert admission.limit == 12


def test_one_late_answer_now_and_then_does_not_keep_it_down():
    admission = lowered()
    for now in range(3, 300):
        admission.answered(float(now), SLOW if now % 50 == 0 else FAST, 10)
    assert admission.limit == 16


def test_it_does_not_rise_while_answers_are_nearly_slow():
    admission = lowered()
    for now in range(3, 1000):
        admission.answered(float(now), BORDER, 10)
    assert admission.limit == 12


def test_the_admins_word_stays():
    admission = Admission(4, TARGET, adapts=False)
    for now in range(100):
        admission.answered(float(now), SLOW, 4)
    assert (admission.limit, admission.admits(100.0, 3), admission.admits(100.0, 4)) == (4, True, False)


ANSWERS = st.lists(
    st.tuples(st.floats(0.01, 90.0), st.sampled_from((FAST, BORDER, SLOW, float("inf"))), st.integers(1, 64)),
    max_size=300,
)


@given(most=st.integers(1, 64), answers=ANSWERS)
def test_always_within_bounds_never_up_soon_after_a_change_and_back_in_the_end(most, answers):
    admission, now, changed_at = Admission(most, TARGET), 0.0, float("-inf")
    for seconds, gap_ms, live in answers:
        now, before = now + seconds, admission.limit
        admission.answered(now, gap_ms, live)
        assert 1 <= admission.limit <= most
        if admission.limit > before:
            assert now - changed_at >= RAISE_SECONDS * (admission.limit - before)
        if admission.limit != before:
            changed_at = now
    admission.admits(now + RAISE_SECONDS * most, 0)
    assert admission.limit == most


@given(st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(0, TARGET), st.integers(1, 16)), max_size=200))
def test_a_healthy_box_never_changes(answers):
    assert after(answers) == 16

"""What the next step of the language model computes: a table, and bounds that hold whoever is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.engines.base import Urgency
from ari_app.engines.llm_plan import MAX_PIECE, MIN_PIECE, PATIENCE, Wish, plan

FIRST, REPLY, BACKGROUND = Urgency
SLOW, FAST = 100.0, 20_000.0
"""Prompt tokens a second of a model of real size on two cores, and of the demonstration's."""


def prompt(tokens, urgency=FIRST, waited=0.0):
    return Wish(urgency, tokens, in_prompt=True, waited=waited)


def token(urgency=FIRST, waited=0.0):
    return Wish(urgency, 1, in_prompt=False, waited=waited)


@pytest.mark.parametrize(
    ("wishes", "speed", "counts"),
    [
        pytest.param([], SLOW, [], id="nobody"),
        pytest.param([token()], SLOW, [1], id="a reply"),
        pytest.param([prompt(20)], SLOW, [20], id="a short prompt, whole"),
        pytest.param([prompt(900)], SLOW, [25], id="a long prompt alone, in pieces of 0.25 s"),
        pytest.param([prompt(900)], FAST, [MAX_PIECE], id="or what fits a batch"),
        pytest.param([prompt(900), token()], SLOW, [9, 1], id="in pieces of 0.1 s beside a reply"),
        pytest.param([prompt(900), *[token()] * 8], SLOW, [MIN_PIECE, *[1] * 8], id="and never in crumbs"),
        pytest.param([prompt(900), token()], FAST, [MAX_PIECE, 1], id="as large as you like where it is fast"),
        pytest.param([token(), token(), token()], SLOW, [1, 1, 1], id="equals together"),
        pytest.param([token(), token(REPLY)], SLOW, [1, 0], id="who is being heard rests for who is not"),
        pytest.param([token(), token(REPLY, 0.2)], SLOW, [1, 1], id="but not for long"),
        pytest.param([token(REPLY), token(REPLY, 0.2)], SLOW, [1, 1], id="and not for its equals"),
        pytest.param([prompt(5), prompt(5, BACKGROUND)], SLOW, [5, 0], id="reading along rests for a prompt"),
        pytest.param([token(REPLY), prompt(9, BACKGROUND)], SLOW, [1, 0], id="for a reply"),
        pytest.param([token(REPLY), prompt(99, BACKGROUND, 1.1)], SLOW, [1, 9], id="but not for ever"),
        pytest.param([prompt(900, BACKGROUND)], SLOW, [10], id="and is never long in the way of who comes"),
        pytest.param([prompt(900), prompt(4), prompt(5)], SLOW, [1, 4, 5], id="the shortest prompt first"),
        pytest.param([prompt(20, FIRST, 0.1), prompt(20, FIRST, 0.2)], SLOW, [0, 10], id="of equals who waited longer"),
        pytest.param([prompt(900, FIRST, 0.6), prompt(9)], SLOW, [10, 0], id="but a long one has its turn"),
    ],
)
def test_the_next_step(wishes, speed, counts):
    assert plan(wishes, speed) == counts


WISHES = st.lists(
    st.builds(prompt, st.integers(1, 20_000), st.sampled_from(Urgency), st.floats(0, 5))
    | st.builds(token, st.sampled_from(Urgency), st.floats(0, 5)),
    min_size=1,
    max_size=64,
)


@given(WISHES, st.floats(1, 1e6))
def test_a_step_always_does_something_and_fits_a_batch(wishes, speed):
    counts = plan(wishes, speed)
    assert 0 < sum(counts) <= MAX_PIECE + 64
    assert all(0 <= count <= wish.tokens for count, wish in zip(counts, wishes, strict=True))


@given(WISHES, st.floats(1, 1e6))
def test_no_reply_waits_for_ever_and_no_first_clause_at_all(wishes, speed):
    for count, wish in zip(plan(wishes, speed), wishes, strict=True):
        if not wish.in_prompt and (wish.urgency is FIRST or wish.waited >= PATIENCE[wish.urgency]):
            assert count == 1


@given(WISHES)
def test_every_prompt_ends_in_bounded_time(wishes):
    left = [wish.tokens for wish in wishes]
    waited = [wish.waited for wish in wishes]
    steps = 0
    while any(left):
        here = [index for index, tokens in enumerate(left) if tokens]
        now = [Wish(wishes[i].urgency, left[i], wishes[i].in_prompt, waited[i]) for i in here]
        for index, count in zip(here, plan(now, FAST), strict=True):
            left[index] -= count
            waited[index] = 0.0 if count else waited[index] + 0.1
        steps += 1
        assert steps < 50 * len(wishes) + sum(wish.tokens for wish in wishes) / MIN_PIECE

"""How often partial transcripts may be asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.partials import next_partial_at


@pytest.mark.parametrize(
    ("took", "at"),
    [(0.0, 10.5), (0.05, 10.5), (0.125, 10.5), (0.2, 10.8), (1.0, 14.0)],
)
def test_the_next_one_waits_three_times_as_long_as_the_last_one_took(took, at):
    assert next_partial_at(10.0, took, 0.5) == pytest.approx(at)


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=50), st.floats(0.05, 2.0))
def test_never_more_than_a_quarter_of_a_core(costs, interval):
    now = busy = 0.0
    for took in costs:
        busy += took
        now = next_partial_at(now, took, interval)
    assert busy <= now / 4 + 1e-9

"""capacity/estimate.py: careful figures from what one turn costs."""

import pytest

from ari_app.capacity.estimate import TurnCosts, Work, estimate

DEMO = TurnCosts(Work(0.020, 0.020), Work(0.080, 0.080), Work(0.040, 0.040))
"""The demonstration's models on a busy box."""
HALF_BILLION = TurnCosts(Work(0.045, 0.045), Work(1.2, 2.4), Work(0.110, 0.210))
"""Qwen2.5-0.5B, Whisper base and a medium voice on two cores."""
ON_GPU = TurnCosts(Work(0.030, 0.005), Work(0.150, 0.010), Work(0.110, 0.210))
ALLOWED_MS = 1040.0

ESTIMATES = {
    "the demonstration's models, two cores": (DEMO, 2, 1, ALLOWED_MS, 29),
    "four cores, but one voice": (DEMO, 4, 1, ALLOWED_MS, 29),
    "one core is the narrowest": (DEMO, 1, 1, ALLOWED_MS, 14),
    "half a billion parameters, two cores": (HALF_BILLION, 2, 1, ALLOWED_MS, 1),
    "the same, 2 s allowed": (HALF_BILLION, 2, 1, 2000.0, 1),
    "the same, eight cores": (HALF_BILLION, 8, 2, 2000.0, 2),
    "a GPU for the model: the voice is the narrowest": (ON_GPU, 8, 1, ALLOWED_MS, 10),
    "slower alone than is allowed": (HALF_BILLION, 2, 1, 500.0, 1),
}


@pytest.mark.parametrize(("costs", "cores", "workers", "allowed_ms", "calls"), ESTIMATES.values(), ids=ESTIMATES)
def test_estimate(costs, cores, workers, allowed_ms, calls):
    assert estimate(costs, cores, workers, allowed_ms) == calls


@pytest.mark.parametrize("times", [0.1, 0.5, 2, 10, 100])
def test_a_slower_box_holds_no_more(times):
    def slower(work):
        return Work(work.seconds * times, work.core_seconds * times)

    other = TurnCosts(slower(DEMO.transcript), slower(DEMO.reply), slower(DEMO.clause))
    here, there = estimate(DEMO, 2, 1, ALLOWED_MS), estimate(other, 2, 1, ALLOWED_MS)
    assert (there <= here) if times > 1 else (there >= here)
    assert there >= 1

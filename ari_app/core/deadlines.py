"""Deadlines: monotonic seconds, or None for never. Pure."""

_TICK = 0.001
"""A timer may fire this much early, by its clock's resolution."""


def is_due(deadline: float | None, now: float) -> bool:
    """Whether it has come."""
    return deadline is not None and now >= deadline - _TICK


def soonest(*deadlines: float | None) -> float | None:
    """Which of them comes first."""
    return min((deadline for deadline in deadlines if deadline is not None), default=None)

"""A careful estimate of how many calls a box holds, from what one turn costs it. Pure.

A call comes back with a turn every few seconds, and each engine serves all calls: a queue. How long one waits in it
follows from how busy the engine is, so the target tells how busy it may be, and that how many calls there may be::

    gap (95th percentile)  ≈  alone × (1 + 3 × busy / (1 − busy))     M/M/1: waiting is exponential, and 95 of 100
    calls                  ≈  busy / load of one call                 wait less than three times the mean

It is meant to be too low: only a measurement knows how well the engines share the box.
"""

from dataclasses import dataclass

TURN_SECONDS = 7.0
"""From turn to turn of one call, both sides speaking."""
TRANSCRIPTS, REPLIES, CLAUSES = 3.0, 1.5, 3.0
"""What a turn takes: partials and pauses are transcribed, drafts thrown away, replies have several clauses."""
BATCHED = 2.0
"""Replies that are computed at once cost less than one after another: measured 2.5 times for four."""
FIRST_CLAUSE = 0.5
"""The part of a reply before its first clause is known, at most."""
MOST_BUSY = 0.5
"""However quick one turn is: callers come in rushes, and Asterisk is on the box too."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one piece of work took, done alone."""

    seconds: float
    core_seconds: float
    """Of all threads together."""


@dataclass(frozen=True, slots=True)
class TurnCosts:
    """One turn's pieces of work."""

    transcript: Work
    reply: Work
    clause: Work


def estimate(costs: TurnCosts, cores: int, stt_workers: int, allowed_ms: float) -> int:
    """Calls at once, at least 1, of which 95 of 100 answers come `allowed_ms` after the caller's last word."""
    alone = costs.transcript.seconds + FIRST_CLAUSE * costs.reply.seconds + costs.clause.seconds
    spare = (allowed_ms / 1000 / alone - 1) / 3
    if spare <= 0:
        return 1
    busy = min(spare / (1 + spare), MOST_BUSY)
    core_seconds = (
        TRANSCRIPTS * costs.transcript.core_seconds
        + REPLIES * costs.reply.core_seconds / BATCHED
        + CLAUSES * costs.clause.core_seconds
    )
    narrowest = max(
        TRANSCRIPTS * costs.transcript.seconds / stt_workers,
        REPLIES * costs.reply.seconds / BATCHED,
        CLAUSES * costs.clause.seconds,
        core_seconds / cores,
    )
    return max(1, int(busy * TURN_SECONDS / narrowest))

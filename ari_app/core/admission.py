"""How many calls may be live: fewer while callers wait too long, more again when they do not. Pure.

::

    limit  16 ────┐                            ┌─ 16   one more a minute, up to `most`
                  │                     ┌──────┘
                  │              ┌──────┘
               12 └──────────────┘
    answers   ok  slow  ok  ok  ok …

Lowering is by a quarter, and of the live calls where these are fewer than the limit: a limit nobody has reached would
change nothing. Nobody is sent away for it; calls beyond the limit go on, and until they have ended, slow answers are
the old load's and lower nothing further.
"""

import logging
from collections import deque

log = logging.getLogger(__name__)

WINDOW_SECONDS = 60.0
"""How long an answer counts."""
SLOW_SHARE = 0.05
"""Of the answers may be slow: what the 95th percentile says."""
LEAST_SLOW = 3
"""Fewer slow answers in a window are chance, however few answers there were."""
LOWER_TO = 0.75
RAISE_SECONDS = 60.0
"""Without trouble for each call more."""
FINE_SHARE = 0.8
"""Of the target: only below it the limit rises, so that it does not rise into trouble at once."""


class Admission:
    """Decides whether one more call is taken. Times are seconds of any monotonic clock."""

    def __init__(self, most: int, target_ms: float, *, adapts: bool = True) -> None:
        """`most` calls at once, at least 1; with `adapts` fewer while answers take longer than `target_ms`."""
        self.most = most
        self.limit = most
        """Calls that may be live now, 1…most."""
        self._target_ms = target_ms
        self._adapts = adapts
        self._answers: deque[tuple[float, float]] = deque()  # when, gap in ms; bounded by time
        self._relieved_at = float("-inf")  # answers until then were given under more calls than the limit
        self._calm_since = float("-inf")  # neither a change nor many answers that were nearly slow

    def admits(self, now: float, live: int) -> bool:
        """Whether a call may begin beside `live` others, those that are being set up included."""
        self._raise(now)
        return live < self.limit

    def answered(self, now: float, gap_ms: float, live: int) -> None:
        """A caller has waited `gap_ms` for an answer, beyond the silence that ended the turn."""
        if not self._adapts:
            return
        self._answers.append((now, gap_ms))
        self._forget(now)
        if live > self.limit:
            self._relieved_at = now
        elif self._many_over(self._target_ms, self._relieved_at):
            self._lower(now, live)
        if self._many_over(self._target_ms * FINE_SHARE, self._calm_since):
            self._calm_since = now
        self._raise(now)

    def _many_over(self, milliseconds: float, since: float) -> bool:
        """Whether too many answers after `since` took longer."""
        gaps = [gap for at, gap in self._answers if at > since]
        over = sum(gap > milliseconds for gap in gaps)
        return over >= LEAST_SLOW and over > SLOW_SHARE * len(gaps)

    def _lower(self, now: float, live: int) -> None:
        limit = max(1, int(min(self.limit, live) * LOWER_TO))
        if limit < self.limit:
            log.warning("callers wait too long; fewer calls are taken", extra={"limit": limit, "was": self.limit})
            self.limit = limit
        self._relieved_at = self._calm_since = now

    def _forget(self, now: float) -> None:
        while self._answers and self._answers[0][0] <= now - WINDOW_SECONDS:
            self._answers.popleft()

    def _raise(self, now: float) -> None:
        if self.limit == self.most or now - self._calm_since < RAISE_SECONDS:
            return
        minutes = int((now - self._calm_since) / RAISE_SECONDS)  # more than one when nobody has called for long
        self.limit = min(self.most, self.limit + minutes)
        self._calm_since = now
        log.info("callers are answered in time; more calls are taken", extra={"limit": self.limit})

"""When was it said? Arrival times of frames → audio time, which jitter does not move. Pure.

::

    arrivals   |    |    |       | |  |    |              |    |
               a    b    c       d e  f    g              h    i
    audio time a    b    c    d    e    f  …              h    i
                              └ late frames do not move it └ a pause does

A frame cannot arrive before its end was said, so the earliest frames tell the truth and a frame that comes earlier than
expected moves the estimate at once. Late ones may be jitter or a pause (a phone that suppresses silence), and only
later frames tell which: jitter is caught up, a pause is not. So lateness moves the estimate when it is long, or when
no frame of the last half second was on time.
"""

from math import inf

FRAME_SECONDS = 0.02
"""Length of a media frame."""
_PAUSE_SECONDS = 0.5
"""Later than this is a pause, whatever comes after it."""
_WINDOW_FRAMES = 25
"""Half a second of frames that are all late: that is no jitter."""
_ON_TIME_SECONDS = 0.005
"""Lateness up to this is left alone: turns do not feel it."""


class FrameClock:
    """Audio time of one stream of 20 ms frames, on the clock of their arrival; it never goes backwards."""

    def __init__(self) -> None:
        self._end = -inf
        self._least_late = _PAUSE_SECONDS
        self._late_frames = 0

    def end_of(self, at: float) -> float:
        """Take the next frame, which arrived `at` (monotonic seconds); returns when its last sample was said."""
        expected = self._end + FRAME_SECONDS
        lateness = at - expected
        if lateness <= 0 or lateness > _PAUSE_SECONDS:
            return self._anchor(at)
        if lateness <= _ON_TIME_SECONDS:
            return self._anchor(expected)
        self._least_late = min(self._least_late, lateness)
        self._late_frames += 1
        if self._late_frames == _WINDOW_FRAMES:
            return self._anchor(expected + self._least_late)
        self._end = expected
        return expected

    def _anchor(self, end: float) -> float:
        self._end = max(self._end, end)
        self._least_late = _PAUSE_SECONDS
        self._late_frames = 0
        return self._end

"""Speaking to one caller: clauses of a generation go out in order, and what was heard of them is known.

Synchronous; the call's session feeds clauses and the transport's `Played` events. Nothing else sends audio, so there
are never two voices at once.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ari_app.core.dialogue import heard_part
from ari_app.core.events import SpeakingDone, SpeakingStarted
from ari_app.engines.base import Pcm16
from ari_app.media.transport import Played, Transport

log = logging.getLogger(__name__)

_OVERDUE_SECONDS = 2.0
"""A mark later than this after its audio's length is taken as lost; the conversation must go on."""


@dataclass(slots=True)
class _Clause:
    """A clause that is queued or playing."""

    text: str
    seconds: float
    mark: str
    queued_at: float


class Playout:
    """The voice of one call: one generation at a time."""

    def __init__(
        self, transport: Transport, emit: Callable[[SpeakingStarted | SpeakingDone], None], now: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._emit = emit
        self._now = now
        self._generation = 0
        self._active = False
        self._finished = False
        self._spoke = False
        self._heard: list[str] = []
        self._queue: deque[_Clause] = deque()  # bounded by the reply itself (llm.max_reply_tokens)
        self._started_at: float | None = None  # when the clause in front began to play
        self.late_clauses = 0
        """Clauses that came after the one before them had ended: gaps inside an answer."""

    @property
    def generation(self) -> int:
        """The latest generation that was begun."""
        return self._generation

    def begin(self, generation: int) -> None:
        """Start a generation; the one before must be done or stopped."""
        self._generation = generation
        self._active = True
        self._finished = False
        self._spoke = False
        self._heard = []
        self._queue.clear()
        self._started_at = None

    def play(self, generation: int, text: str, pcm: Pcm16) -> None:
        """Queue one clause: what it says, and its audio at the transport's rate. Late ones of old generations are
        dropped."""
        if not self._is_current(generation) or not len(pcm):
            return
        first = not self._spoke
        if not first and not self._queue:
            self.late_clauses += 1
            log.info("a clause came late", extra={"generation": generation, "late_clauses": self.late_clauses})
        self._spoke = True
        mark = f"{generation}.{len(self._heard) + len(self._queue)}"
        if first:
            self._transport.mark(f"{generation}.start")
        self._transport.send(pcm.tobytes())
        self._transport.mark(mark)
        self._queue.append(_Clause(text, len(pcm) / self._transport.rate, mark, self._now()))

    def finish(self, generation: int) -> None:
        """No more clauses will come."""
        if self._is_current(generation):
            self._finished = True
            self._settle()

    def stop(self, generation: int) -> None:
        """Silence it now; `heard()` then tells what the caller got of it."""
        if not self._is_current(generation):
            return
        if self._queue:
            self._transport.flush()
            clause = self._queue[0]
            if self._started_at is not None:
                played = max(0.0, self._now() - max(self._started_at, clause.queued_at))
                self._heard.append(heard_part(clause.text, played / clause.seconds))
            self._queue.clear()
        self._active = False

    def heard(self) -> str:
        """The text of the last generation that the caller has heard so far."""
        return " ".join(text for text in self._heard if text)

    def on_played(self, event: Played) -> None:
        """The transport tells that everything before a mark was played."""
        if not self._active:
            return
        if event.mark == f"{self._generation}.start":
            self._started_at = event.at
            self._emit(SpeakingStarted(self._generation))
        while self._queue and _is_before_or_at(self._queue[0].mark, event.mark):
            self._heard.append(self._queue.popleft().text)
            self._started_at = event.at
        self._settle()

    def next_deadline(self) -> float | None:
        """When the mark of the clause in front would be overdue; None while nothing plays."""
        if not self._active or not self._queue:
            return None
        clause = self._queue[0]
        return max(self._started_at or 0.0, clause.queued_at) + clause.seconds + _OVERDUE_SECONDS

    def on_overdue(self) -> None:
        """`next_deadline` has come: go on as if the clause had been played."""
        log.warning("a media mark never came", extra={"mark": self._queue[0].mark})
        self.on_played(Played(self._queue[0].mark, self._now()))

    def _is_current(self, generation: int) -> bool:
        return self._active and generation == self._generation

    def _settle(self) -> None:
        if self._finished and not self._queue and self._active:
            self._active = False
            self._emit(SpeakingDone(self._generation, self._spoke))


def _is_before_or_at(mark: str, reached: str) -> bool:
    """Whether `mark` lies before `reached` in one generation (``generation.index``)."""
    generation, _, index = mark.partition(".")
    reached_generation, _, reached_index = reached.partition(".")
    return generation == reached_generation and reached_index.isdigit() and int(index) <= int(reached_index)

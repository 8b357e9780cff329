"""Speaking to one caller: clauses of a generation go out in order, can be held and resumed, and what was heard of them
is known.

Synchronous; the call's session feeds clauses and the transport's `Played` events. Nothing else sends audio, so there
are never two voices at once.

::

    begin ─ play ─ play ─ finish          a reply
    play(more) ─ go_on ─ end_clause       a clause that comes in pieces
    begin(held) ─ play ─ … resume         a draft: nothing is sent before its turn has come
    play ─ hold ─ resume                  the caller said something: what was not heard is sent again
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ari_app.audio.echo import EchoDetector
from ari_app.audio.split import quietest
from ari_app.audio.voicing import SILENCE_DB
from ari_app.core.dialogue import heard_part
from ari_app.core.events import SpeakingDone, SpeakingStarted
from ari_app.engines.base import Pcm16
from ari_app.media.transport import Played, Transport

log = logging.getLogger(__name__)

_OVERDUE_SECONDS = 2.0
"""A mark later than this after its audio's length is taken as lost; the conversation must go on."""
_USUAL_CHARACTERS_A_SECOND = 15.0
"""How much of a clause a piece of it is, when its end is not there yet, is told by its text."""
_STEP_BACK_SECONDS, _QUIET_SECONDS = 0.35, 0.02
"""A held clause goes on from the quietest so long stretch of what was heard last: between words, not within one."""
_RISE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.5
"""It goes on so long before its next sound, which is looked for in so much of it: what was silence there is over."""


@dataclass(slots=True)
class _Clause:
    """A clause that is queued or playing."""

    text: str
    pcm: Pcm16
    """As much of it as there is."""
    complete: bool
    sent: int = 0
    """Samples of it that were given to the transport, or heard before it was held."""
    heard: int = 0
    """Samples of it that the caller had heard when it was held, or when there was no more of it."""
    was_held: bool = False
    mark: int = 0
    """Number of the mark behind it; 0 while it was not sent to its end."""
    queued_at: float = 0.0
    """When the first piece was sent, since it was held if it was."""


class Playout:
    """The voice of one call: one generation at a time."""

    def __init__(
        self,
        transport: Transport,
        emit: Callable[[SpeakingStarted | SpeakingDone], None],
        now: Callable[[], float],
        echo: EchoDetector,
    ) -> None:
        """`echo` is told what goes out, and when it plays."""
        self._transport = transport
        self._emit = emit
        self._now = now
        self._echo = echo
        self._generation = 0
        self._active = False
        self._held = False
        self._finished = False
        self._started = False  # its SpeakingStarted was emitted
        self._spoke = False
        self._heard: list[str] = []
        self._queue: deque[_Clause] = deque()  # bounded by the reply itself (llm.max_reply_tokens)
        self._front_since: float | None = None  # when the clause in front began to play
        self._marks = 0  # the last one's number; a mark that was flushed and comes late is told by its number
        self.late_clauses = 0
        """Clauses that came after the one before them had ended: gaps inside an answer."""

    @property
    def generation(self) -> int:
        """The latest generation that was begun."""
        return self._generation

    @property
    def speaking(self) -> bool:
        """Whether audio is on its way to the caller."""
        return self._active and not self._held and bool(self._queue)

    def left_seconds(self) -> float:
        """How long what there is will still be heard, once it is no longer held."""
        if not self._queue:
            return 0.0
        if self._held:
            return sum(len(clause.pcm) - clause.heard for clause in self._queue) / self._transport.rate
        return max(0.0, self._sent_until() - self._now())

    def begin(self, generation: int, *, held: bool = False) -> None:
        """Start a generation; the one before must be done or stopped. `held`: nothing goes out before `resume`."""
        self._generation = generation
        self._active = True
        self._held = held
        self._finished = self._started = self._spoke = False
        self._heard = []
        self._queue.clear()
        self._front_since = None

    def play(self, generation: int, text: str, pcm: Pcm16, *, filler: bool = False, more: bool = False) -> None:
        """Queue one clause: what it says, and its audio at the transport's rate. Late ones of old generations are
        dropped. A filler is no part of the answer: neither its beginning nor its text counts. `more` audio of the
        clause follows with `go_on`, until `end_clause`."""
        if not self._is_current(generation) or not len(pcm) or (filler and self._spoke):
            return
        if self._spoke and not self._queue and not self._held:
            self._late()
        self._spoke = self._spoke or not filler
        clause = _Clause("" if filler else text, pcm, complete=not more)
        self._queue.append(clause)
        if not self._held:
            self._send(clause)

    def go_on(self, generation: int, pcm: Pcm16) -> None:
        """The next piece of the clause that was begun last."""
        if not self._is_current(generation):
            return
        clause = self._queue[-1]
        clause.pcm = np.concatenate((clause.pcm, pcm))
        if self._held:
            return
        now = self._now()
        if clause is self._queue[0] and self._front_since is not None and now > self._sent_until():
            self._late()
            clause.heard, self._front_since = clause.sent, now
        self._send(clause)

    def end_clause(self, generation: int) -> None:
        """There are no more pieces of the clause that was begun last."""
        if self._is_current(generation):
            self._queue[-1].complete = True
            if not self._held:
                self._send(self._queue[-1])

    def finish(self, generation: int) -> None:
        """No more clauses will come."""
        if self._is_current(generation):
            self._finished = True
            self._settle()

    def hold(self, generation: int) -> None:
        """Silence it now, and keep what was not heard."""
        if not self._is_current(generation) or self._held:
            return
        if self._queue:
            self._flush()
            front, played = self._queue[0], self._played(self._queue[0])
            earliest = (front.heard + played) // 2 if front.was_held else 0  # noise that comes again must not stall it
            front.heard, front.was_held = _between_words(front.pcm, earliest, played, self._transport.rate), True
        self._held = True
        for clause in self._queue:
            clause.mark, clause.sent = 0, clause.heard
        self._front_since = None

    def resume(self, generation: int) -> None:
        """Go on from where it was held."""
        if not self._is_current(generation) or not self._held:
            return
        self._held = False
        for clause in self._queue:
            self._send(clause)
        self._settle()

    def stop(self, generation: int) -> None:
        """Silence it now for good; `heard()` then tells what the caller got of it."""
        if not self._is_current(generation):
            return
        if self._queue:
            front = self._queue[0]
            if not self._held:
                self._flush()
            self._heard.append(heard_part(front.text, self._played(front) / self._length(front)))
            self._queue.clear()
        self._active = False

    def saying(self) -> str:
        """The text of the clause that is being played, or was when it was held."""
        return self._queue[0].text if self._active and self._queue else ""

    def heard(self) -> str:
        """The text of the last generation that the caller has heard so far."""
        return " ".join(text for text in self._heard if text)

    def on_played(self, event: Played) -> None:
        """The transport tells that everything before a mark was played."""
        if not self._active or self._held:
            return
        generation, _, name = event.mark.partition(".")
        if generation != str(self._generation):
            return
        if name == "start":
            self._front_since = event.at
        else:
            while self._queue and 0 < self._queue[0].mark <= int(name):
                self._heard.append(self._queue.popleft().text)
                self._front_since = event.at
        if self._queue and self._queue[0].text and self._front_since is not None and not self._started:
            self._started = True
            self._emit(SpeakingStarted(self._generation))
        self._settle()

    def next_deadline(self) -> float | None:
        """When the mark of the clause in front would be overdue; None while it has none or nothing plays."""
        if not self._active or self._held or not self._queue or not self._queue[0].mark:
            return None
        front = self._queue[0]
        left = (len(front.pcm) - front.heard) / self._transport.rate
        return max(self._front_since or 0.0, front.queued_at) + left + _OVERDUE_SECONDS

    def on_overdue(self) -> None:
        """`next_deadline` has come: go on as if the clause had been played."""
        log.warning("a media mark never came", extra={"mark": self._queue[0].mark})
        self.on_played(Played(f"{self._generation}.{self._queue[0].mark}", self._now()))

    def _send(self, clause: _Clause) -> None:
        """Send what there is of a clause, a mark behind its end, and one in front of it where nothing plays yet."""
        if clause.sent == clause.heard:
            clause.queued_at = self._now()
            if clause is self._queue[0]:
                self._transport.mark(f"{self._generation}.start")
        until, left = self._sent_until(), clause.pcm[clause.sent :]
        if len(left):
            self._transport.send(left.tobytes())
            self._echo.played(left, until)
            clause.sent = len(clause.pcm)
        if clause.complete:
            self._marks += 1
            clause.mark = self._marks
            self._transport.mark(f"{self._generation}.{clause.mark}")

    def _sent_until(self) -> float:
        """When all that was sent will have been played."""
        front_since = max(self._front_since or 0.0, self._queue[0].queued_at)
        return front_since + sum(clause.sent - clause.heard for clause in self._queue) / self._transport.rate

    def _late(self) -> None:
        self.late_clauses += 1
        log.info("a clause came late", extra={"generation": self._generation, "late_clauses": self.late_clauses})

    def _flush(self) -> None:
        self._transport.flush()
        self._echo.stopped(self._now())

    def _played(self, front: _Clause) -> int:
        """Samples of the clause in front that the caller has heard."""
        if self._held or self._front_since is None:
            return front.heard
        seconds = max(0.0, self._now() - max(self._front_since, front.queued_at))
        return min(front.heard + int(seconds * self._transport.rate), front.sent)

    def _length(self, clause: _Clause) -> float:
        """Samples of a clause, as far as can be told."""
        if clause.complete:
            return len(clause.pcm)
        usual = len(clause.text) / _USUAL_CHARACTERS_A_SECOND * self._transport.rate
        return max(usual, len(clause.pcm) + 1)

    def _is_current(self, generation: int) -> bool:
        return self._active and generation == self._generation

    def _settle(self) -> None:
        if self._finished and not self._queue and self._active and not self._held:
            self._active = False
            self._emit(SpeakingDone(self._generation, self._spoke))


def _between_words(pcm: Pcm16, earliest: int, played: int, rate: int) -> int:
    """Where the next sound begins after the quietest moment shortly before `played`, but not before `earliest`."""
    stretch = int(_QUIET_SECONDS * rate)
    count = min(int(_STEP_BACK_SECONDS * rate), played - earliest) // stretch
    if not count:
        return earliest
    return _next_sound(pcm, quietest(pcm, played - count * stretch, count, stretch), rate)


def _next_sound(pcm: Pcm16, begin: int, rate: int) -> int:
    """Where it can be heard again, or `begin` when nothing follows: the hold was pause enough."""
    rise = int(_RISE_SECONDS * rate)
    loudness = np.abs(pcm[begin : begin + int(_LONGEST_PAUSE_SECONDS * rate)].astype(np.int32))
    audible = np.flatnonzero(loudness > np.abs(pcm.astype(np.int32)).max(initial=0) * 10 ** (SILENCE_DB / 20))
    return begin + max(0, int(audible[0]) - rise) if len(audible) else begin

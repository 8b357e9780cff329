"""What a turn took and gave, gathered while it runs and handed to the store when it ends. Synchronous, no I/O.

A turn is one exchange: the caller's words (none for a greeting or a reprompt) and what the agent answered.
"""

from collections.abc import Callable

from ari_app.store.records import TurnRecord

_HEARING_STAGES = frozenset({"endpoint", "transcript"})
"""The others belong to one answer, which may be cancelled for another."""


class TurnLog:
    """The turns of one call. `stamp` and `said` belong to the turn that is running."""

    def __init__(self, call_id: str, store: Callable[[TurnRecord], None], now: Callable[[], float]) -> None:
        self._call_id = call_id
        self._store = store
        self._now = now
        self._started_at = now()
        self.number = 0
        """Number of the turn that is running, counted from 0."""
        self._trigger = ""
        self._caller: list[str] = []
        self._said = ""
        self._at: float | None = None
        self._speech_end: float | None = None
        self._stages: dict[str, float] = {}
        self._endpoint_ms: float | None = None

    def speech_ended(self, at: float) -> None:
        """The caller's last word ended; stages are counted from the latest of these."""
        self._speech_end = at
        self._stages = {}

    def stamp(self, stage: str, at: float | None = None) -> None:
        """A stage was reached now (or `at`); only its first time in a turn counts."""
        if self._speech_end is not None and stage not in self._stages:
            self._stages[stage] = round(((self._now() if at is None else at) - self._speech_end) * 1000, 1)

    def caller_said(self, text: str, trigger: str, endpoint_ms: float | None) -> None:
        """Words of the caller that the next answer answers; what is only typed ends no speech."""
        self._endpoint_ms = endpoint_ms
        if trigger == "dtmf" and not self._caller:
            self._speech_end, self._stages = None, {}
        self._caller.append(text)
        self._trigger = trigger
        self._at = self._speech_end or self._now()

    def drafting(self) -> None:
        """An answer is prepared; it may become the turn's."""
        self._said = ""
        self._stages = {stage: ms for stage, ms in self._stages.items() if stage in _HEARING_STAGES}

    def begin(self, trigger: str = "", *, drafted: bool = False) -> None:
        """The agent begins to answer; `trigger` says why when the caller said nothing."""
        if not drafted:
            self.drafting()
        self._at = self._at or self._now()
        self._trigger = trigger or self._trigger

    def said(self, text: str) -> None:
        """All that the agent wanted to say in this turn."""
        self._said = text

    def end(self, heard: str, *, interrupted: bool) -> None:
        """The answer is over. One that was cancelled before it was heard leaves the caller's words to the next."""
        if interrupted and not heard:
            return
        self._write(heard, interrupted=interrupted)

    def close(self) -> None:
        """The call is over; words of the caller that nobody answered are kept too."""
        if self._caller:
            self._write("", interrupted=False)

    def _write(self, heard: str, *, interrupted: bool) -> None:
        self._store(
            TurnRecord(
                call_id=self._call_id,
                number=self.number,
                trigger=self._trigger,
                caller_text=" ".join(self._caller),
                agent_text=heard,
                agent_said=self._said or heard,
                interrupted=interrupted,
                at_ms=round(((self._at or self._now()) - self._started_at) * 1000, 1),
                stages_ms=dict(self._stages) if self._caller else {},
                endpoint_ms=self._endpoint_ms,
            )
        )
        self.number += 1
        self._caller, self._said, self._trigger, self._at = [], "", "", None
        self._speech_end, self._stages, self._endpoint_ms = None, {}, None

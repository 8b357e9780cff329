"""The words of the turn that the caller is speaking: so far, and all of it at a pause.

Between the listener, which keeps the audio, and the engines. A turn longer than a window is transcribed in settled
pieces, so that the words so far cost the same however long it lasts.

::

    audio     ├── settled ──┤── settled ──┤── the rest ──┤
    words()    known          known         transcribed now
"""

import asyncio
import logging
from dataclasses import dataclass

from ari_app.audio.split import split_at_quiet
from ari_app.call.listen import Listener
from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW, Judge, Samples, Stt
from ari_app.errors import EngineError

log = logging.getLogger(__name__)

_SETTLE_SECONDS = 9.0
"""From this length on, a turn's beginning is settled at its quietest spot: six seconds or more of it."""


@dataclass(frozen=True, slots=True)
class Words:
    """A transcript of the turn so far."""

    text: str
    sure: bool
    """Whether the model is sure of them."""
    complete: float | None
    """How probable the judge finds it that the caller has finished, 0…1; None without a judge, or when it failed."""


class Hearing:
    """One call's. All on the event loop; `words` and `words_so_far` may overlap."""

    def __init__(self, listener: Listener, stt: Stt, judge: Judge | None, *, sure_from: float) -> None:
        """`sure_from` is the mean log-probability from which words are certain."""
        self._listener = listener
        self._stt = stt
        self._judge = judge
        self._sure_from = sure_from
        self._settled: list[str] = []
        self._turn = 0  # number of the turn; what is transcribed of an older one is settled nowhere
        self._position = 0  # behind the audio of the latest `words`

    async def words(self) -> Words:
        """Everything since the last accepted words, judged. Raises EngineError."""
        samples, position = self._listener.utterance()
        settled = list(self._settled)
        transcript, complete = await asyncio.gather(self._stt.transcribe(samples), self._judged(samples))
        self._position = position
        sure = transcript.log_probability >= self._sure_from
        return Words(_joined([*settled, transcript.text]), sure, complete)

    async def words_so_far(self) -> str:
        """The same while the caller speaks, for a bounded cost. Raises EngineError."""
        samples, position = self._listener.utterance()
        turn, settled = self._turn, list(self._settled)
        if len(samples) < _SETTLE_SECONDS * SPEECH_RATE:
            return _joined([*settled, (await self._stt.transcribe(samples, urgent=False)).text])
        piece = _whole_windows(next(split_at_quiet(samples, int(_SETTLE_SECONDS * SPEECH_RATE), SPEECH_RATE)))
        transcript = await self._stt.transcribe(piece, urgent=False)
        if turn == self._turn:
            self._settled.append(transcript.text)
            self._listener.settle(position - (len(samples) - len(piece)) // VAD_WINDOW)
        return _joined([*settled, transcript.text])

    async def _judged(self, samples: Samples) -> float | None:
        try:
            return await self._judge.complete(samples) if self._judge else None
        except EngineError as error:  # the words tell enough
            log.warning("the acoustic judge failed", extra={"error": str(error)})
            return None

    def accept(self) -> None:
        """The latest `words` are the caller's turn; what was heard after them stays."""
        self._turn += 1
        self._settled = []
        self._listener.drop(self._position)

    def forget(self) -> None:
        """Nothing that was heard so far is a turn; speech that goes on stays."""
        self._turn += 1
        self._settled = []
        self._listener.forget()


def _whole_windows(piece: Samples) -> Samples:
    return piece[: len(piece) // VAD_WINDOW * VAD_WINDOW]


def _joined(texts: list[str]) -> str:
    return " ".join(text for text in texts if text)

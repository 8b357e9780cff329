"""The words of the turn that the caller is speaking: so far, and all of it at a pause.

Between the listener, which keeps the audio, and the engines. A turn longer than a window is transcribed in settled
pieces, so that the words so far cost the same however long it lasts.

::

    audio            ├── settled ──┤── settled ──┤── the rest ──┤
    words()           known          known         transcribed now

In the first 50 ms of a silence nobody knows whether it is a pause, and a transcript takes longer than to find out. So
it is begun at once, and `words` uses it unless a sound came after::

    caller           ██████████████████
    hush                               ·├─ prepare() ─────┤
    stop                                    x words()     ├→ Heard
"""

import asyncio
import logging
from dataclasses import dataclass
from math import inf

from ari_app.audio.loudness import HUSH_SECONDS, LEVEL_SECONDS, end_of_speech
from ari_app.audio.split import split_at_quiet
from ari_app.call.listen import Listener
from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW, Judge, Samples, Stt, Transcript
from ari_app.errors import EngineError

log = logging.getLogger(__name__)

_PREPARED_SHARE = 0.5
"""Of a core, at most, for transcripts that were begun in a hush: on a choppy line none of them may be of use."""
_PATIENCE_SECONDS = 0.4
"""How long ears that are to rest are waited for: so long a pause is a turn's end, mostly."""
_SHORT_REST_SECONDS = 0.15
"""A rest that is not worth a wait: what it spares is less than what the caller would wait."""
_LEVEL_SAMPLES = int(LEVEL_SECONDS * SPEECH_RATE)
"""The last of what was said, which tells how loud the caller speaks. Over the agent a hush would come too late: it is
listened for from the moment on in which speech is believed."""
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
    hushed: bool
    """Whether the caller could not be heard any more when they were asked for."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A transcript of what was said before a hush."""

    hush: int
    transcript: asyncio.Future[Transcript | None]
    """None when it failed."""


class Hearing:
    """One call's. All on the event loop; `prepare`, `words` and `words_so_far` may overlap."""

    def __init__(self, listener: Listener, stt: Stt, judge: Judge | None, *, sure_from: float) -> None:
        """`sure_from` is the mean log-probability from which words are certain."""
        self._listener = listener
        self._stt = stt
        self._judge = judge
        self._sure_from = sure_from
        self._settled: list[str] = []
        self._turn = 0  # number of the turn; what is transcribed of an older one is settled nowhere
        self._position = 0  # behind the audio of the latest `words`
        self._partial: asyncio.Future[Transcript] | None = None  # what `words_so_far` waits for
        self._prepared: _Prepared | None = None
        self._prepare_from = 0.0

    async def prepare(self) -> None:
        """In a hush, transcribe what `words` will be asked for if it becomes a pause; for a bounded cost."""
        loop = asyncio.get_running_loop()
        hush, began = self._listener.hush, loop.time()
        if hush is None or began < self._prepare_from:
            return
        self._prepare_from = inf  # one at a time
        self._prepared = prepared = _Prepared(hush, loop.create_future())
        transcript = None
        try:
            transcript = await self._stt.transcribe(self._listener.utterance()[0])
        except EngineError as error:  # `words` will tell, if it lasts
            log.warning("a transcript in a hush failed", extra={"error": str(error)})
        finally:
            self._prepare_from = began + (loop.time() - began) / _PREPARED_SHARE
            prepared.transcript.set_result(transcript)

    async def words(self) -> Words:
        """Everything since the last accepted words, judged. Raises EngineError."""
        samples, position = self._listener.utterance()
        hushed = end_of_speech(samples[-_LEVEL_SAMPLES:], SPEECH_RATE) >= HUSH_SECONDS
        settled = list(self._settled)
        if self._partial:  # nobody needs it beside all the words
            self._partial.cancel()
        transcript, complete = await asyncio.gather(self._transcript(samples), self._judged(samples))
        self._position = position
        sure = transcript.log_probability >= self._sure_from
        return Words(_joined([*settled, transcript.text]), sure, complete, hushed)

    async def words_so_far(self) -> str:
        """The same while the caller speaks, for a bounded cost. Raises EngineError."""
        samples, position = self._listener.utterance()
        turn, settled = self._turn, list(self._settled)
        settles = len(samples) >= _SETTLE_SECONDS * SPEECH_RATE
        if settles:
            whole = len(samples)
            samples = _whole_windows(next(split_at_quiet(samples, int(_SETTLE_SECONDS * SPEECH_RATE), SPEECH_RATE)))
            position -= (whole - len(samples)) // VAD_WINDOW
        transcript = await self._transcript_so_far(samples, droppable=not settles)
        if settles and turn == self._turn:
            self._settled.append(transcript.text)
            self._prepared = None  # it has what is settled now
            self._listener.settle(position)
        return _joined([*settled, transcript.text])

    async def _transcript_so_far(self, samples: Samples, *, droppable: bool) -> Transcript:
        """Empty when `words` came in between."""
        partial = asyncio.ensure_future(self._stt.transcribe(samples, urgent=False))
        self._partial = partial if droppable else None
        try:
            return await partial
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return Transcript("", 0.0, 0.0)

    async def _transcript(self, samples: Samples) -> Transcript:
        prepared = self._prepared
        if prepared and prepared.hush == self._listener.hush:
            transcript = await asyncio.shield(prepared.transcript)
            if transcript:
                return transcript
        elif prepared:
            await self._rest(prepared)
        return await self._stt.transcribe(samples)

    async def _rest(self, prepared: _Prepared) -> None:
        """Wait for ears that are busy with earlier words, or slow: on a choppy line the pause is over before."""
        rest = self._prepare_from - asyncio.get_running_loop().time()
        if not prepared.transcript.done():
            await asyncio.wait([prepared.transcript], timeout=_PATIENCE_SECONDS)
        elif rest > _SHORT_REST_SECONDS:
            await asyncio.sleep(min(rest, _PATIENCE_SECONDS))

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
        self._prepared = None
        self._listener.drop(self._position)

    def forget(self) -> None:
        """Nothing that was heard so far is a turn; speech that goes on stays."""
        self._turn += 1
        self._settled = []
        self._prepared = None
        self._listener.forget()


def _whole_windows(piece: Samples) -> Samples:
    return piece[: len(piece) // VAD_WINDOW * VAD_WINDOW]


def _joined(texts: list[str]) -> str:
    return " ".join(text for text in texts if text)

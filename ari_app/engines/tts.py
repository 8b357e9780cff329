"""Text to speech: a Piper voice for all calls, a clause at a time, piece by piece.

::

    a call's first clause    due now          ▕▒▒▏·······▕▒▒▒▒▒▒▒▏         one thread
    another's first clause       due now          ▕▒▒▏
    a third's next clause    due in a second          ▕▒▏·········▕▒▒▒▒    whoever's audio ends first is next

The first piece of a first clause is short, because a caller waits for it; the others are longer, because each piece
costs its decoder some frames more than it gives.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterator

import numpy as np
import onnxruntime

from ari_app.audio.voicing import Voicing
from ari_app.engines.base import Pcm16
from ari_app.engines.tts_voice import Voice
from ari_app.engines.worker import Worker, WorkerStats
from ari_app.settings import TtsSettings

SENTENCE_PAUSE_SECONDS, CLAUSE_PAUSE_SECONDS = 0.2, 0.08
"""Silence after a clause that ends a sentence, and after any other: whatever voice it is, the rhythm is the same."""
_FIRST_SECONDS, _SOON_SECONDS = (0.35, 0.75), 0.5
"""Lengths of the first pieces of what is needed sooner than so: a piece takes a tenth of its length, several times that
with other calls on the cores, and must be there when the one before has been heard."""
_PIECE_SECONDS = 1.5
"""Length of every other piece: at most so long another caller's first piece waits for the thread, times 0.1."""
_PATIENCE_SECONDS = 1.0
"""What is made whole comes after what a caller waits for."""
_EASE = 0.1
"""Share of a clause's peak in what is held for the voice's usual peak from then on."""


def has_words(text: str) -> bool:
    """Whether there is anything to say; of bare symbols espeak would read the names ("exclamation")."""
    return any(character.isalnum() for character in text)


class PiperTts:
    """A voice, shared by all calls, on one thread of its own (and `threads` of onnxruntime's)."""

    def __init__(self, settings: TtsSettings) -> None:
        """Load the voice and let it say a few words, so that the first call finds it warm. Raises ModelError."""
        self._voice = Voice(settings)
        self._peak = self._voice.peak  # the worker's
        self._worker = Worker("tts")

    async def stream(self, text: str, rate: int, *, within_seconds: float = 0.0) -> AsyncGenerator[Pcm16, None]:
        """See Tts."""
        if not has_words(text):
            return
        now = asyncio.get_running_loop().time
        lengths = itertools.chain(
            _FIRST_SECONDS if within_seconds < _SOON_SECONDS else (), itertools.repeat(_PIECE_SECONDS)
        )
        options = onnxruntime.RunOptions()
        pieces = self._say(text, rate, lengths, options)
        due = now() + within_seconds
        is_last = False
        try:
            while not is_last:
                pcm, is_last = await self._worker.run(next, pieces, (_NOTHING, True), priority=int(due * 1000))
                if len(pcm):
                    due = max(due, now()) + len(pcm) / rate
                    yield pcm
        finally:
            options.terminate = True

    async def speak(self, text: str, rate: int) -> Pcm16:
        """See Tts."""
        return np.concatenate(
            [_NOTHING, *[pcm async for pcm in self.stream(text, rate, within_seconds=_PATIENCE_SECONDS)]]
        )

    @property
    def stats(self) -> WorkerStats:
        """What it has done since it was loaded."""
        return self._worker.stats

    async def close(self) -> None:
        """Let the running synthesis end."""
        await self._worker.close()

    def _say(
        self, text: str, rate: int, lengths: Iterator[float], options: onnxruntime.RunOptions
    ) -> Iterator[tuple[Pcm16, bool]]:
        """The pieces of a clause, each with whether it is the last. Runs on the worker's thread."""
        ends_sentence = text.rstrip().endswith((".", "!", "?", "…"))
        pause = SENTENCE_PAUSE_SECONDS if ends_sentence else CLAUSE_PAUSE_SECONDS
        voicing = Voicing(self._voice.rate, rate, self._peak, pause)
        for audio, is_last in self._voice.say(text, lengths, options):
            pcm = voicing.feed(audio, last=is_last)
            if is_last:
                self._peak += _EASE * (voicing.peak - self._peak)
            yield pcm, is_last


_NOTHING = np.zeros(0, np.int16)

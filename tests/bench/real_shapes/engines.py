"""Our engines with their real work and a script's words.

::

    audio ─ Whisper, as many tokens as the words have ─┐        prompt ─ llama.cpp, step by step ─┐
          └ recognize: the words that were said ───────┴→ text         └ the script's next token ─┴→ reply

The language model's choice of each token is replaced, not its text: so the memory holds the script's own tokens, and
what a call has said is as well known to the next turn as it is with a real model.
"""

import asyncio
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ari_app.engines.base import Samples, Transcript
from ari_app.engines.llama import LlamaContext, LlamaModel, Outcome, Part, Sampler
from ari_app.engines.llm import LlamaLlm
from ari_app.engines.llm_scheduler import Scheduler
from ari_app.engines.loader import Engines
from ari_app.engines.stt import WhisperStt
from ari_app.engines.tts import PiperTts
from ari_app.engines.vad import SileroVad
from ari_app.settings import LlmSettings, Settings, SttSettings
from tests.bench.real_shapes.recognize import Recordings
from tests.bench.real_shapes.script import Script

LETTERS_A_TOKEN = 4


async def load(settings: Settings, progress: Callable[[str], None], script: Script) -> Engines:
    """What `load_engines` does, with a script."""
    stt = await asyncio.to_thread(ScriptedStt, settings.stt, script)
    llm = await asyncio.to_thread(ScriptedLlm, settings.llm, script)
    tts = await asyncio.to_thread(PiperTts, settings.tts)
    progress("engines ready, their words from a script")
    return Engines(SileroVad(settings.vad), stt, llm, tts)


class ScriptedStt(WhisperStt):
    """Whisper hears, and writes as many tokens as the words have that were said."""

    def __init__(self, settings: SttSettings, script: Script) -> None:
        self._recordings = Recordings(script.lines)
        super().__init__(settings)
        self._bounded = self._model.model = _BoundedWhisper(self._model.model)

    def _hear(self, samples: Samples) -> Transcript:
        words = self._recordings.words_in(samples)
        if hasattr(self, "_bounded"):
            self._bounded.tokens.most = 1 + len(words) // LETTERS_A_TOKEN
        super()._hear(samples)
        return Transcript(words, 0.0, 0.0)


class _BoundedWhisper:
    """CTranslate2's model, which writes `tokens.most` tokens, told by the thread that asks."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.tokens = threading.local()

    def generate(self, *inputs: Any, **options: Any) -> Any:
        return self._model.generate(*inputs, **{**options, "max_length": 2 * self.tokens.most})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


class ScriptedLlm(LlamaLlm):
    """llama.cpp computes, the script chooses."""

    def __init__(self, settings: LlmSettings, script: Script) -> None:
        super().__init__(settings)
        self.scheduler.stop()
        context = self._context = ScriptedContext(self._context, self._model, script)
        self.scheduler = Scheduler(self._model, context, settings.sequences)


class ScriptedContext:
    """A context that knows what its sequences hold, and so which token the script has next."""

    def __init__(self, context: LlamaContext, model: LlamaModel, script: Script) -> None:
        self._context = context
        self._model = model
        self._script = script
        self._begin = {role: model.tokenize(f"<|im_start|>{role}\n", special=True) for role in ("user", "assistant")}
        self._held: dict[int, list[int]] = {}
        self._last: Sequence[Part] = ()

    def decode(self, parts: Sequence[Part]) -> Outcome:
        for part in parts:
            held = self._held.setdefault(part.sequence, [])
            held[part.position :] = part.tokens
        self._last = parts
        return self._context.decode(parts)

    def copy(self, source: int, target: int, begin: int, end: int) -> None:
        self._held[target] = self._held[source][:end]
        self._context.copy(source, target, begin, end)

    def sample(self, sampler: Sampler, row: int) -> int:
        self._context.sample(sampler, row)
        for part in self._last:
            row -= len(part.tokens)
            if row < 0:
                return self._scripted(self._held[part.sequence])
        raise IndexError("no such row in the batch that was decoded last")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def _scripted(self, held: list[int]) -> int:
        """The token after the reply's so far, which stands behind the assistant's last header."""
        said = _last(held, self._begin["assistant"])
        asked = _last(held[:said], self._begin["user"])
        words = itertools.takewhile(lambda token: token != self._model.eos, held[asked:said])
        text = b"".join(map(self._model.piece, words)).decode("utf-8", "replace")
        reply = self._model.tokenize(self._script.reply_to(text), special=False)
        written = len(held) - said
        return reply[written] if written < len(reply) else self._model.eos


def _last(tokens: list[int], header: list[int]) -> int:
    """Where what follows the last `header` begins; 0 without any."""
    size = len(header)
    starts = (at for at in range(len(tokens) - size, -1, -1) if tokens[at : at + size] == header)
    return next((at + size for at in starts), 0)

"""Loads all engines at once, or none."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ari_app.engines.base import Llm, Stt, Tts, Vad
from ari_app.engines.llm import LlamaLlm
from ari_app.engines.stt import WhisperStt
from ari_app.engines.tts import PiperTts
from ari_app.engines.vad import SileroVad
from ari_app.settings import Settings

T = TypeVar("T")
Loading = tuple[asyncio.Task[WhisperStt], asyncio.Task[LlamaLlm], asyncio.Task[PiperTts]]


@dataclass(frozen=True, slots=True)
class Engines:
    """What hears, thinks and speaks for all calls."""

    vad: Vad
    stt: Stt
    llm: Llm
    tts: Tts

    async def close(self) -> None:
        """Stop their work and end their threads."""
        await asyncio.gather(self.stt.close(), self.llm.close(), self.tts.close())


async def load_engines(settings: Settings, progress: Callable[[str], None]) -> Engines:
    """Load and warm up every engine, each on a thread of its own; `progress` gets a line for each that is ready.

    Raises ModelError for the first that cannot be loaded, after the others were closed again.
    """
    vad = SileroVad(settings.vad)
    loading = (
        asyncio.create_task(_load("speech to text", lambda: WhisperStt(settings.stt), progress)),
        asyncio.create_task(_load("language model", lambda: LlamaLlm(settings.llm), progress)),
        asyncio.create_task(_load("voice", lambda: PiperTts(settings.tts), progress)),
    )
    await _all_loaded(loading)
    stt, llm, tts = loading
    try:
        return Engines(vad, stt.result(), llm.result(), tts.result())
    except Exception:
        await _close(loading)
        raise


async def _load(name: str, make: Callable[[], T], progress: Callable[[str], None]) -> T:
    begin = time.monotonic()
    engine = await asyncio.to_thread(make)
    progress(f"{name} ready in {time.monotonic() - begin:.1f} s")
    return engine


async def _all_loaded(loading: Loading) -> None:
    """Wait for all: a thread cannot be stopped, so that even when cancelled, what it loads has to be closed again."""
    try:
        await asyncio.wait(loading)
    except asyncio.CancelledError:
        await asyncio.wait(loading)
        await _close(loading)
        raise


async def _close(loading: Loading) -> None:
    for task in loading:
        if task.exception() is None:
            await task.result().close()

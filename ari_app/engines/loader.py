"""Loads all engines at once, or none."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ari_app.engines.base import Judge, Llm, Stt, Tts, Vad
from ari_app.engines.cores import hand_over_quickly, yield_to_media
from ari_app.engines.llm import LlamaLlm
from ari_app.engines.placement import place
from ari_app.engines.smart_turn import SmartTurn
from ari_app.engines.stt import WhisperStt
from ari_app.engines.tts import PiperTts
from ari_app.engines.vad import SileroVad
from ari_app.settings import Settings

T = TypeVar("T")


class _Closable(Protocol):
    async def close(self) -> None: ...


Loading = Sequence[asyncio.Task[_Closable]]


@dataclass(frozen=True, slots=True)
class Engines:
    """What hears, thinks and speaks for all calls."""

    vad: Vad
    stt: Stt
    llm: Llm
    tts: Tts
    judge: Judge | None = None
    """Only where `turn.judge` is ``smart-turn``."""

    async def close(self) -> None:
        """Stop their work and end their threads."""
        engines = (self.stt, self.llm, self.tts, self.judge)
        await asyncio.gather(*(engine.close() for engine in engines if engine is not None))


async def load_engines(settings: Settings, progress: Callable[[str], None]) -> Engines:
    """Load and warm up every engine, each on a thread of its own; `progress` gets a line for each that is ready.

    Raises ModelError for the first that cannot be loaded, after the others were closed again.
    """
    hand_over_quickly()
    on_gpu = await _on_own_thread(lambda: place(settings))
    vad = SileroVad(settings.vad)
    stt = asyncio.create_task(_load("speech to text", lambda: WhisperStt(settings.stt, gpu="stt" in on_gpu), progress))
    llm = asyncio.create_task(_load("language model", lambda: LlamaLlm(settings.llm, gpu="llm" in on_gpu), progress))
    tts = asyncio.create_task(_load("voice", lambda: PiperTts(settings.tts), progress))
    judge = None
    if settings.turn.judge == "smart-turn":
        judge = asyncio.create_task(_load("end-of-turn judge", lambda: SmartTurn(settings.turn), progress))
    loading: Loading = (stt, llm, tts) if judge is None else (stt, llm, tts, judge)
    await _all_loaded(loading)
    try:
        return Engines(vad, stt.result(), llm.result(), tts.result(), judge.result() if judge else None)
    except Exception:
        await _close(loading)
        raise


async def _load(name: str, make: Callable[[], T], progress: Callable[[str], None]) -> T:
    begin = time.monotonic()
    engine = await _on_own_thread(make)
    progress(f"{name} ready in {time.monotonic() - begin:.1f} s")
    return engine


async def _on_own_thread(make: Callable[[], T]) -> T:
    thread = ThreadPoolExecutor(1, "load", initializer=yield_to_media)
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, make)
    finally:
        thread.shutdown(wait=False)


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

"""voice.*: how long a caller waits for the first audio of a clause, and for the whole, from a voice of real shape."""

import asyncio
import time

import numpy as np

from ari_app.engines.tts import PiperTts
from ari_app.settings import TtsSettings
from tests.bench.figures import Figure, percentiles
from tests.bench.real_shapes.models import VOICE, find_or_make

RATE, ROUNDS = 8000, 15
CLAUSES = (
    "Of course,",
    "I can help you with that,",
    "We are open from nine to five on weekdays.",
    "Your appointment is on Thursday at a quarter past ten,",
)
"""As a reply begins: 0.8 to 4 seconds."""


def run() -> list[Figure]:
    """Every clause ROUNDS times, streamed and then whole, so that what else the machine does falls on both."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    voice = await asyncio.to_thread(PiperTts, TtsSettings(model=find_or_make() / VOICE))
    first_ms, all_ms, whole_ms = [], [], []
    try:
        for _ in range(ROUNDS):
            for clause in CLAUSES:
                begin = time.perf_counter()
                came_ms = [1000 * (time.perf_counter() - begin) async for _ in voice.stream(clause, RATE)]
                first_ms.append(came_ms[0])
                all_ms.append(came_ms[-1])
                begin = time.perf_counter()
                await voice.speak(clause, RATE)
                whole_ms.append(1000 * (time.perf_counter() - begin))
    finally:
        await voice.close()
    return [
        *percentiles("voice.first_audio", first_ms, {50: "≤ 60 ms"}),
        *percentiles("voice.whole", whole_ms),
        Figure("voice.streaming_cost_ratio", float(np.sum(all_ms) / np.sum(whole_ms)), "", len(all_ms)),
    ]

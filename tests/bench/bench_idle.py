"""idle_call: what a call costs in which nobody speaks.

Once with a phone that sends digital silence, and once with line noise at -50 dBFS, which the detector must listen to.
"""

import asyncio
import time

import numpy as np

from ari_app.demo.phone import Phone
from ari_app.demo.phone.rtp import RATE
from tests.bench.box import Box, box, cpu_seconds
from tests.bench.figures import Figure

CALLS = 4
SECONDS = 15.0


def run() -> list[Figure]:
    """CPU of the agent's process with silent calls, less without."""
    with box(turn={"no_input_ms": 120_000}) as under_test:
        return asyncio.run(_measure(under_test))


async def _measure(under_test: Box) -> list[Figure]:
    async with Phone(under_test.pbx.sip_port) as phone:
        alone = await _cores(under_test)
        calls = [await phone.call("agent-receptionist") for _ in range(CALLS)]
        for call in calls:
            await call.wait_for_speech(call.dialled_at)
            await call.wait_for_quiet(1.0)
        silent = await _cores(under_test)
        noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (-50 / 20), int((SECONDS + 3) * RATE)).astype(np.int16)
        saying = [asyncio.create_task(call.say(noise)) for call in calls]
        noisy = await _cores(under_test)
        await asyncio.gather(*saying)
        return [
            Figure("idle_call.core_percent", (silent - alone) / CALLS * 100, "%", CALLS, "≤ 1 %"),
            Figure("idle_call.noisy.core_percent", (noisy - alone) / CALLS * 100, "%", CALLS, "≤ 2 %"),
            Figure("idle_call.none.core_percent", alone * 100, "%", 1),
        ]


async def _cores(under_test: Box) -> float:
    pid, started, before = under_test.agent.pid, time.monotonic(), cpu_seconds(under_test.agent.pid)
    await asyncio.sleep(SECONDS)
    return (cpu_seconds(pid) - before) / (time.monotonic() - started)

"""Some simulated calls at once, for a while, with the loaded engines: what their callers wait, and what it costs.

Sessions, turn machine, engines and playout are those of real calls; only Asterisk and the telephones are missing.
"""

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np

from ari_app.call.exchange import Parts
from ari_app.call.prompts import Prompts
from ari_app.call.recording import NoRecorder
from ari_app.call.session import Session
from ari_app.capacity.caller import Answer, Caller
from ari_app.capacity.telephone import Sounds
from ari_app.core.commands import Status
from ari_app.engines.base import Llm, Pcm16
from ari_app.settings import AgentSettings, endpoints

STAGGER_SECONDS = 4.0
"""Within so long all callers have rung; what they wait before is not counted."""
LEAST_TURNS = 20
"""A step goes on until it has so many answers: of fewer, the 95th percentile is the slowest one."""
MOST_TIMES = 6
"""How many times as long as wanted a step may take for that."""


class ForgetfulPrompts(Prompts):
    """Keeps only what is prepared: simulated callers ask the same few questions, real ones do not."""

    def _keep(self, key: tuple[str, str, int], pcm: Pcm16) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Desk:
    """Who takes the simulated calls."""

    parts: Parts
    llm: Llm
    agent: AgentSettings
    sounds: Sounds


@dataclass(frozen=True, slots=True)
class Step:
    """What so many calls at once showed."""

    calls: int
    turns: int
    """Answers that were measured."""
    p50_ms: float | None
    p95_ms: float | None
    """Of the gaps, which are less the silence that ended the turn; None without any."""
    unanswered: int
    """Turns to which no answer came, and calls that broke."""
    understood: float
    """Share of the turns in which words were understood; of the others the answer costs less."""
    late_clauses: int
    late_frames: int
    """Frames that left more than 20 ms late, because the process was busy."""
    cores: float
    """Processor cores in use, on average."""
    memory_mb: float
    """Resident, in 10^6 bytes."""

    def holds(self, target_ms: float) -> bool:
        """Whether callers are answered in time."""
        return not self.unanswered and self.p95_ms is not None and self.p95_ms <= target_ms


async def measure(desk: Desk, calls: int, seconds: float) -> Step:
    """Hold `calls` at once for `seconds`, or longer where few turns come."""
    crowd = _Crowd(desk, calls)
    async with asyncio.TaskGroup() as group:
        for number in range(calls):
            group.create_task(crowd.keep_calling(number))
        await asyncio.sleep(STAGGER_SECONDS)
        crowd.begin()
        began, cpu, slept = time.monotonic(), time.process_time(), 0.0
        while slept < seconds or (len(crowd.answers) < LEAST_TURNS and slept < seconds * MOST_TIMES):
            await asyncio.sleep(min(1.0, seconds))
            slept += min(1.0, seconds)
        cores = (time.process_time() - cpu) / max(time.monotonic() - began, 1e-9)
        crowd.stop.set()
    return crowd.step(cores)


class _Crowd:
    """The callers of one step."""

    def __init__(self, desk: Desk, calls: int) -> None:
        self._desk = desk
        self._calls = calls
        self._shortest_endpoint_ms = endpoints(desk.agent, desk.parts.settings.turn)[0]
        self._counts: Counter[str] = Counter()
        self.answers: list[Answer] = []
        self.stop = asyncio.Event()

    def begin(self) -> None:
        """All have rung: what is answered from now on counts."""
        self.answers.clear()

    async def keep_calling(self, number: int) -> None:
        """Call, hang up, call again."""
        random = Random(f"{self._calls} calls, caller {number}")  # noqa: S311 (the same each time is meant)
        await asyncio.sleep(random.uniform(0, STAGGER_SECONDS * 0.5))
        count = 0
        while not self.stop.is_set():
            count += 1
            await self._call(f"simulated-{number}-{count}", random)

    async def _call(self, call_id: str, random: Random) -> None:
        desk = self._desk
        caller = Caller(call_id, desk.sounds, random, self.answers.append, self._shortest_endpoint_ms)
        conversation = desk.llm.conversation()
        parts = replace(desk.parts, books=caller)
        try:
            session = Session(parts, caller, desk.agent, conversation, NoRecorder(), {})
            async with asyncio.TaskGroup() as group:
                talking = group.create_task(caller.talk(self.stop))
                outcome = await session.run()
                talking.cancel()
        finally:
            await conversation.close()
        self._counts.update(session.counts())
        self._counts["failed"] += outcome.status is Status.FAILED

    def step(self, cores: float) -> Step:
        """What came of it."""
        gaps = [answer.gap_ms for answer in self.answers if answer.gap_ms is not None]
        p50, p95 = (round(float(ms), 1) for ms in np.percentile(gaps, (50, 95))) if gaps else (None, None)
        understood = sum(answer.understood for answer in self.answers) / max(1, len(self.answers))
        return Step(
            calls=self._calls,
            turns=len(gaps),
            p50_ms=p50,
            p95_ms=p95,
            unanswered=len(self.answers) - len(gaps) + self._counts["failed"],
            understood=round(understood, 2),
            late_clauses=self._counts["late_clauses"],
            late_frames=self._counts["late_frames"],
            cores=round(cores, 2),
            memory_mb=round(_resident_mb(), 1),
        )


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

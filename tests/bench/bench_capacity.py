"""capacity: whether the limit that simulated calls have found is right for real SIP calls on a real Asterisk.

With engines of real shapes: the limit is measured as an admin would, then so many callers talk and more ring, who must
be with the dialplan's fallback at once; then half as many again talk, and wait longer than the target.
"""

import asyncio
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ari_app.demo.agent_process import AGENTS
from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.conversation import ANSWER_S
from ari_app.demo.phone import CallFailed, Phone
from ari_app.settings import CapacitySettings
from tests.bench.box import box
from tests.bench.callers import Heard, many, shuffled
from tests.bench.capacity_agent import MEASURE
from tests.bench.figures import Figure, percentiles
from tests.bench.load_agent import ENDPOINT_MS, LOAD_AGENT, SETTINGS
from tests.bench.pump import Pump
from tests.bench.real_shapes.models import find_or_make, sections
from tests.bench.real_shapes.script import demo_script

SECONDS = 90.0
SEQUENCES = 32
TARGET_MS = CapacitySettings().target_gap_ms
REFUSALS, BETWEEN_S = 25, 1.5
"""So many callers ring while there is no room, which takes less than SECONDS."""


@dataclass
class Refusals:
    """What callers met for whom there was no room."""

    to_fallback_ms: list[float] = field(default_factory=list)
    """From the INVITE to the fallback's answer: what Asterisk and the telephone take is in it."""
    statuses: list[tuple[str | None, str | None]] = field(default_factory=list)


def run() -> list[Figure]:
    """Measure the limit, then try it, then try more."""
    models = {**sections(find_or_make()), "turn": SETTINGS["turn"]}
    models["llm"] = {**models["llm"], "sequences": SEQUENCES}
    limit = _measure(models)
    more = math.ceil(limit * 1.5)
    at_limit, refusals = _call(models, limit, refuse=True)
    beyond, _ = _call(models, more, refuse=False)
    wrong = sum(status != ("REFUSED", "capacity") for status in refusals.statuses)
    return [
        Figure("capacity.limit", limit, "calls", 1),
        *_gaps("capacity.at_limit", at_limit, f"≤ {TARGET_MS} ms"),
        Figure("capacity.beyond_limit", more, "calls", 1),
        *_gaps("capacity.beyond_limit", beyond, f"> {TARGET_MS} ms"),
        *percentiles("capacity.to_fallback", refusals.to_fallback_ms, {95: "≤ 50 ms"}),
        Figure("capacity.not_refused", wrong, "calls", len(refusals.statuses), "0"),
    ]


def _gaps(name: str, heard: Heard, floor: str) -> list[Figure]:
    """The gaps; for a turn without an answer as long as the caller has waited."""
    gaps = [*heard.gaps(ENDPOINT_MS), *(ANSWER_S * 1000 for _ in heard.unanswered)]
    if not gaps:
        raise RuntimeError(f"{name}: nothing was said; calls failed: {heard.failed[:3]}")
    p50, p95 = np.percentile(gaps, (50, 95))
    return [
        Figure(f"{name}.gap_p50_ms", float(p50), "ms", len(gaps)),
        Figure(f"{name}.gap_p95_ms", float(p95), "ms", len(gaps), floor),
    ]


def _measure(sections_: dict[str, dict]) -> int:
    """What `offhook bench capacity` would find, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder:
        kept = Path(folder) / "capacity.json"
        file = Path(folder) / "offhook.yaml"
        file.write_text(json.dumps({**sections_, "capacity": {"file": str(kept)}, "agents": AGENTS}))
        subprocess.run([sys.executable, *MEASURE, str(file)], check=True)
        limit = int(json.loads(kept.read_text())["calls"])
    if not limit:
        raise RuntimeError(f"not even one call is answered within {TARGET_MS} ms")
    return limit


def _call(sections_: dict[str, dict], calls: int, *, refuse: bool) -> tuple[Heard, Refusals]:
    """`calls` real calls at once on an agent that takes so many; with `refuse`, others ring meanwhile."""
    heard, refusals = Heard(), Refusals()
    with box(LOAD_AGENT, **sections_, capacity={"calls": calls}) as under_test:
        asyncio.run(_ring(under_test.pbx, calls, heard, refusals if refuse else None))
    return heard, refusals


async def _ring(pbx: PrivateAsterisk, calls: int, heard: Heard, refusals: Refusals | None) -> None:
    lines = list(demo_script().lines.values())
    scripts = [[shuffled(lines, number)] for number in range(calls)]  # long enough: nobody hangs up before the end
    async with Pump() as pump, asyncio.TaskGroup() as group:
        group.create_task(many(pbx.sip_port, pump, scripts, SECONDS, heard))
        if refusals is not None:
            while heard.calls < calls:
                await asyncio.sleep(0.1)
            await _be_refused(pbx, pump, refusals)


async def _be_refused(pbx: PrivateAsterisk, pump: Pump, refusals: Refusals) -> None:
    async with Phone(pbx.sip_port, drive=pump) as phone:
        for _ in range(REFUSALS):
            await asyncio.sleep(BETWEEN_S)
            began = time.monotonic()
            try:
                call = await phone.call("agent-receptionist")
            except (CallFailed, TimeoutError):
                refusals.statuses.append((None, None))
                continue
            refusals.to_fallback_ms.append((time.monotonic() - began) * 1000)
            await call.hang_up()
            results = await asyncio.to_thread(pbx.results, call.id)
            refusals.statuses.append((results.get("OFFHOOK_STATUS"), results.get("OFFHOOK_REASON")))

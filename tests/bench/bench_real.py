"""gap.real, speculation, memory.real: what a caller waits for engines of real size, with and without speculation.

Two agents with the same models, each on an Asterisk of its own, take the same calls in turn, so that what else the
machine does falls on both. The turn always ends after the same silence, which is taken off every gap.
"""

import asyncio

import numpy as np

from ari_app.demo.conversation import Line, converse
from ari_app.demo.phone import Phone
from ari_app.settings import TurnSettings
from ari_app.store.reader import read_call, read_calls
from tests.bench.box import Box, box, resident_mb
from tests.bench.figures import Figure, percentiles
from tests.bench.real_shapes.agent import PROGRAM
from tests.bench.real_shapes.models import find_or_make, sections
from tests.bench.real_shapes.script import demo_script

CALLS = (
    ("booking-1", "booking-2", "booking-3", "booking-4", "booking-5", "booking-6", "booking-7"),
    ("billing-1", "directions-1", "directions-2", "directions-3", "directions-4"),
    ("person-1", "message-1", "message-2", "message-3", "message-4", "message-5"),
    ("saturday-1", "saturday-2", "saturday-3", "saturday-4", "emergency-1"),
)
ROUNDS = 3
SILENCE = {"judge": "silence"}
NO_SPECULATION = {"speculate": 0, "partial_ms": 0}


def run() -> list[Figure]:
    """Every call once with each agent, ROUNDS times."""
    models = sections(find_or_make())
    with (
        box(PROGRAM, **models, turn=SILENCE) as speculating,
        box(PROGRAM, **models, turn=SILENCE | NO_SPECULATION) as waiting,
    ):
        gaps, plain_gaps = asyncio.run(_measure(speculating, waiting))
        memory = resident_mb(speculating.agent.pid)
        stages = _stages(speculating)
        plain_stages = _stages(waiting)
    figures = percentiles("gap.real", gaps, {50: "≤ 300 ms"})
    figures += percentiles("gap.real.unspeculated", plain_gaps)
    figures += [percentiles(f"gap.real.stage.{stage}", values)[0] for stage, values in stages.items()]
    figures += [percentiles(f"gap.real.unspeculated.stage.{stage}", v)[0] for stage, v in plain_stages.items()]
    ratio = float(np.median(gaps) / np.median(plain_gaps))
    figures.append(Figure("speculation.gap_ratio", ratio, "", len(gaps), "≤ 0.4"))
    figures.append(Figure("memory.real_mb", memory, "MB", 1))
    return figures


async def _measure(*boxes: Box) -> list[list[float]]:
    """The gaps of each box's turns in ms, less the silence that ends them."""
    script = demo_script()
    endpoint = TurnSettings().endpoint_ms
    gaps: list[list[float]] = [[] for _ in boxes]
    for names in CALLS * ROUNDS:
        lines = [script.lines[name] for name in names]
        for under_test, found in zip(boxes, gaps, strict=True):
            found += [gap - endpoint for gap in await _call(under_test, lines)]
    return gaps


async def _call(under_test: Box, lines: list[Line]) -> list[float]:
    async def nothing(_: object) -> None:
        return None

    async with Phone(under_test.pbx.sip_port) as phone:
        call = await phone.call("agent-receptionist")
        spoken = await converse(call, lines, nothing)
        await call.hang_up()
    gaps = [one.gap_s * 1000 for one in spoken if one.gap_s is not None]
    if len(gaps) < len(lines):
        raise RuntimeError(f"the agent answered only {len(gaps)} of {len(lines)} lines")
    return gaps


def _stages(under_test: Box) -> dict[str, list[float]]:
    """What the agent itself measured of every turn, in ms by stage."""
    stages: dict[str, list[float]] = {}
    for call in read_calls(under_test.store_url, limit=100):
        for turn in read_call(under_test.store_url, call.start.id).turns:
            for stage, value in turn.stages_ms.items():
                stages.setdefault(stage, []).append(value)
    return stages

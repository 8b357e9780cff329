"""gap.real, speculation, memory.real: what a caller waits for engines of real size, with and without speculation.

Two agents with the same models, each on an Asterisk of its own, take the same calls in turn, so that what else the
machine does falls on both. The turn always ends after the same silence, which is taken off every gap.
"""

import asyncio

import numpy as np
from rich.console import Console

from ari_app.demo.conversation import Line, converse
from ari_app.demo.phone import Phone
from ari_app.settings import TurnSettings
from tests.bench.box import Box, box, resident_mb
from tests.bench.figures import Figure, percentiles
from tests.bench.real_shapes.models import AGENT, find_or_make, sections
from tests.bench.real_shapes.script import demo_script
from tests.bench.waterfalls import counted, slowest, spoken_turns, stage_figures, stored_calls

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
    """Every call once with each agent, ROUNDS times; the slowest turns are printed with their stages."""
    models = sections(find_or_make())
    with (
        box(AGENT, **models, turn=SILENCE) as speculating,
        box(AGENT, **models, turn=SILENCE | NO_SPECULATION) as waiting,
    ):
        gaps, plain_gaps = asyncio.run(_measure(speculating, waiting))
        memory = resident_mb(speculating.agent.pid)
        calls, plain_calls = stored_calls(speculating.store_url), stored_calls(waiting.store_url)
    console = Console(width=160)
    for line in (*slowest(spoken_turns(calls)), f"counts: {dict(counted(calls))}"):
        console.print(f"  {line}", style="dim", markup=False)
    return [
        *percentiles("gap.real", gaps, {50: "≤ 300 ms"}),
        *stage_figures("gap.real", spoken_turns(calls)),
        *percentiles("gap.real.unspeculated", plain_gaps),
        *stage_figures("gap.real.unspeculated", spoken_turns(plain_calls)),
        Figure("speculation.gap_ratio", float(np.median(gaps) / np.median(plain_gaps)), "", len(gaps), "≤ 0.4"),
        Figure("memory.real_mb", memory, "MB", 1),
    ]


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

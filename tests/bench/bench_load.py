"""load.demo16, load.real: many real SIP calls at once, measured at each caller's RTP.

The end-of-turn silence is fixed (`turn.judge: silence`) and taken off every gap. The callers share one clock (pump.py),
so that they take little of the cores; what they take stands beside the figures.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from ari_app.demo.conversation import Line
from tests.bench.box import Box, box
from tests.bench.callers import Heard, demo_conversations, many, shuffled
from tests.bench.figures import Figure
from tests.bench.load_agent import ENDPOINT_MS, LOAD_AGENT, OFFHOOK_QUIETLY, SETTINGS
from tests.bench.pump import Pump
from tests.bench.real_shapes.models import find_or_make, sections
from tests.bench.real_shapes.script import demo_script
from tests.bench.strain import Strain, orphans
from tests.bench.waterfalls import clauses, counted, slowest, spoken_turns, stored_calls

DEMO_CALLS, DEMO_S = 16, 300.0
REAL_CALLS, REAL_S = (1, 2, 3, 4, 6, 8), 70.0
FLOORS = {4: "≤ 1050 ms"}
"""A quarter below 1.40 s, which four calls waited without speculation."""
LATE_MS = 20.0
START_S = 180.0
"""Longest start of an agent of real shapes, on a machine that has other things to do."""


def demo() -> list[Figure]:
    """The demo models with 16 calls for five minutes."""
    scripts = [demo_conversations(number) for number in range(DEMO_CALLS)]
    name = f"load.demo{DEMO_CALLS}"
    with box(OFFHOOK_QUIETLY, **SETTINGS) as under_test:
        heard, figures = _loaded(under_test, name, scripts, DEMO_S)
    lateness = heard.lateness_ms
    return [
        Figure(f"{name}.gap_p50_ms", float(np.median(heard.gaps(ENDPOINT_MS))), "ms", len(heard.gaps())),
        Figure(f"{name}.gap_p95_ms", _p95(heard), "ms", len(heard.gaps()), "≤ 500 ms"),
        Figure(f"{name}.late_frames", sum(ms > LATE_MS for ms in lateness), "frames", len(lateness)),
        Figure(f"{name}.frame_lateness_p99_ms", float(np.percentile(lateness, 99)), "ms", len(lateness), "≤ 20 ms"),
        *figures,
    ]


def real() -> list[Figure]:
    """Real shapes with more and more calls, for each number of them an agent that has said nothing yet."""
    models, lines = sections(find_or_make()), list(demo_script().lines.values())
    figures = []
    for calls in REAL_CALLS:
        scripts = [[shuffled(lines, 10 * number + again) for again in range(3)] for number in range(calls)]
        name = f"load.real{calls}"
        with box(LOAD_AGENT, start_s=START_S, **models, **SETTINGS) as under_test:
            heard, costs = _loaded(under_test, name, scripts, REAL_S)
        median = float(np.median(heard.gaps(ENDPOINT_MS)))
        figures += [
            Figure(f"{name}.gap_p50_ms", median, "ms", len(heard.gaps()), FLOORS.get(calls, "")),
            Figure(f"{name}.gap_p95_ms", _p95(heard), "ms", len(heard.gaps())),
            *costs,
        ]
    return figures


def _p95(heard: Heard) -> float:
    return float(np.percentile(heard.gaps(ENDPOINT_MS), 95))


def _loaded(
    under_test: Box, name: str, scripts: Sequence[Sequence[Sequence[Line]]], seconds: float
) -> tuple[Heard, list[Figure]]:
    """Load the box; what the callers heard, and the figures that every load has."""
    heard, strain = Heard(), Strain(under_test)
    asyncio.run(_call(under_test, scripts, seconds, heard))
    costs = strain.figures(name)
    if not heard.turns:
        raise RuntimeError(f"{name}: nothing was said; calls failed: {heard.failed[:3]}")
    left = orphans(under_test.pbx)
    calls = stored_calls(under_test.store_url)
    turns, counts = spoken_turns(calls), counted(calls)
    console = Console(width=160)
    for line in (*slowest(turns, 4), f"counts: {dict(counts)}", *(f"unanswered: {t.words}" for t in heard.unanswered)):
        console.print(f"  {line}", style="dim", markup=False)
    for line in (*left, *heard.failed):
        console.print(f"  left behind or failed: {line}", style="dim", markup=False)
    return heard, [
        Figure(f"{name}.unanswered", len(heard.unanswered), "turns", len(heard.turns), "0"),
        Figure(f"{name}.cut_off", sum(turn.cut_off for turn in heard.turns), "turns", len(heard.turns)),
        Figure(f"{name}.failed_calls", len(heard.failed), "calls", heard.calls + len(heard.failed), "0"),
        Figure(f"{name}.late_clauses", counts["late_clauses"], "clauses", clauses(turns), "0"),
        Figure(f"{name}.orphans", len(left), "", heard.calls, "0"),
        *costs,
    ]


async def _call(under_test: Box, scripts: Sequence[Sequence[Sequence[Line]]], seconds: float, heard: Heard) -> None:
    async with Pump() as pump:
        await many(under_test.pbx.sip_port, pump, scripts, seconds, heard)

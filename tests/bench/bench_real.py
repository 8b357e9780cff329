"""gap.real, speculation: what a caller waits for engines of real size, with and without speculation.

Two agents with the same models, each on an Asterisk of its own, take the same calls in turn, so that what else the
machine does falls on both. The turn always ends after the same silence, which is taken off every gap. No line is said
twice to an agent, which would have its answer's first clause ready; a new round has new agents.
"""

import asyncio

import numpy as np
from rich.console import Console

from ari_app.demo.conversation import Line, converse
from ari_app.demo.phone import Phone
from ari_app.settings import TurnSettings
from ari_app.store.records import StoredCall
from tests.bench.box import Box, box
from tests.bench.figures import Figure, percentiles
from tests.bench.real_shapes.models import AGENT, find_or_make, sections
from tests.bench.real_shapes.script import demo_script
from tests.bench.waterfalls import counted, slowest, spoken_turns, stage_figures, stored_calls

CALLS = (
    ("booking-1", "booking-2", "booking-3", "booking-4", "booking-5", "booking-6", "booking-7"),
    ("billing-1", "directions-1", "directions-2", "directions-3", "directions-4"),
    ("person-1", "message-1", "message-2", "message-3", "message-4", "message-5"),
    ("saturday-1", "saturday-2", "saturday-3", "emergency-1"),
)
ROUNDS = 3
SILENCE = {"judge": "silence"}
NO_SPECULATION = {"speculate": 0, "partial_ms": 0}


class _Measured:
    """What one kind of agent showed."""

    def __init__(self) -> None:
        self.gaps_ms: list[float] = []
        """Less the silence that ends a turn."""
        self.calls: list[StoredCall] = []

    def figures(self, name: str, floors: dict[int, str]) -> list[Figure]:
        turns = spoken_turns(self.calls)
        return [*percentiles(name, self.gaps_ms, floors), *stage_figures(name, turns)]


def run() -> list[Figure]:
    """Every call once with each agent, ROUNDS times; the slowest turns are printed with their stages."""
    models = sections(find_or_make())
    speculating, waiting = _Measured(), _Measured()
    for _ in range(ROUNDS):
        with (
            box(AGENT, **models, turn=SILENCE) as first,
            box(AGENT, **models, turn=SILENCE | NO_SPECULATION) as second,
        ):
            both = ((first, speculating), (second, waiting))
            asyncio.run(_measure(both))
            for under_test, measured in both:
                measured.calls += stored_calls(under_test.store_url)
    console = Console(width=160)
    for line in (*slowest(spoken_turns(speculating.calls)), f"counts: {dict(counted(speculating.calls))}"):
        console.print(f"  {line}", style="dim", markup=False)
    ratio = float(np.median(speculating.gaps_ms) / np.median(waiting.gaps_ms))
    return [
        *speculating.figures("gap.real", {50: "≤ 300 ms"}),
        *waiting.figures("gap.real.unspeculated", {}),
        Figure("speculation.gap_ratio", ratio, "", len(speculating.gaps_ms), "≤ 0.4"),
    ]


async def _measure(boxes: tuple[tuple[Box, _Measured], ...]) -> None:
    script = demo_script()
    endpoint = TurnSettings().endpoint_ms
    for names in CALLS:
        lines = [script.lines[name] for name in names]
        for under_test, measured in boxes:
            measured.gaps_ms += [gap - endpoint for gap in await _call(under_test, lines)]


async def _call(under_test: Box, lines: list[Line]) -> list[float]:
    """One call; the gaps of its turns in ms."""

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

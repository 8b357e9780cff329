"""gap.demo, late_clauses.demo: from the caller's last word to the agent's first, less the end-of-turn silence.

Real SIP calls to the demonstration agent, measured at the caller's RTP. The end-of-turn silence is fixed here
(`turn.judge: silence`), so that what remains is our own; bench_response measures all of it with adaptive silences. The
lines are the bundled callers', said until enough clauses were answered.
"""

import asyncio

from rich.console import Console

from ari_app.demo.conversation import converse, wav_line
from ari_app.demo.phone import Phone
from ari_app.settings import DEMO_MODELS
from tests.bench.box import box
from tests.bench.figures import Figure, percentiles
from tests.bench.waterfalls import clauses, counted, slowest, spoken_turns, stage_figures, stored_calls

CALLS = (
    ("booking-1", "booking-2", "booking-3", "booking-4", "booking-5", "booking-6", "booking-7"),
    ("directions-1", "directions-2", "directions-3", "saturday-1", "saturday-2", "saturday-3", "saturday-4"),
    ("message-1", "message-2", "message-3", "message-4", "message-5"),
)
ROUNDS = 7
ENDPOINT_MS = 400


def run() -> list[Figure]:
    """Call after call; one figure a stage as well, so that a slow one can be named."""
    with box(turn={"judge": "silence", "endpoint_ms": ENDPOINT_MS}) as under_test:
        gaps = asyncio.run(_measure(under_test.pbx.sip_port))
        calls = stored_calls(under_test.store_url)
    turns, counts = spoken_turns(calls), counted(calls)
    console = Console(width=160)
    for line in slowest(turns):
        console.print(f"  {line}", style="dim", markup=False)
    console.print(f"  counts: {dict(counts)}", style="dim")
    return [
        *percentiles("gap.demo", [gap - ENDPOINT_MS for gap in gaps], {50: "≤ 40 ms", 95: "≤ 120 ms"}),
        *percentiles("gap.demo.with_endpoint", gaps),
        *stage_figures("gap.demo", turns),
        Figure("late_clauses.demo", counts["late_clauses"], "clauses", clauses(turns), "0 of 200"),
    ]


async def _measure(sip_port: int) -> list[float]:
    gaps = []

    async def nothing(_: object) -> None:
        return None

    async with Phone(sip_port) as phone:
        for names in CALLS * ROUNDS:
            lines = [wav_line(DEMO_MODELS / "callers" / f"{name}.wav") for name in names]
            call = await phone.call("agent-receptionist")
            spoken = await converse(call, lines, nothing)
            await call.hang_up()
            missed = [one.line.words for one in spoken if one.gap_s is None] + [
                line.words for line in lines[len(spoken) :]
            ]
            if missed:
                raise RuntimeError(f"the agent did not answer: {missed}")
            gaps += [one.gap_s * 1000 for one in spoken if one.gap_s is not None]
    return gaps

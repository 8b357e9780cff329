"""gap.demo: the caller's last word to the agent's first, at the caller's RTP, less the end-of-turn silence.

Real SIP calls to the demonstration agent; the lines are the bundled callers', said until enough turns are measured.
"""

import asyncio

from ari_app.demo.conversation import converse, wav_line
from ari_app.demo.phone import Phone
from ari_app.settings import DEMO_MODELS, TurnSettings
from ari_app.store.reader import read_call, read_calls
from tests.bench.box import Box, box
from tests.bench.figures import Figure, percentiles

CALLS = (
    ("booking-1", "booking-2", "booking-3", "booking-4", "booking-5", "booking-6"),
    ("directions-1", "directions-2", "directions-3", "saturday-1", "saturday-2", "saturday-3"),
)
ROUNDS = 3


def run() -> list[Figure]:
    """Call after call; one figure a stage as well, so that a slow one can be named."""
    with box() as under_test:
        gaps = asyncio.run(_measure(under_test))
        stages: dict[str, list[float]] = {}
        for call in read_calls(under_test.store_url, limit=100):
            for turn in read_call(under_test.store_url, call.start.id).turns:
                for stage, value in turn.stages_ms.items():
                    stages.setdefault(stage, []).append(value)
    endpoint = TurnSettings().endpoint_ms
    figures = percentiles("gap.demo", [gap - endpoint for gap in gaps], {50: "≤ 250 ms", 95: "≤ 250 ms"})
    figures += percentiles("gap.demo.with_endpoint", gaps)
    for stage, values in stages.items():
        figures.append(percentiles(f"gap.demo.stage.{stage}", values)[0])
    return figures


async def _measure(under_test: Box) -> list[float]:
    gaps = []

    async def nothing(_: object) -> None:
        return None

    async with Phone(under_test.pbx.sip_port) as phone:
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

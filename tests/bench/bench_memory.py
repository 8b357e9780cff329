"""memory: what the process holds with both sets of models, when it is ready and after calls that came together.

What was read into memory is told apart from files that are mapped (libraries): weights must not be held twice, once as
a mapped file and once as what was made of it.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ari_app.demo.agent_process import OFFHOOK_RUN
from ari_app.demo.conversation import Line, converse, wav_line
from ari_app.demo.phone import Phone
from ari_app.settings import DEMO_MODELS
from tests.bench.box import box
from tests.bench.figures import Figure
from tests.bench.real_shapes.models import AGENT, find_or_make, sections
from tests.bench.real_shapes.script import demo_script

CALLS = (
    ("booking-1", "booking-2", "booking-3"),
    ("billing-1", "person-1"),
    ("directions-1", "directions-2", "directions-3"),
    ("message-1", "message-2", "message-3"),
)
"""At once."""


def run() -> list[Figure]:
    """The demonstration's models, then those of real shapes."""
    demo = [[wav_line(DEMO_MODELS / "callers" / f"{name}.wav") for name in names] for names in CALLS]
    script = demo_script()
    real = [[script.lines[name] for name in names] for names in CALLS]
    return [
        *_figures("memory.demo", "", OFFHOOK_RUN, demo),
        *_figures("memory.real", "≤ 1200 MB", AGENT, real, **sections(find_or_make())),
    ]


def _figures(
    name: str, floor: str, program: Sequence[str], calls: Sequence[Sequence[Line]], **models: dict[str, str]
) -> list[Figure]:
    with box(program, **models) as under_test:
        loaded, _ = _held(under_test.agent.pid)
        asyncio.run(_talk(under_test.pbx.sip_port, calls))
        held, mapped = _held(under_test.agent.pid)
    return [
        Figure(f"{name}_mb", held, "MB", len(calls), floor),
        Figure(f"{name}.mapped_mb", mapped, "MB", 1),
        Figure(f"{name}.loaded_mb", loaded, "MB", 1),
    ]


def _held(pid: int) -> tuple[float, float]:
    """What is resident of a process, and how much of that are mapped files, in MB (10^6 bytes)."""
    lines = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    resident, mapped = (int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "RssFile"))
    return resident, mapped


async def _talk(sip_port: int, calls: Sequence[Sequence[Line]]) -> None:
    async def nothing(_: object) -> None:
        return None

    async def one(phone: Phone, lines: Sequence[Line]) -> None:
        call = await phone.call("agent-receptionist")
        await converse(call, lines, nothing)
        await call.hang_up()

    async with Phone(sip_port) as phone:
        await asyncio.gather(*(one(phone, lines) for lines in calls))

"""``offhook bench capacity``: loads the configured engines, finds the limit, shows every step, keeps the result."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ari_app.call.exchange import Parts
from ari_app.call.warm_up import prefill, prepare
from ari_app.capacity.measure import Desk, ForgetfulPrompts, Step, measure
from ari_app.capacity.measured import Measured, check_writable, conditions, save
from ari_app.capacity.ramp import find_limit
from ari_app.capacity.telephone import LEG_RATE, sounds
from ari_app.engines.base import SPEECH_RATE, Pcm16, Tts
from ari_app.engines.cores import available_cores
from ari_app.engines.loader import Engines, load_engines
from ari_app.errors import CapacityError
from ari_app.garbage import freeze
from ari_app.settings import Settings
from ari_app.store.records import ToolRecord, TurnRecord

UNUSED = ("asterisk", "media", "recording", "agi", "store")
"""Sections that the measurement does not look at: it needs no Asterisk, and calls nobody."""
LINES = (
    "Hello, what are your opening hours?",
    "I'd like to book an appointment for Tuesday.",
    "How much is a cleaning?",
    "Where are you located?",
    "Is there parking?",
    "Are you open on Saturday?",
    "What time do you close on Saturday?",
    "Do you take insurance?",
    "My name is Mary King.",
    "I have a question about my bill.",
)
"""What callers ask, in the configured voice; the demonstration's ears know these words too."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for."""

    max_calls: int | None
    seconds_per_step: float
    target_ms: int | None
    json: bool


class _NoBooks:
    """Simulated callers bring their own."""

    def turn(self, record: TurnRecord) -> None: ...

    def tool_call(self, record: ToolRecord) -> None: ...


def command(settings: Settings, wishes: Wishes) -> int:
    """Measure, print, keep; the exit status. Raises OffhookError, also when not even one call is answered in time."""
    configured, target = settings.capacity.target_gap_ms, wishes.target_ms or settings.capacity.target_gap_ms
    settings = replace(settings, capacity=replace(settings.capacity, target_gap_ms=target))
    console = Console(stderr=wishes.json, width=None if sys.stdout.isatty() else 120)
    if target == configured:
        check_writable(settings.capacity.file)
    shown = _Shown(console, target)
    with shown:
        measured = asyncio.run(_measure(settings, wishes, shown))
    if wishes.json:
        print(json.dumps(asdict(measured), indent=2))
    if not measured.calls:
        raise CapacityError(
            f"not even one call is answered within {target} ms", "take smaller models, or raise capacity.target_gap_ms"
        )
    console.print(f"{measured.calls} calls at once are answered within {target} ms")
    if target == configured:
        save(settings.capacity.file, measured)
        console.print(f"kept in {settings.capacity.file}", style="dim")
    if measured.calls == settings.llm.sequences:
        console.print("more may fit: llm.sequences allows no more", style="dim")
    return 0


async def _measure(settings: Settings, wishes: Wishes, shown: "_Shown") -> Measured:
    engines = await load_engines(settings, shown.say)
    try:
        desk = await open_desk(settings, engines, await synthesized(engines.tts), SPEECH_RATE)
        if not desk.sounds.lines:
            raise CapacityError(
                f"the voice {settings.tts.model} says nothing that a telephone carries", "choose another tts.model"
            )
        freeze()
        return await find(settings, desk, wishes, shown.begins, shown.ended)
    finally:
        await engines.close()


async def synthesized(tts: Tts) -> list[Pcm16]:
    """LINES in the configured voice, at SPEECH_RATE. Raises EngineError."""
    return [await tts.speak(line, SPEECH_RATE) for line in LINES]


async def open_desk(settings: Settings, engines: Engines, lines: Sequence[Pcm16], rate: int) -> Desk:
    """Have everything computed that is computed before the first call. Raises EngineError."""
    prompts = ForgetfulPrompts(engines.tts)
    await prepare(settings, prompts, LEG_RATE)
    await prefill(settings, engines.llm)
    parts = Parts(settings, engines.vad, engines.stt, engines.tts, prompts, _NoBooks(), engines.judge)
    return Desk(parts, engines.llm, next(iter(settings.agents.values())), sounds(lines, rate))


async def find(
    settings: Settings,
    desk: Desk,
    wishes: Wishes,
    begins: Callable[[int], None] = lambda calls: None,
    ended: Callable[[Step], None] = lambda step: None,
) -> Measured:
    """Find the limit; `begins` and `ended` are told of each step. `calls` of the result may be 0."""
    here, steps = conditions(settings, available_cores()), list[Step]()

    def told(step: Step) -> None:
        steps.append(step)
        ended(step)

    def step(calls: int) -> Awaitable[Step]:
        begins(calls)
        return measure(desk, calls, wishes.seconds_per_step)

    most = min(wishes.max_calls or settings.llm.sequences, settings.llm.sequences)
    calls = await find_limit(step, most, settings.capacity.target_gap_ms, told)
    return Measured(calls, datetime.now(UTC).isoformat(timespec="seconds"), here, [asdict(step) for step in steps])


class _Shown:
    """A growing table, and below it what goes on."""

    def __init__(self, console: Console, target_ms: float) -> None:
        self._target_ms = target_ms
        self._table = Table(
            "calls", "turns", "gap p50", "gap p95", "unanswered", "understood", "late clauses", "cores", "memory"
        )
        self._progress = Progress(TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
        self._task = self._progress.add_task("loading the engines")
        self._console = console
        self._live = Live(Group(self._table, self._progress), console=console)

    def __enter__(self) -> "_Shown":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.remove_task(self._task)
        self._live.stop()
        self._console.print()

    def say(self, line: str) -> None:
        """A line above."""
        self._console.print(line, style="dim")

    def begins(self, calls: int) -> None:
        """A step begins."""
        self._progress.reset(self._task, description=f"{calls} calls at once")

    def ended(self, step: Step) -> None:
        """A step is over."""
        cells = (
            f"{step.calls}",
            f"{step.turns}",
            _ms(step.p50_ms),
            _ms(step.p95_ms),
            f"{step.unanswered}",
            f"{step.understood:.0%}",
            f"{step.late_clauses}",
            f"{step.cores:.2f}",
            f"{step.memory_mb:.0f} MB",
        )
        self._table.add_row(*cells, style="" if step.holds(self._target_ms) else "red")


def _ms(value: float | None) -> str:
    return "—" if value is None else f"{value:.0f} ms"

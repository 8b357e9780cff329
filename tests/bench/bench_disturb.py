"""load.disturb: what callers notice of another who is a burden: a talker, a keypad flooder, one with a long history.

::

    neighbours   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇   lines and answers, all the time
    disturber         talker  flooder       talker  flooder   a phase each, then one without

A ratio is the neighbours' gap with the disturber over that without, p95 of each, in one run. The gap is what they wait,
with the silence that ends the turn; `…_ratio_less_endpoint` is without it. Talker and flooder come on top of the
neighbours, with the demo models. The long history is that of one of the callers, with the models of real shapes, whose
memory is large enough for it: without, the same caller has a short one.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from ari_app.demo.conversation import Line
from ari_app.demo.phone import CallFailed, Phone, PhoneCall
from tests.bench.box import Box, box
from tests.bench.callers import Heard, demo_conversations, keep_calling, many, shuffled
from tests.bench.figures import Figure
from tests.bench.load_agent import ENDPOINT_MS, LOAD_AGENT, OFFHOOK_QUIETLY, SETTINGS, long_call
from tests.bench.pump import Pump
from tests.bench.real_shapes.models import find_or_make, sections
from tests.bench.real_shapes.script import demo_script

DEMO_NEIGHBOURS, REAL_NEIGHBOURS = 6, 3
PHASE_S, ROUNDS = 30.0, 4
SETTLE_S = 3.0
"""At the beginning of a phase, in which nothing counts: the one before still shows."""
HISTORY_TOKENS = 20_000
CONTEXT_TOKENS = 32_768
HISTORY_START_S = 1200.0
"""The history is computed before the agent is ready, 20,000 tokens on two cores in some minutes."""
KEYS, KEY_MS = "1234567890*#", 100
"""Five or six a second. Keys of 40 ms, which no phone sends, keep a thread of Asterisk 22 spinning, agent or not."""
LOUD = 1000
"""Amplitude of 16-bit audio from which a line has begun."""

Burden = Callable[[float], Awaitable[None]]
"""Disturbs until a moment of the monotonic clock."""


@dataclass(frozen=True)
class Phase:
    """A time in which there was one kind of disturber, or none."""

    kind: str
    """Empty for none."""
    begin: float
    end: float


def run() -> list[Figure]:
    """Talker and flooder with the demo models, then the history with those of real shapes."""
    return [*_demo(), *_real()]


def _demo() -> list[Figure]:
    scripts = [demo_conversations(number) for number in range(DEMO_NEIGHBOURS)]
    with box(OFFHOOK_QUIETLY, **SETTINGS) as under_test:
        port = under_test.pbx.sip_port

        def burdens(pump: Pump) -> dict[str, Burden]:
            return {
                "": _nothing,
                "talker": lambda until: _burden(port, pump, until, _talk),
                "dtmf": lambda until: _burden(port, pump, until, _flood),
            }

        return _figures(*asyncio.run(_measure(under_test, scripts, burdens)))


def _real() -> list[Figure]:
    models, lines = sections(find_or_make()), list(demo_script().lines.values())
    models["llm"] = models["llm"] | {"context_tokens": CONTEXT_TOKENS, "conversation_tokens": CONTEXT_TOKENS}
    agents = {"historian": {"prompt": long_call(HISTORY_TOKENS)}}
    scripts = [[shuffled(lines, 100 * number + again) for again in range(9)] for number in range(REAL_NEIGHBOURS + 1)]
    own = itertools.cycle(scripts.pop())
    with box(LOAD_AGENT, start_s=HISTORY_START_S, agents=agents, **models, **SETTINGS) as under_test:
        port = under_test.pbx.sip_port

        def burdens(pump: Pump) -> dict[str, Burden]:
            def caller(agent: str) -> Burden:
                return lambda until: keep_calling(port, pump, [next(own)], until, Heard(), agent=agent)

            return {"": caller("receptionist"), "history": caller("historian")}

        return _figures(*asyncio.run(_measure(under_test, scripts, burdens)))


async def _measure(
    under_test: Box, scripts: Sequence[Sequence[Sequence[Line]]], burdens: Callable[[Pump], dict[str, Burden]]
) -> tuple[Heard, list[Phase]]:
    """Have the neighbours call, and disturb them in each way, ROUNDS times."""
    heard, phases = Heard(), []
    async with Pump() as pump:
        kinds = burdens(pump)
        calling = asyncio.create_task(many(under_test.pbx.sip_port, pump, scripts, float("inf"), heard))
        for kind, burden in [*kinds.items()] * ROUNDS:
            begin = time.monotonic()
            await burden(begin + PHASE_S)
            phases.append(Phase(kind, begin + SETTLE_S, time.monotonic()))
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    return heard, phases


def _figures(heard: Heard, phases: Iterable[Phase]) -> list[Figure]:
    gaps: dict[str, list[float]] = {}
    for phase in phases:
        gaps.setdefault(phase.kind, []).extend(
            turn.gap_ms
            for turn in heard.turns
            if turn.gap_ms is not None and not turn.cut_off and phase.begin <= turn.at < phase.end
        )
    console = Console(width=160)
    for kind, values in gaps.items():
        p50, p95 = np.percentile(values, (50, 95))
        text = f"{kind or 'undisturbed'}: {len(values)} turns, p50 {p50:.0f} ms, p95 {p95:.0f} ms"
        console.print(f"  {text}", style="dim", markup=False)
    for turn in heard.unanswered:
        console.print(f"  unanswered: {turn.words}", style="dim", markup=False)
    figures, without = [], float(np.percentile(gaps.pop(""), 95))
    for kind, values in gaps.items():
        p95, n = float(np.percentile(values, 95)), len(values)
        less = (p95 - ENDPOINT_MS) / (without - ENDPOINT_MS)
        figures += [
            Figure(f"load.disturb.{kind}_ratio", p95 / without, "", n, "< 1.2"),
            Figure(f"load.disturb.{kind}_ratio_less_endpoint", less, "", n),
        ]
    return figures


async def _nothing(until: float) -> None:
    await asyncio.sleep(until - time.monotonic())


async def _burden(port: int, pump: Pump, until: float, act: Callable[[PhoneCall], Awaitable[None]]) -> None:
    """A call that does one thing, again when the agent has ended it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(until - time.monotonic()):
            while True:
                async with Phone(port, drive=pump) as phone:
                    with suppress(CallFailed):
                        await act(await phone.call("agent-receptionist"))


async def _talk(call: PhoneCall) -> None:
    """Speech without a pause between its sentences."""
    lines = [line.pcm for conversation in demo_conversations(0) for line in conversation]
    spoken = [pcm[(loud := np.flatnonzero(np.abs(pcm) > LOUD))[0] : loud[-1]] for pcm in lines]
    while True:
        await call.say(np.concatenate(spoken))


async def _flood(call: PhoneCall) -> None:
    """Key after key, and an entry's end every second or two."""
    while True:
        await call.press(KEYS, duration_ms=KEY_MS)

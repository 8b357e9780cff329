"""response.demo: from the caller's last speech to the agent's first audio, all of it, with adaptive endpoints.

::

    phone sends    ▇▇▇▇▇▇▇▇▇▇▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
                            ^ last loud frame of the line
    phone hears    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▇▇▇
                                   ^ first loud frame; one before the line is over cut the caller off

The defaults, the demo models, one call at a time. Callers are the bundled ones and scripts of ours in several
synthesized voices.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from ari_app.demo.conversation import AGENT_PAUSE_S, ANSWER_S, Line, wav_line
from ari_app.demo.phone import CallFailed, Phone, PhoneCall
from ari_app.settings import DEMO_MODELS
from tests.bench.box import box
from tests.bench.figures import Figure, percentiles
from tests.bench.voices import at_level, debian_voice, demo_voice
from tests.bench.waterfalls import counted, slowest, spoken_turns, stage_figures, stored_calls

BUNDLED = (
    *(("booking", 7), ("billing", 1), ("directions", 4), ("person", 1), ("saturday", 4), ("message", 5)),
    ("emergency", 1),
)
"""Callers, and of how many lines each is."""
SCRIPTS = (
    ("what time do you close on saturday", "how do i get there", "can i pay by card", "thank you goodbye"),
    (
        *("i would like to make an appointment on monday", "my name is john smith", "my number is five five one two"),
        *("yes that's right", "no thank you that's all"),
    ),
    ("are you open on friday", "do you take insurance", "is there parking", "what can you do", "that's all"),
    (
        *("how much is a checkup", "do you do a blood test", "i want to book a cleaning", "this is anna"),
        *("it's seven three four nine", "that is correct", "goodbye"),
    ),
    (
        "good morning are you a robot",
        "what are your opening hours",
        "where are you located",
        "can i speak to the doctor",
    ),
    ("i need to cancel my appointment on tuesday", "never mind", "thank you goodbye"),
    ("can i leave a message", "my name is helen baker", "my number is eight four two one six", "yes", "goodbye"),
)
VOICES = ("slt", "rms")
"""And the demo voice; all were among those that the demo's ears learned from."""
PEAK_DBFS = -6.0


@dataclass(frozen=True)
class Turn:
    """One line of a caller and what came of it."""

    words: str
    gap_ms: float | None
    """None without an answer."""
    cut_off: bool


def run() -> list[Figure]:
    """Every caller once; the slowest turns are printed with their stages."""
    callers = [[wav_line(DEMO_MODELS / f"callers/{name}-{n + 1}.wav") for n in range(count)] for name, count in BUNDLED]
    callers += [lines for script in SCRIPTS for lines in _synthesized(script)]
    with box() as under_test:
        turns = asyncio.run(_measure(under_test.pbx.sip_port, callers))
        calls = stored_calls(under_test.store_url)
    stored = spoken_turns(calls)
    console = Console(width=160)
    for turn in sorted(turns, key=lambda turn: turn.gap_ms or np.inf, reverse=True)[:12]:
        console.print(f"  {turn.gap_ms or np.inf:.0f} ms: {turn.words}", style="dim", markup=False)
    for turn in turns:
        if turn.cut_off:
            console.print(f"  cut off: {turn.words}", style="dim", markup=False)
    for line in slowest(stored):
        console.print(f"  {line}", style="dim", markup=False)
    console.print(f"  counts: {dict(counted(calls))}", style="dim")
    gaps = [turn.gap_ms for turn in turns if turn.gap_ms is not None and not turn.cut_off]
    n = len(turns)
    return [
        *percentiles("response.demo", gaps, {50: "≤ 350 ms", 90: "≤ 500 ms"}, (50, 90, 95)),
        Figure("response.demo.cut_off_percent", sum(turn.cut_off for turn in turns) / n * 100, "%", n, "≤ 2 %"),
        Figure("response.demo.unanswered", sum(turn.gap_ms is None for turn in turns), "turns", n),
        *percentiles("response.demo.asked_for", [turn.endpoint_ms for turn in stored if turn.endpoint_ms is not None]),
        *stage_figures("response.demo", stored),
    ]


def _synthesized(script: Sequence[str]) -> list[list[Line]]:
    """The script in each voice."""
    spoken = [demo_voice(script), *([debian_voice(voice, words) for words in script] for voice in VOICES)]
    return [
        [Line(words, at_level(pcm, PEAK_DBFS)) for words, pcm in zip(script, lines, strict=True)] for lines in spoken
    ]


async def _measure(sip_port: int, callers: Sequence[Sequence[Line]]) -> list[Turn]:
    turns = []
    async with Phone(sip_port) as phone:
        for lines in callers:
            call = await phone.call("agent-receptionist")
            await call.wait_for_speech(call.dialled_at, ANSWER_S)
            await call.wait_for_quiet(AGENT_PAUSE_S)
            for line in lines:
                if call.ended.is_set():
                    break
                turns.append(await _turn(call, line))
            await call.hang_up()
    return turns


async def _turn(call: PhoneCall, line: Line) -> Turn:
    """Say a line and hear the answer to its end."""
    try:
        said = await call.say(line.pcm)
        await call.wait_for_speech(said.last_loud_at, ANSWER_S)
    except (CallFailed, TimeoutError):
        return Turn(line.words, None, cut_off=False)
    gap = call.gap(said)
    first = call.hearing.first_loud(said.first_loud_at)
    with suppress(TimeoutError):
        await call.wait_for_quiet(AGENT_PAUSE_S)
    return Turn(line.words, gap and gap * 1000, cut_off=first is not None and first < said.last_loud_at)

"""Callers who keep the line busy: call after call, line after line, and what they heard.

::

    agent   ▇▇▇ greeting ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▁▁▁▁▁▁▁▁▁▁▁▁
    caller  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇ line ▇▇▇▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇ line
                                          ├─┤ gap    ├──────┤ AGENT_PAUSE_S
"""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from ari_app.demo.conversation import AGENT_PAUSE_S, ANSWER_S, Line, wav_line
from ari_app.demo.phone import CallFailed, Phone, PhoneCall
from ari_app.demo.phone.rtp import FRAME_S
from ari_app.settings import DEMO_MODELS
from tests.bench.pump import Pump

CONVERSATIONS = (
    ("booking-1", "booking-2", "booking-3", "booking-4", "booking-5", "booking-6", "booking-7"),
    ("directions-1", "directions-2", "directions-3", "directions-4"),
    ("saturday-1", "saturday-2", "saturday-3", "saturday-4"),
    ("message-1", "message-2", "message-3", "message-4", "message-5"),
)
"""Of the bundled callers, those in which the agent stays on the line."""
STAGGER_S = 0.7
"""Between the first calls of two callers: nobody's phone rings 16 times at once."""
BETWEEN_CALLS_S = 0.5


@dataclass(frozen=True)
class Turn:
    """A line that was said, and what came of it."""

    words: str
    at: float
    """Monotonic seconds of the line's last sound."""
    gap_ms: float | None
    """From there to the agent's first sound; None without an answer."""
    cut_off: bool
    """The agent began before the line was over."""


@dataclass
class Heard:
    """What callers heard."""

    turns: list[Turn] = field(default_factory=list)
    calls: int = 0
    failed: list[str] = field(default_factory=list)
    """Why calls did not come about."""
    lateness_ms: list[float] = field(default_factory=list)
    """Of each frame that came: how much more than 20 ms after the one before; 0 for one that was not late."""

    def gaps(self, less_ms: float = 0.0) -> list[float]:
        """Of the turns that were answered after their end."""
        return [turn.gap_ms - less_ms for turn in self.turns if turn.gap_ms is not None and not turn.cut_off]

    @property
    def unanswered(self) -> list[Turn]:
        """The others."""
        return [turn for turn in self.turns if turn.gap_ms is None]


def demo_conversations(first: int) -> list[list[Line]]:
    """CONVERSATIONS as audio, beginning with the one of that number: each caller begins with another."""
    turned = (CONVERSATIONS[(first + n) % len(CONVERSATIONS)] for n in range(len(CONVERSATIONS)))
    return [[wav_line(DEMO_MODELS / "callers" / f"{name}.wav") for name in names] for names in turned]


async def keep_calling(
    sip_port: int,
    pump: Pump,
    conversations: Sequence[Sequence[Line]],
    until: float,
    heard: Heard,
    *,
    agent: str = "receptionist",
) -> None:
    """Have the conversations, again and again, until a moment of the monotonic clock; the last turn is finished."""
    for lines in itertools.cycle(conversations):
        if time.monotonic() >= until:
            return
        async with Phone(sip_port, drive=pump) as phone:
            try:
                call = await phone.call(f"agent-{agent}")
                heard.calls += 1
                await _converse(call, lines, until, heard)
                await call.hang_up()
                _take_frames(call, heard)
            except (CallFailed, TimeoutError) as error:
                heard.failed.append(str(error) or "nobody answered")
        await asyncio.sleep(BETWEEN_CALLS_S)


async def many(
    sip_port: int, pump: Pump, scripts: Sequence[Sequence[Sequence[Line]]], seconds: float, heard: Heard
) -> None:
    """One caller for each of `scripts`, staggered, all for as long."""
    until = time.monotonic() + seconds

    async def one(number: int) -> None:
        await asyncio.sleep(number * STAGGER_S)
        await keep_calling(sip_port, pump, scripts[number], until, heard)

    await asyncio.gather(*(one(number) for number in range(len(scripts))))


def shuffled(lines: Sequence[Line], seed: int) -> list[Line]:
    """The lines in another order for each seed, so that no two calls have the same history."""
    order = list(lines)
    random.Random(seed).shuffle(order)
    return order


async def _converse(call: PhoneCall, lines: Sequence[Line], until: float, heard: Heard) -> None:
    await call.wait_for_speech(call.dialled_at, ANSWER_S)
    await agent_finished(call)
    for line in lines:
        if call.ended.is_set() or time.monotonic() >= until:
            return
        said = await call.say(line.pcm)
        gap = None
        with suppress(CallFailed, TimeoutError):
            await call.wait_for_speech(said.last_loud_at, ANSWER_S)
            gap = call.gap(said)
        first = call.hearing.first_loud(said.first_loud_at)
        cut_off = first is not None and first < said.last_loud_at
        heard.turns.append(Turn(line.words, said.last_loud_at, gap and gap * 1000, cut_off))
        await agent_finished(call)


async def agent_finished(call: PhoneCall) -> None:
    """Wait until the agent has said what it had to say."""
    with suppress(TimeoutError):
        await call.wait_for_quiet(AGENT_PAUSE_S)


def _take_frames(call: PhoneCall, heard: Heard) -> None:
    arrivals = [frame.at for frame in call.hearing.frames]
    heard.lateness_ms += np.maximum(0.0, (np.diff(arrivals) - FRAME_S) * 1000).tolist()

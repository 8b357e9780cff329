"""Callers as they come in five hundred calls: who talk, interrupt, are put through, are refused, and hang up whenever.

What each one does is drawn from a seeded generator, so that a run can be had again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from ari_app.demo.conversation import ANSWER_S, wav_line
from ari_app.demo.phone import CallFailed, Phone, PhoneCall
from ari_app.demo.phone.drive import Drive
from ari_app.settings import DEMO_MODELS
from tests.bench.callers import agent_finished
from tests.bench.voices import Pcm

TALKER = {"talker": {"greeting": "We are open Monday to Friday from eight to six, and Saturday from nine to one. " * 3}}
"""An agent who talks long enough to be interrupted."""
SHORT_S = 20.0
"""Longest that a caller stays who hangs up without waiting for anything."""
LINES = {file.stem: wav_line(file).pcm for file in sorted((DEMO_MODELS / "callers").glob("*.wav"))}
QUESTIONS = ("booking-1", "booking-6", "directions-1", "directions-2", "saturday-1", "saturday-2", "saturday-3")
"""Lines that can be said at any time, and after which the agent stays."""


@dataclass(frozen=True)
class Visit:
    """One call as its caller saw it."""

    kind: str
    sip_id: str
    answered: bool
    trouble: str = ""
    """What should not have happened."""


async def visit(sip_port: int, drive: Drive, seed: int) -> Visit:
    """One call from its first ring to its end."""
    random_ = random.Random(seed)
    kind, act = random_.choices(*zip(*((one, weight) for one, weight in KINDS), strict=True))[0]
    agent = AGENTS.get(kind, "receptionist")
    async with Phone(sip_port, drive=drive) as phone:
        call = phone.dial(f"agent-{agent}")
        trouble = ""
        try:
            await act(call, random_)
        except TimeoutError:
            trouble = "waited in vain"
        except CallFailed as error:
            trouble = str(error)
        with suppress(CallFailed):
            await call.hang_up()
        return Visit(kind, call.id, call.answered_at is not None, trouble)


async def _greeted(call: PhoneCall) -> None:
    await call.answered()
    await call.wait_for_speech(call.dialled_at, ANSWER_S)
    await agent_finished(call)


async def _ask(call: PhoneCall, pcm: Pcm) -> None:
    said = await call.say(pcm)
    await call.wait_for_speech(said.last_loud_at, ANSWER_S)


async def _rings_off(call: PhoneCall, random_: random.Random) -> None:
    """Has thought better of it, before the answer or soon after."""
    await asyncio.sleep(random_.uniform(0.0, 1.0))


async def _hangs_up_whenever(call: PhoneCall, random_: random.Random) -> None:
    """Asks one question after the other, and hangs up in the middle of whatever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(random_.uniform(1.0, SHORT_S)):
            await _greeted(call)
            while True:
                await _ask(call, LINES[random_.choice(QUESTIONS)])
                await agent_finished(call)


async def _asks(call: PhoneCall, random_: random.Random) -> None:
    """Asks once and hears the answer."""
    await _greeted(call)
    await _ask(call, LINES[random_.choice(QUESTIONS)])
    await agent_finished(call)


async def _interrupts(call: PhoneCall, random_: random.Random) -> None:
    """Does not wait until the agent has finished."""
    await call.answered()
    await call.wait_for_speech(call.dialled_at, ANSWER_S)
    await asyncio.sleep(random_.uniform(0.2, 4.0))
    await _ask(call, LINES[random_.choice(QUESTIONS)])
    await agent_finished(call)


async def _is_put_through(call: PhoneCall, random_: random.Random) -> None:
    """Wants somebody else, and hears who answers there."""
    await _greeted(call)
    await _ask(call, LINES["billing-1"])
    await call.wait_for_quiet(0.15)
    await call.wait_for_speech(None, ANSWER_S)


async def _is_refused(call: PhoneCall, random_: random.Random) -> None:
    """Asks for an agent that there is not, and hears the fallback."""
    await call.answered()
    await call.wait_for_speech(call.dialled_at, ANSWER_S)


async def _says_goodbye(call: PhoneCall, random_: random.Random) -> None:
    """Lets the agent end the call."""
    await _greeted(call)
    await _ask(call, LINES["booking-7"])
    await asyncio.wait_for(call.ended.wait(), ANSWER_S)


async def _types(call: PhoneCall, random_: random.Random) -> None:
    """Presses keys and hears what the agent makes of them."""
    await _greeted(call)
    await call.press(f"{random_.randrange(10_000):04}#", random_.choice(("rfc4733", "info")))
    await call.wait_for_speech(None, ANSWER_S)


Act = Callable[[PhoneCall, random.Random], Awaitable[None]]
KINDS: list[tuple[tuple[str, Act], int]] = [
    (("rings off", _rings_off), 15),
    (("hangs up whenever", _hangs_up_whenever), 25),
    (("asks", _asks), 15),
    (("interrupts", _interrupts), 15),
    (("is put through", _is_put_through), 10),
    (("is refused", _is_refused), 8),
    (("says goodbye", _says_goodbye), 6),
    (("types", _types), 6),
]
"""Who calls, and how many of a hundred."""
AGENTS = {"interrupts": "talker", "is refused": "nobody"}

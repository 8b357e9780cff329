"""soak: five hundred calls of all kinds, several at once; what is left behind, and whether the memory stays flat.

Callers come in rounds of 50, AT_ONCE of them at a time, so that between the rounds nobody is on the line: only then can
one resident set be compared with another.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.store.reader import read_calls
from tests.bench.box import Box, box, resident_mb
from tests.bench.figures import Figure
from tests.bench.load_agent import OFFHOOK_QUIETLY
from tests.bench.pump import Pump
from tests.bench.soak_callers import TALKER, Visit, visit
from tests.bench.strain import Strain, open_files, orphans

ROUNDS, CALLS_A_ROUND, AT_ONCE = 10, 50, 10
FLAT_AFTER_ROUNDS = 2
"""From here on memory shall stay what it is: every kind of call has been there, caches and allocators are filled."""
RINGS_S = 1.0
"""Longest wait of a caller before the next one dials, so that not all do the same at once."""
SETTLED_S = 15.0
"""How long the last call of a round may take to be written down."""


def run() -> list[Figure]:
    """All rounds; after each, memory and open files are printed."""
    console, visits, resident = Console(width=160), [], []
    with box(OFFHOOK_QUIETLY, agents=TALKER, capacity={"calls": 16}) as under_test:
        pid, strain = under_test.agent.pid, Strain(under_test)
        for number in range(ROUNDS):
            visits += asyncio.run(_round(under_test.pbx.sip_port, number))
            left = orphans(under_test.pbx)
            _wait_for_ends(under_test)
            resident.append(resident_mb(pid))
            text = f"{len(visits)} calls: {resident[-1]:.1f} MB, {open_files(pid)} open files, {len(left)} orphans"
            console.print(f"  {text}", style="dim", markup=False)
        costs = strain.figures("soak")
        missing = _missing(under_test, visits)
        before = under_test.agent.log_file.read_text().count("the caller was gone before the call began")
    kinds = Counter(one.kind for one in visits)
    troubles = [f"{one.kind}: {one.trouble}" for one in visits if one.trouble]
    for line in (*left, *missing, *troubles, str(dict(kinds))):
        console.print(f"  {line}", style="dim", markup=False)
    growth = (resident[-1] / resident[min(FLAT_AFTER_ROUNDS, ROUNDS) - 1] - 1) * 100
    n = len(visits)
    return [
        Figure("soak.calls", n, "calls", n, "500"),
        Figure("soak.orphans", len(left), "", n, "0"),
        Figure("soak.rss_growth_percent", growth, "%", n, "± 2 %"),
        Figure("soak.missing_in_store", len(missing), "calls", n, "0"),
        Figure("soak.gone_before_answer", before, "calls", n),
        Figure("soak.troubles", len(troubles), "calls", n, "0"),
        *costs,
    ]


async def _round(sip_port: int, number: int) -> list[Visit]:
    async with Pump() as pump:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(seed: int) -> Visit:
            async with room:
                await asyncio.sleep(random.Random(seed).uniform(0.0, RINGS_S))
                return await visit(sip_port, pump, seed)

        first = number * CALLS_A_ROUND
        return await asyncio.gather(*(one(seed) for seed in range(first, first + CALLS_A_ROUND)))


def _wait_for_ends(under_test: Box) -> None:
    """Until every call in the store has an end, or it is time to say which have none."""
    deadline = time.monotonic() + SETTLED_S
    while any(call.end is None for call in _stored(under_test)) and time.monotonic() < deadline:
        time.sleep(0.2)


def _missing(under_test: Box, visits: Sequence[Visit]) -> list[str]:
    """Calls that reached the agent, by what the dialplan or the caller knows, and are not in the store with an end.

    The agent gives its call's id to the dialplan before it answers.
    """
    ended = {call.start.id for call in _stored(under_test) if call.end is not None}
    known = _call_ids(under_test.pbx)
    unknown = [f"{one.kind}: answered, without a call id" for one in visits if one.answered and one.sip_id not in known]
    return unknown + [
        f"{known[one.sip_id]}: {one.kind}" for one in visits if known.get(one.sip_id, "") not in ended | {""}
    ]


def _call_ids(pbx: PrivateAsterisk) -> dict[str, str]:
    """Offhook's id of each call that is over, by SIP's."""
    lines = [line.strip().partition("=") for line in pbx.command("dialplan show globals").splitlines()]
    return {name.partition("/")[0]: value for name, _, value in lines if name.endswith("/OFFHOOK_CALL_ID") and value}


def _stored(under_test: Box):
    return read_calls(under_test.store_url, ROUNDS * CALLS_A_ROUND)

"""What the store knows about the calls of a benchmark: the turns with their stages, and how often things happened."""

import time
from collections import Counter
from collections.abc import Sequence

from ari_app.core.chunker import ClauseChunker
from ari_app.store.reader import read_call, read_calls
from ari_app.store.records import StoredCall, TurnRecord
from tests.bench.figures import Figure, percentiles

_MOST_CALLS = 1000
_PATIENCE_S = 10.0


def stored_calls(store_url: str) -> list[StoredCall]:
    """All calls with their turns; waits a moment for the end of the last one."""
    deadline = time.monotonic() + _PATIENCE_S
    calls = read_calls(store_url, _MOST_CALLS)
    while any(call.end is None for call in calls):
        if time.monotonic() > deadline:
            raise RuntimeError("a call did not end")
        time.sleep(0.1)
        calls = read_calls(store_url, _MOST_CALLS)
    return [read_call(store_url, call.start.id) for call in calls]


def spoken_turns(calls: Sequence[StoredCall]) -> list[TurnRecord]:
    """The turns in which the agent answered speech."""
    turns = [turn for call in calls for turn in call.turns]
    return [turn for turn in turns if turn.trigger == "speech" and "first_frame_sent" in turn.stages_ms]


def counted(calls: Sequence[StoredCall]) -> Counter[str]:
    """The calls' counts, summed."""
    return sum((Counter(call.end.counts) for call in calls if call.end), Counter())


def clauses(turns: Sequence[TurnRecord]) -> int:
    """Of how many clauses the answers were."""
    total = 0
    for turn in turns:
        chunker = ClauseChunker()
        total += len(chunker.feed(turn.agent_said)) + len(chunker.end())
    return total


def stage_figures(name: str, turns: Sequence[TurnRecord]) -> list[Figure]:
    """The p50 of each stage since the caller's last speech."""
    stages: dict[str, list[float]] = {}
    for turn in turns:
        for stage, at_ms in turn.stages_ms.items():
            stages.setdefault(stage, []).append(at_ms)
    return [percentiles(f"{name}.stage.{stage}", values)[0] for stage, values in stages.items()]


def slowest(turns: Sequence[TurnRecord], number: int = 8) -> list[str]:
    """The turns that took longest beyond their endpoint, a line each with all stages."""

    def beyond(turn: TurnRecord) -> float:
        return turn.stages_ms["first_frame_sent"] - turn.stages_ms.get("endpoint", 0.0)

    return [
        f"{beyond(turn):.0f} ms beyond: {turn.caller_text!r} "
        + ", ".join(f"{stage} {ms:.0f}" for stage, ms in sorted(turn.stages_ms.items(), key=lambda item: item[1]))
        + (f" (asked for {turn.endpoint_ms:.0f})" if turn.endpoint_ms is not None else "")
        for turn in sorted(turns, key=beyond, reverse=True)[:number]
    ]

"""What `offhook replay` prints, for people or as JSON.

The JSON's names are a contract: names may be added, none is changed or taken away.
"""

import statistics
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ari_app.replay.run import Replayed
from ari_app.replay.timeline import Moment
from ari_app.report import plain, render_turn, tool_data, turn_data

_STYLES = {"failed": "red", "turn_ends": "bold", "hold": "yellow", "stop": "yellow", "draft_dropped": "yellow"}


def render(source: str, replayed: Replayed, changed: Mapping[str, tuple[Any, Any]]) -> RenderableType:
    """The call as it went, and what it comes to."""
    parts: list[RenderableType] = []
    for entry in replayed.entries:
        if isinstance(entry, Moment):
            parts.append(plain(f"{entry.at_s:7.2f} s  {entry.text}", _STYLES.get(entry.what, "")))
        else:
            tools = [tool for tool in replayed.tools if tool.turn == entry.record.number]
            parts += ["", *render_turn(entry.record, tools), ""]
    return Group(*parts, _summary(source, replayed, changed))


def _summary(source: str, replayed: Replayed, changed: Mapping[str, tuple[Any, Any]]) -> Table:
    table = Table.grid("", "", padding=(0, 2))
    outcome = replayed.outcome
    rows = [
        ("replayed", f"{source}, {replayed.recorded_s:.1f} s, answered by {replayed.agent}"),
        ("took", f"{replayed.took_s:.1f} s for a call of {replayed.call_s:.1f} s"),
        ("ended", ", ".join(part for part in (outcome.status, outcome.reason, outcome.transfer_to) if part)),
        ("turns", str(len(replayed.turns))),
        ("response", _responses(replayed.responses_ms)),
        ("counted", ", ".join(f"{name} {count}" for name, count in replayed.counts.items() if count)),
        *(("changed", f"{key}: {old} → {new}") for key, (old, new) in changed.items()),
    ]
    for name, value in rows:
        if value:
            table.add_row(Text(name, "dim"), plain(value))
    return table


def _responses(responses_ms: list[float]) -> str:
    """Of the caller's last speech to the agent's first audio."""
    if not responses_ms:
        return "no turn was answered"
    each = " ".join(f"{ms:.0f}" for ms in responses_ms)
    return f"median {statistics.median(responses_ms):.0f} ms, longest {max(responses_ms):.0f} ms; each: {each}"


def data(source: str, replayed: Replayed, changed: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """The same for programs."""
    outcome = replayed.outcome
    return {
        "source": source,
        "agent": replayed.agent,
        "recorded_s": replayed.recorded_s,
        "call_s": replayed.call_s,
        "took_s": replayed.took_s,
        "status": outcome.status,
        "reason": outcome.reason,
        "transfer_to": outcome.transfer_to,
        "timeline": [
            {"at_s": entry.at_s, "what": entry.what, "text": entry.text, **entry.details}
            for entry in replayed.entries
            if isinstance(entry, Moment)
        ],
        "turns": [turn_data(turn.record) for turn in replayed.turns],
        "tool_calls": [tool_data(tool) for tool in replayed.tools],
        "responses_ms": replayed.responses_ms,
        "counts": dict(replayed.counts),
        "changed": {key: {"from": _json(old), "to": _json(new)} for key, (old, new) in changed.items()},
    }


def _json(value: Any) -> Any:
    """A setting's value; paths and sections as their text."""
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)

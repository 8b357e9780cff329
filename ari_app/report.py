"""What `offhook calls` prints: a list of calls, or one call with its transcript and timings; for people or as JSON.

The JSON's names are a contract: names may be added, none is changed or taken away.
"""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ari_app.store.reader import read_call, read_calls
from ari_app.store.records import StoredCall, ToolRecord, TurnRecord

_LISTED_CALLS = 50
_PIPED_COLUMNS = 160
"""Width when the output is no terminal: tables stay whole."""
_BAR_COLUMNS = 40


def calls_command(url: str, call_id: str | None, as_json: bool) -> int:
    """Print the latest calls, or the one that `call_id` names; the exit status. Raises StoreError."""
    if call_id is None:
        calls = read_calls(url, _LISTED_CALLS)
        data: Any = {"calls": [_summary(call) for call in calls]}
        shown = render_calls(calls)
    else:
        call = read_call(url, call_id)
        data, shown = _details(call), render_call(call)
    if as_json:
        print(json.dumps(data, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else _PIPED_COLUMNS).print(shown)
    return 0


def render_calls(calls: Sequence[StoredCall]) -> RenderableType:
    """A table with a row for each call."""
    if not calls:
        return Text("no calls yet")
    table = Table("id", "when", "agent", "caller", "duration", "status", "reason", "turns", box=None, pad_edge=False)
    for call in calls:
        start, end = call.start, call.end
        table.add_row(
            plain(start.id),
            f"{start.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
            plain(start.agent),
            plain(_caller(call)),
            _duration(start.started_at, end.ended_at) if end else "",
            plain(end.status if end else "–"),
            plain(end.reason if end else ""),
            str(call.turn_count),
        )
    return table


def render_call(call: StoredCall) -> RenderableType:
    """One call: its facts, the transcript with timings, and what the dialplan got."""
    start, end = call.start, call.end
    facts = Table.grid("", "", padding=(0, 2))
    rows = [
        ("call", start.id),
        ("agent", start.agent),
        ("caller", f"{_caller(call)} on {start.channel}"),
        ("began", f"{start.started_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"),
        ("lasted", _duration(start.started_at, end.ended_at) if end else "not ended, or the service died in it"),
        ("ended", f"{end.status}, {end.reason}" if end else ""),
        ("audio", f"{start.transport}, listening {start.listen}"),
        ("recording", end.recording or "none" if end else ""),
    ]
    for name, value in rows:
        facts.add_row(plain(name, "dim"), plain(value))
    parts: list[RenderableType] = [facts]
    for turn in call.turns:
        tools = [tool for tool in call.tools if tool.turn == turn.number]
        parts += ["", *render_turn(turn, tools)]
    known = {turn.number for turn in call.turns}
    parts += [_tool(tool) for tool in call.tools if tool.turn not in known]
    if end and any(end.counts.values()):
        counted = ", ".join(f"{name} {count}" for name, count in end.counts.items() if count)
        parts += ["", plain(counted, "dim")]
    if end and end.variables:
        parts += ["", *(plain(f"{name}={value}", "dim") for name, value in end.variables.items())]
    return Group(*parts)


def render_turn(turn: TurnRecord, tools: Sequence[ToolRecord]) -> list[RenderableType]:
    """A turn's lines: who said what, the tools it called, its waterfall."""
    lines: list[RenderableType] = [plain(f"{turn.at_ms / 1000:7.1f} s  {turn.trigger}", "dim")]
    if turn.caller_text:
        lines.append(_said("caller", turn.caller_text, "cyan"))
    if turn.agent_text or not turn.caller_text:
        lines.append(_said("agent", turn.agent_text or "(not heard)", "green"))
    if turn.interrupted:
        lines.append(plain(f"           interrupted; it would have been: {turn.agent_said}", "yellow"))
    lines += [_tool(tool) for tool in tools]
    if turn.stages_ms:
        lines.append(_waterfall(turn))
    return lines


def _waterfall(turn: TurnRecord) -> Table:
    """Stages as bars, each from where the last one ended; milliseconds since the caller's last speech."""
    table = Table.grid("", "", "", "", padding=(0, 2))
    table.columns[1].justify = "right"
    longest = max([*turn.stages_ms.values(), 1.0])
    before = 0.0
    for stage, at_ms in sorted(turn.stages_ms.items(), key=lambda item: item[1]):
        first, last = (round(min(max(ms, 0.0), longest) / longest * _BAR_COLUMNS) for ms in (before, at_ms))
        bar = " " * min(first, _BAR_COLUMNS - 1) + "━" * max(last - first, 1)
        remark = plain(_remark(stage, turn), "dim")
        table.add_row(plain(f"           {stage}", "dim"), f"{at_ms:.0f} ms", plain(bar, "blue"), remark)
        before = at_ms
    return table


def _remark(stage: str, turn: TurnRecord) -> str:
    """What a stage alone does not tell: the silence that was asked for, and what the caller waited beyond it."""
    if stage == "endpoint" and turn.endpoint_ms is not None:
        return f"{turn.endpoint_ms:.0f} ms of silence asked for"
    if stage == "first_frame_sent" and "endpoint" in turn.stages_ms:
        return f"{turn.stages_ms[stage] - turn.stages_ms['endpoint']:.0f} ms beyond the endpoint"
    return ""


def _said(who: str, words: str, style: str) -> Text:
    return plain(f"{who:>9}  ", style).append(plain(words))


def _tool(tool: ToolRecord) -> Text:
    arguments = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in tool.arguments.items())
    return plain(f"     tool  {tool.name}({arguments}) → {tool.result}", "magenta")


def plain(words: str, style: str = "") -> Text:
    """Text as it is: no markup, and nothing that a terminal would obey."""
    return Text("".join(character if character.isprintable() else "�" for character in words), style)


def _caller(call: StoredCall) -> str:
    number, name = call.start.caller_number or "anonymous", call.start.caller_name
    return f"{name} <{number}>" if name and name != number else number


def _duration(start: datetime, end: datetime) -> str:
    minutes, seconds = divmod(round((end - start).total_seconds()), 60)
    return f"{minutes}:{seconds:02d}"


def _summary(call: StoredCall) -> dict[str, Any]:
    start, end = call.start, call.end
    return {
        "id": start.id,
        "agent": start.agent,
        "caller_number": start.caller_number,
        "caller_name": start.caller_name,
        "channel": start.channel,
        "transport": start.transport,
        "listen": start.listen,
        "started_at": start.started_at.isoformat(),
        "ended_at": end.ended_at.isoformat() if end else None,
        "duration_s": round((end.ended_at - start.started_at).total_seconds(), 3) if end else None,
        "status": end.status if end else None,
        "reason": end.reason if end else None,
        "recording": end.recording if end else None,
        "turn_count": call.turn_count,
    }


def _details(call: StoredCall) -> dict[str, Any]:
    return _summary(call) | {
        "variables": dict(call.end.variables) if call.end else {},
        "counts": dict(call.end.counts) if call.end else {},
        "turns": [turn_data(turn) for turn in call.turns],
        "tool_calls": [tool_data(tool) for tool in call.tools],
    }


def turn_data(turn: TurnRecord) -> dict[str, Any]:
    """A turn for programs."""
    return {
        "number": turn.number,
        "trigger": turn.trigger,
        "caller_text": turn.caller_text,
        "agent_text": turn.agent_text,
        "agent_said": turn.agent_said,
        "interrupted": turn.interrupted,
        "at_ms": turn.at_ms,
        "stages_ms": dict(turn.stages_ms),
        "endpoint_ms": turn.endpoint_ms,
    }


def tool_data(tool: ToolRecord) -> dict[str, Any]:
    """A tool call for programs."""
    return {"turn": tool.turn, "name": tool.name, "arguments": dict(tool.arguments), "result": tool.result}

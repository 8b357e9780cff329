"""What `offhook replay` prints."""

import json
from pathlib import Path

from rich.console import Console

from ari_app.core.commands import Outcome, Status
from ari_app.replay.render import data, render
from ari_app.replay.run import Replayed
from ari_app.replay.timeline import Moment, Turn
from ari_app.store.records import ToolRecord, TurnRecord

STAGES = {"endpoint": 240.0, "first_frame_sent": 260.0}
CALL = Replayed(
    agent="receptionist",
    outcome=Outcome(Status.TRANSFER, "transfer", "internal,200,1"),
    entries=(
        Moment(1.0, "speech", "caller speaks"),
        Moment(2.25, "turn_ends", "turn ends after 240 ms of silence", {"silence_ms": 240.0}),
        Turn(
            3.0, TurnRecord("replay", 0, "speech", "billing please", "One", "One moment.", True, 2000.0, STAGES, 240.0)
        ),
        Turn(4.0, TurnRecord("replay", 1, "silence", "", "Hello?", "Hello?", False, 4000.0, {}, None)),
    ),
    tools=(ToolRecord("replay", 0, "transfer", {"to": "billing"}, "accepted: internal,200,1"),),
    counts={"drafts": 2, "fillers": 0},
    recorded_s=5.0,
    call_s=6.5,
    took_s=0.25,
)
CHANGED = {"turn.endpoint_ms": (400, 300), "stt.model": (Path("/a"), Path("/b"))}


def printed(call: Replayed) -> list[str]:
    console = Console(width=160, file=None)
    with console.capture() as capture:
        console.print(render("a.wav", call, CHANGED))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_for_people() -> None:
    lines = printed(CALL)
    assert lines[:2] == ["   1.00 s  caller speaks", "   2.25 s  turn ends after 240 ms of silence"]
    assert "   caller  billing please" in lines
    assert '     tool  transfer(to="billing") → accepted: internal,200,1' in lines
    assert any("first_frame_sent" in line and "━" in line for line in lines)
    assert lines[-8:] == [
        "replayed  a.wav, 5.0 s, answered by receptionist",
        "took      0.2 s for a call of 6.5 s",
        "ended     TRANSFER, transfer, internal,200,1",
        "turns     2",
        "response  median 260 ms, longest 260 ms; each: 260",
        "counted   drafts 2",
        "changed   turn.endpoint_ms: 400 → 300",
        "changed   stt.model: /a → /b",
    ]


def test_nobody_was_answered() -> None:
    lines = printed(Replayed("a", Outcome(Status.HANGUP, "caller_hung_up"), (), (), {}, 1.0, 2.0, 0.1))
    assert "response  no turn was answered" in lines
    assert not any(line.startswith("counted") for line in lines)


def test_as_json() -> None:
    told = json.loads(json.dumps(data("a.wav", CALL, CHANGED)))
    turns, timeline = told.pop("turns"), told.pop("timeline")
    assert [(turn["caller_text"], turn["agent_text"], turn["stages_ms"]) for turn in turns] == [
        ("billing please", "One", STAGES),
        ("", "Hello?", {}),
    ]
    assert timeline == [
        {"at_s": 1.0, "what": "speech", "text": "caller speaks"},
        {"at_s": 2.25, "what": "turn_ends", "text": "turn ends after 240 ms of silence", "silence_ms": 240.0},
    ]
    assert told == {
        "source": "a.wav",
        "agent": "receptionist",
        "recorded_s": 5.0,
        "call_s": 6.5,
        "took_s": 0.25,
        "status": "TRANSFER",
        "reason": "transfer",
        "transfer_to": "internal,200,1",
        "tool_calls": [
            {"turn": 0, "name": "transfer", "arguments": {"to": "billing"}, "result": "accepted: internal,200,1"}
        ],
        "responses_ms": [260.0],
        "counts": {"drafts": 2, "fillers": 0},
        "changed": {
            "turn.endpoint_ms": {"from": 400, "to": 300},
            "stt.model": {"from": "/a", "to": "/b"},
        },
    }

"""What `offhook calls` prints."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from ari_app.errors import StoreError
from ari_app.report import calls_command, render_call, render_calls
from ari_app.store.records import CallEnd, StoredCall
from ari_app.store.store import Store

from .conftest import BEGIN, call, end, tool, turn


def printed(shown: RenderableType) -> str:
    console = Console(width=160, record=True, file=None)
    with console.capture() as capture:
        console.print(shown)
    return capture.get()


def test_no_calls() -> None:
    assert printed(render_calls([])) == "no calls yet\n"


def test_the_list() -> None:
    lines = printed(render_calls([StoredCall(call("b2"), None, 0), StoredCall(call(), end(), 3)])).splitlines()
    when = f"{BEGIN.astimezone():%Y-%m-%d %H:%M:%S}"
    assert lines[0].split() == ["id", "when", "agent", "caller", "duration", "status", "reason", "turns"]
    assert lines[1].split() == ["b2", *when.split(), "receptionist", "Größe", "<+4930123>", "–", "0"]
    assert lines[2].split()[5:] == ["<+4930123>", "1:00", "COMPLETED", "agent_hung_up", "3"]


def test_one_call_with_everything() -> None:
    shown = printed(
        render_call(
            StoredCall(
                call(),
                end(),
                2,
                (
                    turn(trigger="greeting", caller_text="", agent_text="Hello.", interrupted=False, stages_ms={}),
                    turn(number=1),
                ),
                (tool(),),
            )
        )
    )
    lines = [line.rstrip() for line in shown.splitlines()]
    assert "lasted     1:00" in lines
    assert "recording  /var/lib/offhook/recordings/a1.wav" in lines
    assert "    5.0 s  greeting" in lines
    assert "    agent  Hello." in lines
    assert "   caller  what are your hours" in lines
    assert "           interrupted; it would have been: We are open all day." in lines
    assert '     tool  transfer(to="billing", nested=[1, {"a": null}]) → ok' in lines
    bars = [line for line in lines if "━" in line]
    assert [line.split()[:3] for line in bars] == [["endpoint", "400", "ms"], ["transcript", "512", "ms"]]
    assert bars[0].count("━") == 31
    assert bars[1].count("━") == 9
    assert bars[1].index("━") == bars[0].rindex("━") + 1, "a stage begins where the last one ended"
    assert bars[0].endswith("  400 ms of silence asked for")
    assert "drafts 5, drafts_used 4" in lines, "only what happened"
    assert "OFFHOOK_STATUS=COMPLETED" in lines


def test_stages_before_the_end_of_speech_and_of_no_length() -> None:
    shown = printed(render_call(StoredCall(call(), None, 1, (turn(stages_ms={"transcript": -20.0, "endpoint": 0.0}),))))
    assert shown.count("━") == 2
    assert "-20 ms" in shown


def test_a_draft_that_was_ready_before_the_end_of_the_turn() -> None:
    stages = {"endpoint": 240.0, "transcript": 150.0, "first_audio": 200.0, "first_frame_sent": 262.0}
    shown = printed(render_call(StoredCall(call(), None, 1, (turn(stages_ms=stages, endpoint_ms=None),))))
    bars = [line.strip() for line in shown.splitlines() if "━" in line]
    assert [line.split()[0] for line in bars] == ["transcript", "first_audio", "endpoint", "first_frame_sent"]
    assert bars[-1].endswith("━  22 ms beyond the endpoint")
    assert "asked for" not in shown


def test_a_call_that_never_ended() -> None:
    shown = printed(render_call(StoredCall(call(), None, 0)))
    assert "not ended, or the service died in it" in shown


def test_nothing_that_a_caller_sends_is_obeyed() -> None:
    hostile = "[bold]x[/bold] [/] \x1b[2J\n\u202e\x9b"
    record = StoredCall(call(), end(), 1, (turn(caller_text=hostile, agent_text=hostile),))
    shown = printed(render_call(record))
    assert "[bold]x[/bold] [/] �[2J���" in shown
    assert "\x1b[2J" not in shown


@pytest.fixture
async def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/calls.sqlite"
    store = await Store.open(url)
    store.call_started(call())
    store.turn(turn())
    store.tool_call(tool())
    store.call_ended(end())
    store.call_started(call("b2", minutes=5))
    await store.close()
    return url


async def test_the_list_as_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert calls_command(url, None, as_json=True) == 0
    newest, oldest = json.loads(capsys.readouterr().out)["calls"]
    assert (newest["id"], newest["status"], newest["duration_s"]) == ("b2", None, None)
    assert oldest == {
        "id": "a1",
        "agent": "receptionist",
        "caller_number": "+4930123",
        "caller_name": "Größe",
        "channel": "PJSIP/phone-00000001",
        "transport": "websocket",
        "listen": "auto",
        "started_at": "2026-01-31T12:00:00.250000+00:00",
        "ended_at": "2026-01-31T12:01:00.250000+00:00",
        "duration_s": 60.0,
        "status": "COMPLETED",
        "reason": "agent_hung_up",
        "recording": "/var/lib/offhook/recordings/a1.wav",
        "turn_count": 1,
    }


async def test_one_call_as_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    calls_command(url, "a", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["variables"] == {"OFFHOOK_STATUS": "COMPLETED", "OFFHOOK_CALL_ID": "a1"}
    assert data["counts"] == {"drafts": 5, "drafts_used": 4, "holds": 0}
    assert data["turns"] == [
        {
            "number": 0,
            "trigger": "speech",
            "caller_text": "what are your hours",
            "agent_text": "We are open",
            "agent_said": "We are open all day.",
            "interrupted": True,
            "at_ms": 5012.5,
            "stages_ms": {"endpoint": 400.0, "transcript": 512.3},
            "endpoint_ms": 400.0,
        }
    ]
    assert data["tool_calls"] == [
        {"turn": 1, "name": "transfer", "arguments": {"to": "billing", "nested": [1, {"a": None}]}, "result": "ok"}
    ]


async def test_for_people(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    calls_command(url, None, as_json=False)
    listed = capsys.readouterr().out
    assert "a1" in listed
    assert "b2" in listed
    calls_command(url, "b2", as_json=False)
    assert "not ended" in capsys.readouterr().out
    with pytest.raises(StoreError):
        calls_command(url, "zz", as_json=False)


def test_a_call_without_results() -> None:
    record = StoredCall(call(), CallEnd("a1", "HANGUP", "", BEGIN, {}, None), 0)
    assert "recording  none" in printed(render_call(record))


def test_counts_that_are_all_0_are_not_shown() -> None:
    assert "holds" not in printed(render_call(StoredCall(call(), replace(end(), counts={"holds": 0}), 0)))

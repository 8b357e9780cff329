"""Records to write, and a database to write them to: SQLite, or OFFHOOK_TEST_POSTGRESQL_URL as well where it is set."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from ari_app.store.records import CallEnd, CallRecord, ToolRecord, TurnRecord

SERVER = os.environ.get("OFFHOOK_TEST_POSTGRESQL_URL")
BEGIN = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(params=["sqlite", *(["postgresql"] if SERVER else [])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/calls 100%.sqlite"
        return
    engine = create_engine(SERVER)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    yield SERVER


def call(call_id: str = "a1", minutes: int = 0) -> CallRecord:
    """A call that begins."""
    return CallRecord(
        id=call_id,
        agent="receptionist",
        caller_number="+4930123",
        caller_name="Größe",
        channel="PJSIP/phone-00000001",
        started_at=BEGIN + timedelta(minutes=minutes),
        transport="websocket",
        listen="auto",
    )


def turn(call_id: str = "a1", number: int = 0, **changes: object) -> TurnRecord:
    """One turn."""
    values: dict[str, object] = {
        "call_id": call_id,
        "number": number,
        "trigger": "speech",
        "caller_text": "what are your hours",
        "agent_text": "We are open",
        "agent_said": "We are open all day.",
        "interrupted": True,
        "at_ms": 5012.5,
        "stages_ms": {"endpoint": 400.0, "transcript": 512.3},
        "endpoint_ms": 400.0,
    }
    return TurnRecord(**(values | changes))


def tool(call_id: str = "a1") -> ToolRecord:
    """One tool call."""
    return ToolRecord(call_id, 1, "transfer", {"to": "billing", "nested": [1, {"a": None}]}, "ok")


def end(call_id: str = "a1", minutes: int = 1) -> CallEnd:
    """The end of a call."""
    return CallEnd(
        call_id,
        "COMPLETED",
        "agent_hung_up",
        BEGIN + timedelta(minutes=minutes),
        {"OFFHOOK_STATUS": "COMPLETED", "OFFHOOK_CALL_ID": call_id},
        "/var/lib/offhook/recordings/a1.wav",
        {"drafts": 5, "drafts_used": 4, "holds": 0},
    )

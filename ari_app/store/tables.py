"""The tables as SQLAlchemy sees them now. How a database gets there is in migrations/; a test holds both together."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Boolean, Column, DateTime, Dialect, Float, ForeignKey, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator


class CleanText(TypeDecorator[str]):
    """Text that every database takes: a model may write NUL or half a surrogate pair, a channel name anything."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        return value if value is None else value.encode(errors="replace").decode().replace("\0", "�")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware on both sides, UTC in the database (SQLite keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive time is a mistake of the caller's."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Back as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

calls = Table(
    "calls",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("agent", CleanText, nullable=False),
    Column("caller_number", CleanText, nullable=False),
    Column("caller_name", CleanText, nullable=False),
    Column("channel", CleanText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False, index=True),
    Column("transport", CleanText, nullable=False),
    Column("listen", CleanText, nullable=False),
    Column("status", CleanText),  # this and what follows is empty while the call runs
    Column("reason", CleanText),
    Column("ended_at", UtcDateTime),
    Column("variables", JSON),
    Column("recording", CleanText),
    Column("counts", JSON),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("trigger", CleanText, nullable=False),
    Column("caller_text", CleanText, nullable=False),
    Column("agent_text", CleanText, nullable=False),
    Column("agent_said", CleanText, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    Column("at_ms", Float, nullable=False),
    Column("stages_ms", JSON, nullable=False),
    Column("endpoint_ms", Float),
)

tool_calls = Table(
    "tool_calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("turn", Integer, nullable=False),
    Column("name", CleanText, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("result", CleanText, nullable=False),
)

"""Reading calls back, for commands that run beside the service or without it. Synchronous."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from ari_app.errors import StoreError
from ari_app.store.database import explain, open_database
from ari_app.store.records import CallEnd, CallRecord, StoredCall, ToolRecord, TurnRecord
from ari_app.store.tables import calls, tool_calls, turns

_SHOWN_MATCHES = 5
T = TypeVar("T")


def read_calls(url: str, limit: int) -> list[StoredCall]:
    """The latest calls, newest first, without their turns. Raises StoreError."""
    counts = select(turns.c.call_id, func.count().label("turn_count")).group_by(turns.c.call_id).subquery()
    query = (
        select(calls, func.coalesce(counts.c.turn_count, 0).label("turn_count"))
        .outerjoin(counts, counts.c.call_id == calls.c.id)
        .order_by(calls.c.started_at.desc(), calls.c.id)
        .limit(limit)
    )
    with _connection(url) as connection:
        return [StoredCall(_start(row), _end(row), row["turn_count"]) for row in _rows(connection, query)]


def read_call(url: str, call_id: str) -> StoredCall:
    """One call with its turns and tool calls, by its id or the unique beginning of it. Raises StoreError."""
    with _connection(url) as connection:
        row = _find(connection, call_id)
        of_call = turns.select().where(turns.c.call_id == row["id"]).order_by(turns.c.id)
        found = tuple(_record(TurnRecord, turn) for turn in _rows(connection, of_call))
        of_call = tool_calls.select().where(tool_calls.c.call_id == row["id"]).order_by(tool_calls.c.id)
        tools = tuple(_record(ToolRecord, tool) for tool in _rows(connection, of_call))
        return StoredCall(_start(row), _end(row), len(found), found, tools)


def _find(connection: Connection, call_id: str) -> Mapping[str, Any]:
    query = calls.select().where(calls.c.id.startswith(call_id, autoescape=True)).order_by(calls.c.id)
    rows = _rows(connection, query.limit(_SHOWN_MATCHES + 1))
    exact = _rows(connection, calls.select().where(calls.c.id == call_id))
    if len(exact or rows) == 1:
        return (exact or rows)[0]
    if not rows:
        raise StoreError(f"there is no call {call_id}", "offhook calls lists them")
    some = ", ".join(row["id"] for row in rows[:_SHOWN_MATCHES]) + (", …" if len(rows) > _SHOWN_MATCHES else "")
    raise StoreError(f"several calls begin with {call_id!r}", f"give more of one of {some}")


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = open_database(url, writable=False)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise explain(error, engine.url) from error
    finally:
        engine.dispose()


def _rows(connection: Connection, query: Select[Any]) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _start(row: Mapping[str, Any]) -> CallRecord:
    return _record(CallRecord, row)


def _end(row: Mapping[str, Any]) -> CallEnd | None:
    if not row["ended_at"]:
        return None
    return _record(CallEnd, {**row, "call_id": row["id"], "counts": row["counts"] or {}})  # none before version 0002


def _record(kind: type[T], row: Mapping[str, Any]) -> T:
    return kind(**{name: row[name] for name in kind.__dataclass_fields__})  # type: ignore[attr-defined]

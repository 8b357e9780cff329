"""Writing records: a bounded queue, one task that takes from it, one thread that talks to the database.

A call never waits for the database and never fails because of it. While the database cannot be written to (locked,
disk full, server away) records wait in the queue and are tried again, in order; what the queue cannot hold, or the
database will never take, is lost, counted and logged.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from ari_app.store.database import explain, open_database
from ari_app.store.records import CallEnd, CallRecord, Record, ToolRecord, TurnRecord
from ari_app.store.tables import calls, tool_calls, turns

log = logging.getLogger(__name__)

_QUEUE_RECORDS = 10_000
"""An hour of some 20 calls at once while the disk is full; about 10 MB."""
_BATCH_RECORDS = 100
"""Records a transaction; one fsync for all that came while the last one was written."""
_RETRY_SECONDS, _RETRY_MOST_SECONDS = 0.1, 5.0
_CLOSE_SECONDS = 5.0
"""How long `close` lets the queue drain; systemd waits longer."""


class Store:
    """The store of this process; made by `open`."""

    def __init__(self, engine: Engine, thread: ThreadPoolExecutor, told: Callable[[Record], None]) -> None:
        self._engine = engine
        self._told = told
        self._thread = thread
        self._queue: asyncio.Queue[Record] = asyncio.Queue(_QUEUE_RECORDS)
        self._open = 0  # records that are queued or being written
        self._failing = False
        self._writer = asyncio.get_running_loop().create_task(self._write_all(), name="store writer")
        self.failures = 0
        """Writes that failed: tries that were repeated, and records that are lost."""
        self.lost = 0
        """Records that will never be in the database."""

    @classmethod
    async def open(cls, url: str, told: Callable[[Record], None] = lambda record: None) -> Self:
        """Connect to `url`, bring the tables up to date, begin to write. Raises StoreError.

        `told` gets every record, at once and whatever becomes of the database."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            engine = await asyncio.get_running_loop().run_in_executor(thread, lambda: open_database(url, writable=True))
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(engine, thread, told)

    def call_started(self, record: CallRecord) -> None:
        """Keep a call that begins. Never waits, never raises, like the other three."""
        self._put(record)

    def turn(self, record: TurnRecord) -> None:
        """Keep a turn."""
        self._put(record)

    def tool_call(self, record: ToolRecord) -> None:
        """Keep a tool call."""
        self._put(record)

    def call_ended(self, record: CallEnd) -> None:
        """Keep the end of a call."""
        self._put(record)

    async def flush(self) -> None:
        """Wait until all that was given so far is in the database, or lost."""
        await self._queue.join()

    async def close(self) -> None:
        """Write what is queued, for a few seconds at most, and disconnect."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._queue.join()
        except TimeoutError:
            self.failures += self._open
            self.lost += self._open
            log.error("records are lost at the end", extra={"records": self._open})
        finally:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
            self._thread.shutdown()

    def _put(self, record: Record) -> None:
        self._told(record)
        try:
            self._queue.put_nowait(record)
            self._open += 1
        except asyncio.QueueFull:
            self._lose(record, "the queue is full")

    async def _write_all(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH_RECORDS and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._write(batch)
            self._open -= len(batch)
            for _ in batch:
                self._queue.task_done()

    async def _write(self, batch: Sequence[Record]) -> None:
        """Bring a batch into the database, however long that takes; what it will never take is lost alone."""
        loop, delay = asyncio.get_running_loop(), _RETRY_SECONDS
        while True:
            try:
                await loop.run_in_executor(self._thread, _insert, self._engine, batch)
            except OperationalError as error:  # not the record's fault
                self._trouble(error)
                await asyncio.sleep(delay)
                delay = min(2 * delay, _RETRY_MOST_SECONDS)
            except Exception as error:  # the writer's edge: one bad record must not stop the others
                if len(batch) == 1:
                    self._lose(batch[0], type(error).__name__)
                else:
                    for record in batch:
                        await self._write([record])
                return
            else:
                if self._failing:
                    log.info("the database can be written to again")
                self._failing = False
                return

    def _trouble(self, error: OperationalError) -> None:
        self.failures += 1
        if not self._failing:  # once an outage
            log.error("the database cannot be written to", extra={"error": str(explain(error, self._engine.url))})
        self._failing = True

    def _lose(self, record: Record, reason: str) -> None:
        self.failures += 1
        self.lost += 1
        call_id = record.id if isinstance(record, CallRecord) else record.call_id
        log.error("a record is lost", extra={"call": call_id, "kind": type(record).__name__, "reason": reason})


def _insert(engine: Engine, batch: Sequence[Record]) -> None:
    """Write a batch in one transaction; on the store's thread."""
    with engine.begin() as connection:
        for record in batch:
            _execute(connection, record)


def _execute(connection: Connection, record: Record) -> None:
    match record:
        case CallRecord():
            connection.execute(calls.insert(), _values(record))
        case TurnRecord():
            connection.execute(turns.insert(), _values(record))
        case ToolRecord():
            connection.execute(tool_calls.insert(), _values(record))
        case CallEnd():
            values = _values(record)
            of_call = calls.update().where(calls.c.id == values.pop("call_id"))
            if connection.execute(of_call, values).rowcount == 0:
                raise LookupError("the end of a call that never began")


def _values(record: Record) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}

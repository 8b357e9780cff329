"""What is written is read back; what goes wrong never reaches a call."""

import asyncio
import logging
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ari_app.errors import StoreError
from ari_app.store import store as store_module
from ari_app.store.reader import read_call, read_calls
from ari_app.store.records import CallEnd, StoredCall
from ari_app.store.store import Store

from .conftest import BEGIN, call, end, tool, turn


async def test_a_call_is_read_back_as_it_was_written(url: str) -> None:
    store = await Store.open(url)
    store.call_started(call())
    turns = tuple(turn(number=number) for number in range(3))
    for record in turns:
        store.turn(record)
    store.tool_call(tool())
    store.call_ended(end())
    await store.flush()
    assert read_call(url, "a1") == StoredCall(call(), end(), 3, turns, (tool(),))
    assert read_calls(url, 10) == [StoredCall(call(), end(), 3)]
    await store.close()
    assert (store.failures, store.lost) == (0, 0)


async def test_close_writes_what_is_queued(url: str) -> None:
    store = await Store.open(url)
    store.call_started(call())
    for number in range(500):
        store.turn(turn(number=number))
    await store.close()
    assert [record.number for record in read_call(url, "a1").turns] == list(range(500))


async def test_a_running_call_has_no_end(url: str) -> None:
    store = await Store.open(url)
    store.call_started(call())
    await store.close()
    assert read_call(url, "a1") == StoredCall(call(), None, 0)


async def test_calls_are_kept_over_a_restart_and_listed_newest_first(url: str) -> None:
    for number in range(4):
        store = await Store.open(url)
        store.call_started(call(f"call-{number}", minutes=number))
        await store.close()
    assert [found.start.id for found in read_calls(url, 3)] == ["call-3", "call-2", "call-1"]


async def test_a_call_by_the_beginning_of_its_id(url: str) -> None:
    store = await Store.open(url)
    for call_id in ("ab", "abc", "b_1", "bx1"):
        store.call_started(call(call_id))
    await store.close()
    assert read_call(url, "abc").start.id == "abc"
    assert read_call(url, "ab").start.id == "ab", "an exact id is unique"
    assert read_call(url, "b_").start.id == "b_1", "no wildcards"
    with pytest.raises(StoreError, match=r"several calls begin with 'b' — give more of one of b_1, bx1"):
        read_call(url, "b")
    with pytest.raises(StoreError, match=r"there is no call zz — offhook calls lists them"):
        read_call(url, "zz")


async def test_any_text_can_be_kept(url: str) -> None:
    store = await Store.open(url)
    store.call_started(call())
    store.turn(turn(caller_text="NUL \0 and half \ud800 a pair, Ω'\"; --"))
    await store.close()
    assert read_call(url, "a1").turns[0].caller_text == "NUL � and half ? a pair, Ω'\"; --"
    assert store.lost == 0


async def test_times_are_kept_as_moments(url: str) -> None:
    store = await Store.open(url)
    summer = BEGIN.astimezone(timezone(timedelta(hours=2)))
    store.call_started(call())
    store.call_ended(CallEnd("a1", "HANGUP", "", summer, {}, None))
    await store.close()
    found = read_call(url, "a1").end
    assert found is not None
    assert found.ended_at == BEGIN
    assert found.ended_at.utcoffset() == timedelta(0)


async def test_a_bad_record_is_lost_alone(url: str, caplog: pytest.LogCaptureFixture) -> None:
    store = await Store.open(url)
    store.call_started(call())
    store.call_started(call())  # the same id
    store.turn(turn(call_id="nobody"))
    store.turn(turn(stages_ms={"endpoint": object()}))
    store.call_ended(end("nobody"))
    naive = CallEnd("a1", "HANGUP", "", datetime(2026, 1, 1), {}, None)
    store.call_ended(naive)
    store.turn(turn(number=7))
    store.call_ended(end())
    await store.close()
    assert (store.failures, store.lost) == (5, 5)
    found = read_call(url, "a1")
    assert [record.number for record in found.turns] == [7]
    assert found.end == end()
    assert [record.getMessage() for record in caplog.records] == ["a record is lost"] * 5
    assert "what are your hours" not in caplog.text


class Lock:
    """Another program that holds SQLite's write lock."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/calls.sqlite"


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are noticed at once."""
    monkeypatch.setattr("ari_app.store.database.BUSY_SECONDS", 0.01)
    monkeypatch.setattr(store_module, "_RETRY_SECONDS", 0.001)
    monkeypatch.setattr(store_module, "_RETRY_MOST_SECONDS", 0.01)


async def failed(store: Store, times: int) -> None:
    async with asyncio.timeout(20):
        while store.failures < times:
            await asyncio.sleep(0)


@pytest.mark.usefixtures("_impatient")
async def test_records_wait_while_the_database_is_locked(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ari_app")
    store = await Store.open(sqlite_url)
    lock = Lock(sqlite_url)
    store.call_started(call())
    await failed(store, 3)
    store.turn(turn())
    store.call_ended(end())
    lock.release()
    await store.flush()
    assert read_call(sqlite_url, "a1").end == end()
    assert store.lost == 0
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["the database cannot be written to", "the database can be written to again"]
    await store.close()


@pytest.mark.usefixtures("_impatient")
async def test_a_full_queue_loses_the_newest_and_says_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_QUEUE_RECORDS", 2)
    store = await Store.open(sqlite_url)
    lock = Lock(sqlite_url)
    store.call_started(call())
    await failed(store, 1)  # one is being written
    for number in range(5):
        store.turn(turn(number=number))
    assert store.lost == 3
    lock.release()
    await store.close()
    assert [record.number for record in read_call(sqlite_url, "a1").turns] == [0, 1]


@pytest.mark.usefixtures("_impatient")
async def test_close_does_not_wait_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store_module, "_CLOSE_SECONDS", 0.05)
    store = await Store.open(sqlite_url)
    lock = Lock(sqlite_url)
    store.call_started(call())
    store.turn(turn())
    await store.close()
    lock.release()
    assert store.lost == 2
    assert "records are lost at the end" in caplog.text


async def test_a_reader_never_blocks_the_writer(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    store.call_started(call())
    await store.flush()
    reading = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    reading.execute("BEGIN")
    reading.execute("SELECT * FROM calls").fetchall()
    store.turn(turn())
    await store.flush()
    assert store.failures == 0
    reading.close()
    await store.close()

"""Opening: migrations, and what is said about a database that cannot be used."""

import sqlite3
import stat
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from ari_app.errors import StoreError
from ari_app.store import database
from ari_app.store.database import open_database
from ari_app.store.reader import read_call, read_calls
from ari_app.store.records import StoredCall
from ari_app.store.store import Store
from ari_app.store.tables import calls, metadata, turns

from .conftest import call, end, turn


def test_the_migrations_lead_to_the_tables(url: str) -> None:
    engine = open_database(url, writable=True)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_opening_again_changes_nothing(url: str) -> None:
    for _ in range(2):
        engine = open_database(url, writable=True)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0002"
        engine.dispose()


def test_calls_of_an_older_offhook_are_kept(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(database, "upgrade", lambda config, _: upgrade(config, "0001"))
        engine = open_database(url, writable=True)
    of_call = asdict(call()) | asdict(end())
    of_turn = asdict(turn())
    del of_call["call_id"], of_call["counts"], of_turn["endpoint_ms"]
    with engine.begin() as connection:
        connection.execute(calls.insert(), of_call)
        connection.execute(turns.insert(), of_turn)
    engine.dispose()
    with pytest.raises(StoreError, match="those of an older Offhook — start the service once"):
        read_call(url, "a1")
    open_database(url, writable=True).dispose()
    old_turn, old_end = replace(turn(), endpoint_ms=None), replace(end(), counts={})
    assert read_call(url, "a1") == StoredCall(call(), old_end, 1, (old_turn,))


def test_only_we_and_our_group_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    engine = open_database(f"sqlite:///{path}", writable=True)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM calls"))
        for file in tmp_path.iterdir():  # the journals too
            assert stat.S_IMODE(file.stat().st_mode) & 0o137 == 0
    engine.dispose()


def test_a_migration_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/calls.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(database, "upgrade", _half_an_upgrade)
        with pytest.raises(RuntimeError, match="the power went"):
            open_database(url, writable=True)
    with sqlite3.connect(tmp_path / "calls.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    engine = open_database(url, writable=True)
    assert "calls" in inspect(engine).get_table_names()
    engine.dispose()


def _half_an_upgrade(config: object, revision: str) -> None:
    connection = config.attributes["connection"]  # type: ignore[attr-defined]
    connection.execute(text("CREATE TABLE calls (id TEXT)"))
    raise RuntimeError("the power went")


def _newer(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/newer.sqlite"
    open_database(url, writable=True).dispose()
    with sqlite3.connect(tmp_path / "newer.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    return url


def _text(tmp_path: Path) -> str:
    (tmp_path / "notes.txt").write_text("these are my notes, not a database at all\n" * 30)
    return f"sqlite:///{tmp_path}/notes.txt"


def _folder(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}"


def _no_folder(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/missing/calls.sqlite"


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (_newer, r"newer\.sqlite was written by a newer Offhook \(9999\) — update Offhook"),
        (_text, r"notes\.txt is not an SQLite database: file is not a database — move it away"),
        (_folder, r"is a folder — name a file in store\.url"),
        (_no_folder, r"missing/calls\.sqlite cannot be made \(No such file or directory\) — make its folder writable"),
        (lambda _: "sqlite://", r"store\.url names no file"),
        (lambda _: "sqlite:///:memory:", r"store\.url names no file"),
        (lambda _: "calls.sqlite", r"store\.url is no database URL"),
        (lambda _: "nosuchbase://host/db", r"store\.url is no database URL"),
        (lambda _: "sqlite://host/db", r"store\.url is no database URL"),
    ],
)
async def test_what_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: object, wanted: str
) -> None:
    monkeypatch.chdir(tmp_path)
    url = make(tmp_path)  # type: ignore[operator]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match=wanted) as raised:
        await Store.open(url)
    assert "\n" not in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_database_that_another_program_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    url = f"sqlite:///{tmp_path}/calls.sqlite"
    open_database(url, writable=True).dispose()
    other = sqlite3.connect(tmp_path / "calls.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"calls\.sqlite is locked by another program — find it: fuser /"):
        open_database(url, writable=True)
    other.close()


def test_reading_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no .*/calls\.sqlite — no call was answered yet"):
        read_calls(f"sqlite:///{tmp_path}/calls.sqlite", 5)
    assert list(tmp_path.iterdir()) == []


def test_reading_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").touch()
    with pytest.raises(StoreError, match=r"has no calls, or those of an older Offhook"):
        read_calls(f"sqlite:///{tmp_path}/calls.sqlite", 5)


def test_reading_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    open_database(f"sqlite:///{path}", writable=True).dispose()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"is not an SQLite database: database disk image is malformed"):
        read_calls(f"sqlite:///{path}", 5)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(StoreError) as raised:
        open_database("postgresql+psycopg://offhook:hunter2@127.0.0.1:1/calls", writable=True)
    assert "offhook:***@127.0.0.1:1/calls does not work: connection failed" in str(raised.value)
    assert "hunter2" not in str(raised.value)

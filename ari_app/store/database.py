"""Opening the database: engine, transactions, migrations, and its errors in words. Everything here blocks."""

import os
from pathlib import Path

from alembic.command import upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from ari_app.errors import StoreError

BUSY_SECONDS = 2.0
"""How long one statement waits for another process that writes (SQLite locks the whole file)."""
_FILE_MODE = 0o640
"""Transcripts and numbers are nobody else's business."""


def open_database(url: str, *, writable: bool) -> Engine:
    """Connect, and bring the tables up to date (`writable`) or insist that they are. Raises StoreError."""
    try:
        parsed = make_url(url)
        engine = _sqlite(parsed, writable=writable) if parsed.get_backend_name() == "sqlite" else _server(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError("store.url is no database URL", "use sqlite:////path or postgresql+psycopg://…") from error
    except ModuleNotFoundError as error:
        raise StoreError(f"the driver {error.name} is not installed", "pip install 'offhook[postgresql]'") from error
    try:
        with engine.begin() as connection:
            _migrate(connection, _shown(parsed), writable=writable)
    except SQLAlchemyError as error:
        engine.dispose()
        raise explain(error, parsed) from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def explain(error: SQLAlchemyError, url: URL) -> StoreError:
    """The database's own words, without the statement, its values or a password."""
    shown = _shown(url)
    words = str(error.orig).partition("\n")[0] if isinstance(error, DatabaseError) else type(error).__name__
    if url.get_backend_name() != "sqlite":
        return StoreError(f"the database {shown} does not work: {words}", "check store.url and that its server runs")
    if "not a database" in words or "malformed" in words:
        return StoreError(f"{shown} is not an SQLite database: {words}", "move it away, or change store.url")
    if "locked" in words:
        return StoreError(f"{shown} is locked by another program", f"find it: fuser {shown}")
    return StoreError(f"{shown} does not work: {words}", f"check its rights, ours and the disk: ls -l {shown}; df")


def _server(url: URL) -> Engine:
    return create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args={"connect_timeout": 5})


def _sqlite(url: URL, *, writable: bool) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreError("store.url names no file", "write sqlite:////path/to/offhook.sqlite")
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})  # refuses odd URLs
    _prepare_file(Path(url.database), writable=writable)

    @event.listens_for(engine, "connect")
    def _connected(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL" if writable else "PRAGMA query_only=ON")
        cursor.execute("PRAGMA synchronous=NORMAL")  # with WAL: a power cut may cost the last calls, never the file
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # a writer takes its lock at once, so that it can wait for it; migrations are whole or not at all
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    return engine


def _prepare_file(path: Path, *, writable: bool) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a folder", "name a file in store.url")
    if path.exists():
        return
    if not writable:
        raise StoreError(f"there is no {path}", "no call was answered yet, or store.url is another one")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, _FILE_MODE))
    except OSError as error:
        remedy = f"make its folder writable for us: sudo install -d -o $(id -un) -m 751 {path.parent}"
        raise StoreError(f"{path} cannot be made ({error.strerror})", remedy) from error


def _migrate(connection: Connection, shown: str, *, writable: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(f"{shown} was written by a newer Offhook ({current})", "update Offhook, or change store.url")
    if writable:
        upgrade(config, "head")
    elif current != scripts.get_current_head():
        raise StoreError(f"{shown} has no calls, or those of an older Offhook", "start the service once: offhook run")


def _shown(url: URL) -> str:
    """The file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return url.render_as_string(hide_password=True)

"""Opening a database: what SQLite needs to be safe, and errors a person can act on."""

import os
from pathlib import Path
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from openclaw_core.errors import StoreError

__all__ = ["explain", "open_engine"]

# FULL: in WAL mode NORMAL does not flush at commit, so a power cut could undo a pairing or a
# revocation that was already answered. busy_timeout: someone may look with the sqlite3 shell.
# temp_store: what undoes a statement of many rows is no file of its own in the temporary directory.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    "temp_store=MEMORY",
)
_DIALECTS = ("sqlite", "postgresql")
_CURES = (
    ("is locked", "another program holds the database; close it and try again"),
    ("readonly", "make the file and its directory writable for this user"),
    ("disk is full", "free disk space and try again"),
    ("unable to open", "check that its directory exists and this user may write there"),
    ("not a database", "restore a backup, or move the file with its -wal and -shm away and pair again"),
    ("malformed", "restore a backup, or move the file with its -wal and -shm away and pair again"),
)
_DOING = {"opening": "opening the database", "storing": "storing", "reading": "reading"}
_OTHERWISE = {
    "opening": "check its URL and that it may be reached from here",
    "storing": "nothing of this change was stored, all others are unharmed",
    "reading": "stored rows are unharmed",
}


def open_engine(url: str) -> Engine:
    """An engine for the writer thread; nothing is connected yet.

    Args:
        url: SQLAlchemy URL, `sqlite:////path/file.db` or `postgresql+psycopg://…`.

    Raises:
        StoreError: the URL cannot be used.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in _DIALECTS:
            raise StoreError(f"database {parsed.get_backend_name()!r} is not supported; use {_DIALECTS}")
        # Positional parameters everywhere: rows go to the driver as plain sequences.
        style = "qmark" if parsed.get_backend_name() == "sqlite" else "format"
        engine = create_engine(
            parsed,
            paramstyle=style,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise StoreError(f"database URL cannot be used: {error}; expected sqlite:////path/file.db") from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, parsed)
    return engine


def explain(
    error: Exception, doing: Literal["opening", "storing", "reading"], database: str | None = None
) -> StoreError:
    """The error for a person: what was tried, the driver's own words (no row values), the cure.

    Args:
        database: its file or name, when the person may not know which one is meant.
    """
    where = f"{database}: " if database else ""
    if isinstance(error, StoreError):
        return StoreError(f"{where}{error}") if where else error
    reason = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
    cure = next((cure for sign, cure in _CURES if sign in reason), _OTHERWISE[doing])
    return StoreError(f"{where}{_DOING[doing]} failed: {reason}; {cure}")


def _prepare_sqlite(engine: Engine, url: URL) -> None:
    if url.database and url.database != ":memory:":
        _make_private(Path(url.database))

    @event.listens_for(engine, "connect")
    def set_pragmas(driver: Any, _record: object) -> None:
        # The driver's own implicit BEGIN leaves DDL outside of transactions: we begin ourselves.
        driver.isolation_level = None
        for pragma in _PRAGMAS:
            driver.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_private(file: Path) -> None:
    """Create the file 0600; SQLite gives its -wal and -shm the mode of the database."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        for each in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
            if each.exists() and each.stat().st_mode & 0o077:
                each.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"cannot create or open the database {file}: {error.strerror}; make it a file in a directory "
            "where this user may write"
        ) from error

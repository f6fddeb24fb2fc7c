"""Opening a database: what SQLite needs to be safe, and errors a person can act on."""

import os
from pathlib import Path
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from openclaw_core.errors import StoreError
from openclaw_core.private_directory import make_private_directory
from openclaw_core.store.postgres import connect_options

__all__ = ["explain", "open_engine", "refuses_all"]

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
# What no other change could do now, either.
_REFUSES_ALL = ("is locked", "disk is full", "readonly database", "No space left", "read-only transaction")
_DIALECTS = ("sqlite", "postgresql")
_CURES = (
    ("is locked", "another program holds the database; close it and try again"),
    ("readonly", "make the file and its directory writable for this user"),
    ("disk is full", "free disk space and try again"),
    ("No space left", "free disk space where the database is"),
    ("read-only transaction", "the server takes no writes: use its primary, or make it one"),
    ("authentication failed", "correct user and password in gateway.store.url, or its pg_hba.conf"),
    ("does not exist", "make it on the server, or correct gateway.store.url"),
    ("unable to open", "check that its directory exists and this user may write there"),
    ("not a database", "restore a backup, or move the file with its -wal and -shm away and pair again"),
    ("malformed", "restore a backup, or move the file with its -wal and -shm away and pair again"),
)
_DOING = {"opening": "opening the database", "storing": "storing", "reading": "reading"}
_OTHERWISE = {
    "opening": "start its server, and check gateway.store.url and the way there",
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
        sqlite = parsed.get_backend_name() == "sqlite"
        # Positional parameters everywhere: rows go to the driver as plain sequences.
        engine = create_engine(
            parsed,
            paramstyle="qmark" if sqlite else "format",
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            **({} if sqlite else {"connect_args": connect_options(parsed)}),
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(f"database URL cannot be used: {error}; expected sqlite:////path/file.db") from error
    except ImportError:
        raise StoreError(
            "PostgreSQL's driver is not installed: pip install 'openclaw-core[postgres]', or leave "
            "gateway.store.url out to use a file"
        ) from None
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
        return StoreError(f"{where}{error}", retryable=error.retryable) if where else error
    lost = isinstance(error, DBAPIError) and (error.connection_invalidated or not error.statement)
    reason = _reason(error)
    cure = next((cure for sign, cure in _CURES if sign in reason), _OTHERWISE[doing])
    return StoreError(
        f"{where}{_DOING[doing]} failed: {reason}; {cure}", retryable=lost or refuses_all(error)
    )


def refuses_all(error: Exception) -> bool:
    """Locked, full or read-only: the next try would wait for the same and fail the same."""
    text = str(error)
    return any(sign in text for sign in _REFUSES_ALL)


def _reason(error: Exception) -> str:
    """The driver's words on one line; what PostgreSQL adds in further lines quotes rows."""
    told: object = error.orig if isinstance(error, DBAPIError) else error
    first: str | None = getattr(getattr(told, "diag", None), "message_primary", None)
    lines = [line.strip() for line in str(told).splitlines() if line.strip()]
    return first or (lines[0] if lines else type(error).__name__)


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
        make_private_directory(file.parent)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        for each in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
            if each.exists() and each.stat().st_mode & 0o077:
                each.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"cannot create or open the database {file}: {error.strerror}; make it a file in a directory "
            "where this user may write"
        ) from error

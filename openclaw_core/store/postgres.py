"""What only PostgreSQL needs: one gateway per database, durable commits, the fate of a lost commit."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from openclaw_core.errors import StoreError

__all__ = ["admit", "commit_id", "connect_options", "fate_of"]

# Of this project; the lock is per database, and the server frees it with the session.
_LOCK = 0x0C1A_3D05
_LOCK_WAIT = "2s"
_LOCK_NOT_AVAILABLE = "55P03"
# A server behind a dead network is given up after about this long, by both ends.
_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "client_encoding": "utf8",
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "target_session_attrs": "read-write",  # of several hosts the one that takes writes
    "application_name": "openclaw",
}
_SESSION = (
    "SET tcp_keepalives_idle = 15",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    f"SET lock_timeout = '{_LOCK_WAIT}'",
)

Fate = Literal["committed", "aborted", "in progress"]


def connect_options(url: URL) -> dict[str, Any]:
    """Options of libpq that the URL does not give itself."""
    return {name: value for name, value in _OPTIONS.items() if name not in url.query}


def admit(connection: Connection) -> None:
    """Prepare a session that may write: refuses a database that would lose or mix up rows.

    Raises:
        StoreError: another gateway writes there, or its texts are not UTF-8.
    """
    with connection.begin():
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StoreError(
                f"the database's encoding is {encoding}: make one with CREATE DATABASE openclaw ENCODING "
                "'UTF8' TEMPLATE template0, and use that"
            )
        for statement in _SESSION:
            connection.execute(text(statement))
        # Its owner may have traded durability for speed; an answered pairing must hold.
        if connection.execute(text("SHOW synchronous_commit")).scalar_one() == "off":
            connection.execute(text("SET synchronous_commit = on"))
    with connection.begin():
        _lock(connection)


def _lock(connection: Connection) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise StoreError(
            "another gateway uses this database: stop it, or give this one a database of its own",
            retryable=True,
        ) from None


def commit_id(connection: Connection) -> str:
    """The server's number of the transaction that is about to commit."""
    number: str = connection.execute(text("SELECT pg_current_xact_id()::text")).scalar_one()
    return number


def fate_of(connection: Connection, number: str) -> Fate:
    """What became of a transaction whose commit was sent and not answered; asked in a new session."""
    statement = text("SELECT pg_xact_status(CAST(CAST(:number AS text) AS xid8))")
    try:
        with connection.begin():
            found: Fate | None = connection.execute(statement, {"number": number}).scalar()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return "aborted"  # a number that the server, back from a crash, has not given out yet
    return found or "aborted"

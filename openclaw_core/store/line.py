"""The writer's connection: opened, found broken, opened again; of use to its thread only."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from openclaw_core.errors import StoreError
from openclaw_core.store import postgres
from openclaw_core.store.engine import explain, open_engine
from openclaw_core.store.schema import upgrade

__all__ = ["Line", "is_lost"]

_PROBE_SECONDS = 2.0
_RETRY_SECONDS = 0.5


def is_lost(error: BaseException) -> bool:
    """True when the server is gone, rather than not of our opinion."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


class Line:
    """One connection to the database of a URL, at this version's schema.

    Args:
        opened: called with each new connection, before anything else uses it.

    Attributes:
        remote: a server that may go away while this process lives.
    """

    def __init__(self, url: str, opened: Callable[[Connection], None]) -> None:
        self._url = url
        self._opened = opened
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self.remote = False
        self._tried = 0.0
        self._why: StoreError | None = None

    @property
    def patience(self) -> float | None:
        """Seconds after which an idle writer should look after it; None: a file needs no care."""
        if not self.remote:
            return None
        return _PROBE_SECONDS if self._connection is not None else _RETRY_SECONDS

    def open(self, *, now: bool = False) -> Connection:
        """The connection; made when there is none.

        Args:
            now: also when the last try was less than half a second ago.

        Raises:
            StoreError: it cannot be used; the same one until the next try is due.
        """
        if self._connection is not None:
            return self._connection
        if self._why is not None and not now and time.monotonic() - self._tried < _RETRY_SECONDS:
            raise self._why
        if self._engine is None:
            self._engine = open_engine(self._url)
            self.remote = self._engine.dialect.name == "postgresql"
        try:
            self._connection = self._connect(self._engine)
        except Exception as error:
            self._tried = time.monotonic()
            self._why = explain(error, "opening", self._engine.url.database)
            raise self._why from error
        self._why = None
        return self._connection

    def _connect(self, engine: Engine) -> Connection:
        connection = engine.connect()
        try:
            if self.remote:
                postgres.admit(connection)
            upgrade(connection)
            self._opened(connection)
        except BaseException:
            _let_go(connection)
            raise
        return connection

    def lose(self) -> None:
        """Forget a connection that broke; the next `open` makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _let_go(connection)

    def probe(self, connection: Connection) -> None:
        """Notice a connection that broke while nobody used it.

        Raises:
            DBAPIError: it did.
        """
        if self.remote:
            with connection.begin():
                connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Let go of everything."""
        self.lose()
        if self._engine is not None:
            self._engine.dispose()


def _let_go(connection: Connection) -> None:
    connection.invalidate()  # a session that holds the lock must not wait in a pool
    connection.close()

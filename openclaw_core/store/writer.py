"""The one thread that owns the connection: takes what waits, commits it as a group."""

import logging
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Change
from openclaw_core.store.chain import Chain
from openclaw_core.store.engine import explain, open_engine
from openclaw_core.store.schema import upgrade
from openclaw_core.store.statements import Statements

__all__ = ["Entry", "Outcome", "Writer"]

_log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """One call: changes that stand or fall together, or a read. No future: nobody waits."""

    future: "Future[Any] | None"
    changes: tuple[Change, ...]
    read: Callable[[Connection], Any] | None = None


class Outcome(NamedTuple):
    """What became of a call; none is made for changes behind that went well."""

    entry: Entry
    error: Exception | None = None
    value: Any = None


class Writer:
    """Runs on its own thread; `queue` and `wake` are its only input, `settle` its only output.

    Attributes:
        queue: what waits, oldest first; only the event loop appends.
        wake: set when something waits that should be stored now.
        commits: transactions committed.
        stuck: why the last transaction could not be committed; None when it was.
    """

    def __init__(
        self, url: str, loop: AbstractEventLoop, settle: Callable[[int, list[Outcome]], None], chain: Chain
    ) -> None:
        self.queue: deque[Entry] = deque()
        self.wake = threading.Event()
        self.commits = 0
        self.stuck: str | None = None
        self._chain = chain
        self._url = url
        self._loop = loop
        self._settle = settle
        self._closing = False
        # Daemon: a gateway that dies without `close` must not hang in the interpreter's exit.
        self._thread = threading.Thread(target=self._run, name="openclaw-store", daemon=True)

    def start(self) -> "Future[None]":
        """Open the database; the future fails with StoreError when it cannot be used."""
        self._opened: Future[None] = self._loop.create_future()
        self._thread.start()
        return self._opened

    def close(self) -> "Future[None]":
        """Store what waits and close; the future is done when the thread has nothing left to do."""
        self._closed: Future[None] = self._loop.create_future()
        self._closing = True
        self.wake.set()
        return self._closed

    def join(self) -> None:
        """Wait for the thread's very end, which follows the future of `close` at once."""
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            engine = open_engine(self._url)
        except StoreError as error:
            self._call(_fail, self._opened, error)
            return
        try:
            with engine.connect() as connection:
                upgrade(connection)
                self._open_chain(connection)
                self._call(_finish, self._opened)
                while not self._closing or self.queue:
                    self._work(connection)
        except Exception as error:
            self.stuck = str(error)
            self._call(_fail, self._opened, explain(error, "opening", engine.url.database))
        finally:
            self._chain.close()
            engine.dispose()
            if self._closing:
                self._call(_finish, self._closed)

    def _open_chain(self, connection: Connection) -> None:
        self._statements = Statements(connection.dialect, self._chain)
        with connection.begin():
            self._statements.apply(connection, self._chain.open(connection))
        self._chain.keep()

    def _work(self, connection: Connection) -> None:
        self.wake.wait()
        self.wake.clear()
        entries = []
        while self.queue:
            entries.append(self.queue.popleft())
        writes = [entry for entry in entries if entry.changes]
        outcomes = self._store(connection, writes) if writes else []
        # Reads come after the writes of their group, so they see all that was handed over before.
        outcomes += [_read(connection, entry) for entry in entries if entry.read is not None]
        self._call(self._settle, sum(len(entry.changes) for entry in writes), outcomes)

    def _store(self, connection: Connection, entries: list[Entry]) -> list[Outcome]:
        before = self._chain.head
        try:
            with connection.begin():
                self._statements.apply(connection, chain.from_iterable(e.changes for e in entries))
        except Exception as error:
            self._chain.head = before
            if len(entries) > 1 and not _is_refused_whole(error):
                return self._store_each(connection, entries)
            return self._fail_all(entries, error)
        self._note_commit()
        return [Outcome(entry) for entry in entries if entry.future is not None]

    def _note_commit(self) -> None:
        self.commits += 1
        self.stuck = None
        self._chain.keep()

    def _fail_all(self, entries: list[Entry], error: Exception) -> list[Outcome]:
        self.stuck = str(explain(error, "storing"))
        return [Outcome(entry, explain(error, "storing")) for entry in entries]

    def _store_each(self, connection: Connection, entries: list[Entry]) -> list[Outcome]:
        """Find who spoiled the group: each call in a savepoint of its own, still one commit."""
        outcomes = []
        start = self._chain.head
        try:
            with connection.begin():
                for entry in entries:
                    before = self._chain.head
                    try:
                        with connection.begin_nested():
                            self._statements.apply(connection, entry.changes)
                    except Exception as error:
                        self._chain.head = before
                        outcomes.append(Outcome(entry, explain(error, "storing")))
                    else:
                        if entry.future is not None:
                            outcomes.append(Outcome(entry))
        except Exception as error:
            self._chain.head = start
            return self._fail_all(entries, error)
        self._note_commit()
        return outcomes

    def _call(self, fn: Callable[..., None], *args: object) -> None:
        """Hand something to the event loop; a loop that is gone has nobody left to tell."""
        try:
            self._loop.call_soon_threadsafe(fn, *args)
        except RuntimeError:
            _log.warning("the event loop ended before the store was closed")


def _read(connection: Connection, entry: Entry) -> Outcome:
    assert entry.read is not None
    try:
        with connection.begin() as transaction:
            value = entry.read(connection)
            transaction.rollback()
    except SQLAlchemyError as error:
        return Outcome(entry, explain(error, "reading"))
    except Exception as error:
        return Outcome(entry, error)
    return Outcome(entry, None, value)


def _is_refused_whole(error: Exception) -> bool:
    """Locked, full or read-only: the next try would wait for the same and fail the same."""
    text = str(error)
    return any(sign in text for sign in ("is locked", "disk is full", "readonly database"))


def _finish(future: "Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: "Future[None]", error: StoreError) -> None:
    if future.done():
        _log.error("the store's thread ended", exc_info=error)
    else:
        future.set_exception(error)

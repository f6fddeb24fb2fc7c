"""The one thread that owns the connection: takes what waits, commits it as a group."""

import logging
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Transaction
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Change
from openclaw_core.store.chain import Chain
from openclaw_core.store.engine import explain, refuses_all
from openclaw_core.store.line import Line, is_lost
from openclaw_core.store.postgres import commit_id, fate_of
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


class Doubt(NamedTuple):
    """A group whose commit was sent to the server and not answered.

    Attributes:
        number: of the transaction, as the server counts them.
        outcomes: what to tell when it turns out to be committed.
    """

    number: str
    entries: list[Entry]
    outcomes: list[Outcome]


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
        self._line = Line(url, self._open_chain)
        self._waiting: list[Entry] = []  # taken from the queue and not done
        self._kept: list[Entry] = []  # behind, from before the connection was lost
        self._doubt: Doubt | None = None
        self._gone = False
        self._settled = 0  # changes to report, with the outcomes
        self._outcomes: list[Outcome] = []
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
            self._line.open()
            self._call(_finish, self._opened)
            while not self._closing or self.queue or self._kept or self._doubt is not None:
                self._work()
        except Exception as error:
            self.stuck = str(error)
            self._call(_fail, self._opened, explain(error, "opening"))
        finally:
            self._chain.close()
            self._line.close()
            if self._closing:
                self._call(_finish, self._closed)

    def _open_chain(self, connection: Connection) -> None:
        """Go on where the database ends; after a lost connection that may be news to us."""
        self._statements = Statements(connection.dialect, self._chain)
        with connection.begin():
            self._statements.apply(connection, self._chain.open(connection))
        self._chain.keep()

    def _work(self) -> None:
        self.wake.wait(self._line.patience)
        self.wake.clear()
        while self.queue:
            self._waiting.append(self.queue.popleft())
        try:
            self._try_twice()
        except Exception as error:
            # Whatever it is: a thread that ended would leave everyone waiting for ever.
            self._put_off(explain(error, "storing"))
        if self._settled or self._outcomes:
            self._call(self._settle, self._settled, self._outcomes)
            self._settled, self._outcomes = 0, []

    def _try_twice(self) -> None:
        """A connection that broke while idle, or before a commit, is replaced without anyone's notice."""
        try:
            self._turn()
        except DBAPIError as error:
            _log.warning("the database's connection broke: %s", explain(error, "storing"))
            self._line.lose()
            self._turn()

    def _turn(self) -> None:
        """Do all that waits.

        Raises:
            StoreError, DBAPIError: there is no connection; what waits is still there.
        """
        connection = self._line.open(now=self._closing)
        self._come_back(connection)
        if not self._waiting:
            self._line.probe(connection)
        writes = [entry for entry in self._waiting if entry.changes]
        if writes:
            self._note(writes, self._store(connection, writes))
        # What is neither a change nor a read is done.
        self._waiting = [entry for entry in self._waiting if entry.read is not None]
        # Reads come after the writes of their group, so they see all that was handed over before.
        while self._waiting:
            self._note((), [_read(connection, self._waiting[0])])
            del self._waiting[0]

    def _note(self, entries: Sequence[Entry], outcomes: list[Outcome]) -> None:
        self._settled += sum(len(entry.changes) for entry in entries)
        self._outcomes += outcomes

    # A connection that is gone

    def _come_back(self, connection: Connection) -> None:
        """After a loss: what was under way first, then what was kept, then what is new."""
        doubt = self._doubt
        again: list[Entry] = []
        if doubt is not None:
            fate = fate_of(connection, doubt.number)
            if fate == "in progress":
                raise StoreError("the server still works on the last commit; try again", retryable=True)
            self._doubt = None
            if fate == "committed":
                self.commits += 1
                self._note(doubt.entries, doubt.outcomes)
            else:
                again = doubt.entries
        if again or self._kept:
            self._waiting = [*again, *self._kept, *self._waiting]
            self._kept = []
        if self._gone:
            self._gone, self.stuck = False, None
            _log.warning("the database is back")

    def _put_off(self, reason: StoreError) -> None:
        """Who waits is refused; what is to be written behind stays, but for the end of the gateway.

        A group whose commit was sent is not answered: only the server knows what became of it.
        """
        self._line.lose()
        if not self._gone:
            _log.error("the database is gone: %s", reason)
        self._gone, self.stuck = True, str(reason)
        refused = [entry for entry in self._waiting if entry.future is not None]
        self._kept += (entry for entry in self._waiting if entry.future is None)
        self._waiting = []
        if self._closing:
            refused += self._kept
            self._kept = []
            if self._doubt is not None:
                unknown = StoreError(f"whether this was stored is not known: {reason}")
                self._note(self._doubt.entries, [Outcome(entry, unknown) for entry in self._doubt.entries])
                self._doubt = None
        self._note(refused, [Outcome(entry, reason) for entry in refused])

    # Transactions

    def _store(self, connection: Connection, entries: list[Entry]) -> list[Outcome]:
        """All in one go; when that fails, each call in a savepoint of its own, still one commit.

        Raises:
            DBAPIError: the connection broke.
        """
        try:
            return self._transact(connection, entries, self._apply_all)
        except Exception as error:
            if is_lost(error):
                raise
            if len(entries) == 1 or refuses_all(error):
                return self._fail_all(entries, error)
        try:
            return self._transact(connection, entries, self._apply_each)
        except Exception as error:
            if is_lost(error):
                raise
            return self._fail_all(entries, error)

    def _transact(
        self,
        connection: Connection,
        entries: list[Entry],
        apply: Callable[[Connection, list[Entry]], list[Outcome]],
    ) -> list[Outcome]:
        before = self._chain.head
        try:
            with connection.begin() as transaction:
                outcomes = apply(connection, entries)
                self._commit(connection, transaction, entries, outcomes)
        except Exception:
            self._chain.head = before
            raise
        self.commits += 1
        self.stuck = None
        self._chain.keep()
        return outcomes

    def _commit(
        self, connection: Connection, transaction: Transaction, entries: list[Entry], outcomes: list[Outcome]
    ) -> None:
        number = commit_id(connection) if self._line.remote else ""
        try:
            transaction.commit()
        except DBAPIError as error:
            if is_lost(error):
                self._doubt = Doubt(number, entries, outcomes)
                self._waiting = [entry for entry in self._waiting if entry.read is not None]
            raise

    def _apply_all(self, connection: Connection, entries: list[Entry]) -> list[Outcome]:
        self._statements.apply(connection, chain.from_iterable(entry.changes for entry in entries))
        return [Outcome(entry) for entry in entries if entry.future is not None]

    def _apply_each(self, connection: Connection, entries: list[Entry]) -> list[Outcome]:
        outcomes = []
        for entry in entries:
            before = self._chain.head
            try:
                with connection.begin_nested():
                    self._statements.apply(connection, entry.changes)
            except Exception as error:
                if is_lost(error):
                    raise
                self._chain.head = before
                outcomes.append(Outcome(entry, explain(error, "storing")))
            else:
                if entry.future is not None:
                    outcomes.append(Outcome(entry))
        return outcomes

    def _fail_all(self, entries: list[Entry], error: Exception) -> list[Outcome]:
        reason = explain(error, "storing")
        self.stuck = str(reason)
        return [Outcome(entry, reason) for entry in entries]

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
        if is_lost(error):
            raise
        return Outcome(entry, explain(error, "reading"))
    except Exception as error:
        return Outcome(entry, error)
    return Outcome(entry, None, value)


def _finish(future: "Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: "Future[None]", error: StoreError) -> None:
    if future.done():
        _log.error("the store's thread ended", exc_info=error)
    else:
        future.set_exception(error)

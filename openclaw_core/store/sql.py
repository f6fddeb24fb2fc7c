"""The store over SQL: the event loop's side. See `base.Store` for what is promised."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Change, table_of
from openclaw_core.store.chain import Chain
from openclaw_core.store.models import Row
from openclaw_core.store.writer import Entry, Outcome, Writer

__all__ = ["SqlStore"]

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=Row)
T = TypeVar("T")

_BEHIND_SECONDS = 0.25
# A full multi-row INSERT of audit rows; waiting longer would save nothing.
_BEHIND_COUNT = 1024
# Past this many times the limit a database that stands still would eat the memory.
_REFUSE_FACTOR = 4


class SqlStore:
    """SQLite in a file, or any database of the same statements by its URL.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:////home/me/.openclaw/openclaw.db`.
        pending_limit: waiting changes at which `write_behind` forces a flush.
        chain: seals the audit rows; by default with no key and no file of its own.
    """

    def __init__(self, url: str, *, pending_limit: int = 100_000, chain: Chain | None = None) -> None:
        self._url = url
        self._chain = chain if chain is not None else Chain()
        self._limit = pending_limit
        self._writer: Writer | None = None
        self._wake_later: asyncio.TimerHandle | None = None
        self._wake_soon = False
        self._behind = 0  # changes since the writer was last woken
        self._refusing = False
        self._commits_before = 0  # of earlier starts
        self.failed = 0
        self.forced = 0
        self.pending = 0

    @property
    def commits(self) -> int:
        """Transactions committed."""
        return self._commits_before + (self._writer.commits if self._writer else 0)

    @property
    def stuck(self) -> str | None:
        """Why nothing can be stored now; None when the last transaction held."""
        return self._writer.stuck if self._writer else "the store is closed"

    async def start(self) -> None:
        """Open the database and bring its schema up to date; see `base.Store`."""
        if self._writer is not None:
            return
        self._loop = asyncio.get_running_loop()
        writer = Writer(self._url, self._loop, self._settle, self._chain)
        try:
            await writer.start()
        except asyncio.CancelledError:
            writer.close()
            raise
        self._writer = writer

    async def close(self) -> None:
        """Store what waits, then close; see `base.Store`."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        self._wake()  # forgets a planned flush; the close is one
        await writer.close()
        writer.join()
        self._commits_before += writer.commits

    async def load(self, model: type[R]) -> list[R]:
        """Every row of the table in primary-key order; see `base.Store`."""
        table = table_of(model)
        statement = select(table).order_by(*table.primary_key.columns)

        def read(connection: Connection) -> list[R]:
            return [model.from_values(row._asdict()) for row in connection.execute(statement)]

        return await self.query(read)

    async def write(self, *changes: Change) -> None:
        """Store all changes or none, durable on return; see `base.Store`."""
        if changes:
            await _certain(self._submit(changes, None))

    async def query(self, fn: Callable[[Connection], T]) -> T:
        """Run a read on the writer's connection; see `base.Store`."""
        value: T = await self._submit((), fn)
        return value

    def write_behind(self, *changes: Change) -> None:
        """Store the changes soon; see `base.Store`."""
        writer, count = self._writer, len(changes)
        if writer is None or self.pending >= self._limit * _REFUSE_FACTOR:
            self._refuse(count, closed=writer is None)
            return
        writer.queue.append(Entry(None, changes))
        self.pending += count
        self._behind += count
        if self._behind >= _BEHIND_COUNT:
            self._wake()
        elif self._wake_later is None:
            self._wake_later = self._loop.call_later(_BEHIND_SECONDS, self._wake)
        if self.pending > self._limit:
            self.forced += 1
            self._wake()

    def _submit(
        self, changes: tuple[Change, ...], read: Callable[[Connection], Any] | None
    ) -> asyncio.Future[Any]:
        if self._writer is None:
            raise StoreError("the store is not open; call start() first")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._writer.queue.append(Entry(future, changes, read))
        self.pending += len(changes)
        # At the end of this turn of the loop: all writes of one turn make one group.
        if not self._wake_soon:
            self._wake_soon = True
            self._loop.call_soon(self._wake)
        return future

    def _wake(self) -> None:
        if self._wake_later is not None:
            self._wake_later.cancel()
            self._wake_later = None
        self._wake_soon = False
        self._behind = 0
        if self._writer is not None:
            self._writer.wake.set()

    def _settle(self, count: int, outcomes: list[Outcome]) -> None:
        """Runs on the loop once per group: wake the callers, count what failed unseen."""
        self.pending -= count
        self._refusing = False
        for (future, changes, _read), error, value in outcomes:
            if future is None:
                self.failed += len(changes)
                _log.error("a change was not stored: %s", error)
            elif not future.done():
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)

    def _refuse(self, count: int, *, closed: bool) -> None:
        self.failed += count
        if not self._refusing:
            self._refusing = True
            why = "the store is closed" if closed else f"{self.pending} wait and the database stands still"
            _log.error("changes are refused, not stored: %s", why)


async def _certain(stored: asyncio.Future[None]) -> None:
    """Wait for the outcome; a cancellation goes on as soon as it is known, at the next await.

    Whoever was cancelled between would not know what the database holds now.
    """
    held: list[asyncio.CancelledError] = []
    task = asyncio.current_task()
    assert task is not None
    try:
        while True:
            try:
                await asyncio.shield(stored)
            except asyncio.CancelledError as cancelled:
                task.uncancel()
                held.append(cancelled)
            else:
                return
    finally:
        for each in held:
            task.cancel(*each.args)

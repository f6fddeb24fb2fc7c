"""What this node has begun and done of the work that waited for it, kept over any crash.

An entry is on disk before its command begins, and its outcome before it is reported: so a node
killed at any instruction neither runs an item twice nor forgets what became of it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from openclaw_core.errors import ConfigError
from openclaw_core.private_directory import make_private_directory

__all__ = ["Entry", "Journal"]

KEEP_MS: Final = 7 * 86_400_000
KEEP_ENTRIES: Final = 10_000
_BUSY_S: Final = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS work (
    id TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    outcome TEXT,
    reported INTEGER NOT NULL DEFAULT 0,
    ts_ms INTEGER NOT NULL
) WITHOUT ROWID
"""
_PRUNE = """
DELETE FROM work WHERE reported AND (ts_ms < ? OR id NOT IN
    (SELECT id FROM work WHERE reported ORDER BY ts_ms DESC LIMIT ?))
"""


class Entry(NamedTuple):
    """One item: `outcome` as `node.invoke.result` words it, None while it runs or after a crash."""

    id: str
    command: str
    outcome: dict[str, Any] | None


class Journal:
    """A SQLite file (0600), opened at first use; every method may be called from any thread.

    Reported entries are kept for a week, in case a gateway restored from a backup hands the same
    work out again.

    Raises:
        ConfigError: every method, when the file cannot be used; the text says what to do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._reported: list[str] = []

    def find(self, item_id: str) -> Entry | None:
        """What is known of an item."""
        rows = self._run("SELECT id, command, outcome FROM work WHERE id = ?", item_id)
        return _entry(rows[0]) if rows else None

    def begin(self, item_id: str, command: str) -> bool:
        """Note that an item is about to run; False when it was begun before, by whomever."""
        inserted = self._run(
            "INSERT INTO work (id, command, ts_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
            item_id,
            command,
            _now_ms(),
        )
        return bool(inserted)

    def finish(self, item_id: str, outcome: dict[str, Any]) -> None:
        """Note what became of an item that was begun."""
        text = orjson.dumps(outcome).decode()
        self._run("UPDATE work SET outcome = ?, ts_ms = ? WHERE id = ?", text, _now_ms(), item_id)

    def unreported(self) -> list[Entry]:
        """Outcomes that no gateway has confirmed, oldest first."""
        statement = (
            "SELECT id, command, outcome FROM work WHERE outcome IS NOT NULL AND NOT reported ORDER BY ts_ms"
        )
        return [_entry(row) for row in self._run(statement)]

    def note_reported(self, *ids: str) -> None:
        """Note that a gateway has confirmed outcomes; stored with the next change.

        A crash before that costs one repeated report, which is harmless.
        """
        with self._lock:
            self._reported.extend(ids)

    def close(self) -> None:
        """Store what is left and close; the next use opens it again."""
        if self._database is not None:
            self._run("SELECT 1")
            with self._lock:
                self._database.close()
                self._database = None

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                database = self._database or self._open()
                # One transaction, flushed to the disk when it ends (synchronous=FULL).
                with database:
                    for item_id in self._reported:
                        database.execute("UPDATE work SET reported = 1 WHERE id = ?", (item_id,))
                    rows = database.execute(statement, values).fetchall()
                self._reported.clear()
            except (OSError, sqlite3.Error) as error:
                raise ConfigError(
                    f"the journal {self.path} of work done by this node cannot be used: {error}; make room "
                    "and make it writable, or move it away if it is damaged: work that was begun and not "
                    "reported may then run again"
                ) from error
            return rows

    def _open(self) -> sqlite3.Connection:
        make_private_directory(self.path.parent)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(self.path, timeout=_BUSY_S, check_same_thread=False)
        try:
            _use_wal(database)
            database.execute("PRAGMA synchronous=FULL")
            with database:
                database.execute(_SCHEMA)
                database.execute(_PRUNE, (_now_ms() - KEEP_MS, KEEP_ENTRIES))
        except sqlite3.Error:
            database.close()
            raise
        self._database = database
        return database


def _use_wal(database: sqlite3.Connection) -> None:
    """Switch the file over; SQLite does not wait for another process that is just doing the same."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _entry(row: tuple[Any, ...]) -> Entry:
    item_id, command, outcome = row
    return Entry(item_id, command, orjson.loads(outcome) if outcome is not None else None)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

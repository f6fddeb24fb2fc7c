"""The audit trail's hash chain: what was changed, removed or cut off afterwards shows.

Each row carries a keyed BLAKE2b over the hash of the row before and its own values, so a
changed row breaks its own link and a missing one leaves a gap in the numbers, which are part
of what is hashed. The newest number and hash are kept in a file beside the database as well:
rows cut off at the end are missed there. Without the key, which is in a file of its own, no
link can be forged; who holds the whole state directory can forge everything.
"""

import hashlib
import hmac
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select

from openclaw_core.store.base import Append, table_of
from openclaw_core.store.models import AuditEvent

__all__ = ["HASHED", "START", "Chain", "Head", "HeadDamagedError", "link", "read_head", "write_head"]

_log = logging.getLogger(__name__)

HASHED = ("id", "ts_ms", "kind", "outcome", "actor", "subject", "details", "conn_id", "remote_ip")
"""The columns under the hash, in this order for ever."""

_HASH_BYTES = 32
_GIVEN = HASHED[1:]


class Head(NamedTuple):
    """The newest row: its number and its hash."""

    row_id: int
    chain_hash: bytes


START = Head(0, bytes(_HASH_BYTES))
"""What the first row is linked to."""


class HeadDamagedError(Exception):
    """The head file holds something that this key did not write."""


def link(key: bytes, before: bytes, values: Sequence[Any]) -> bytes:
    """The hash of one row.

    Args:
        key: 32 bytes, or empty for a chain that anyone can recompute.
        before: the hash of the row before.
        values: the row's, in the order of `HASHED`.
    """
    return hashlib.blake2b(before + orjson.dumps(values), key=key, digest_size=_HASH_BYTES).digest()


class Chain:
    """Numbers and hashes rows in the order in which the writer inserts them.

    Belongs to the writer's thread. After a transaction that failed the writer puts `head`
    back; after one that held it calls `keep`.

    Args:
        head_file: where the head is kept (0600); None keeps it in the table only.
    """

    def __init__(self, key: bytes = b"", head_file: Path | None = None) -> None:
        self._row_id, self._hash = START
        self._key = key
        self._file = head_file
        self._handle = -1
        self._kept: Head | None = None

    @property
    def head(self) -> Head:
        """The newest row, as far as inserted."""
        return Head(self._row_id, self._hash)

    @head.setter
    def head(self, head: Head) -> None:
        self._row_id, self._hash = head

    def open(self, connection: Connection) -> list[Append]:
        """Continue from the stored rows; the rows to insert first, when there is something to say.

        A trail that was tampered with is continued all the same: refusing to start would only
        hide it. The row that says so becomes part of the chain.
        """
        columns = table_of(AuditEvent).columns
        newest = select(columns.id, columns.chain_hash).order_by(columns.id.desc()).limit(1)
        found = connection.execute(newest).first()
        last = Head(found.id, found.chain_hash or b"") if found is not None else START
        try:
            kept = read_head(self._file, self._key) if self._file is not None else None
        except HeadDamagedError as error:
            self.head = last
            return [_note("audit.break", reason=str(error), row=last.row_id)]
        if kept is None:
            return self._open_without_head(connection, last)
        self._kept = kept
        self.head = Head(max(last.row_id, kept.row_id), last.chain_hash or START.chain_hash)
        if last.row_id < kept.row_id:
            reason = f"the newest row was {kept.row_id}, the database ends at {last.row_id}"
            return [_note("audit.break", reason=reason, row=last.row_id + 1)]
        broken = self._check_since(connection, kept)
        return [] if broken is None else [_note("audit.break", reason="a row was changed", row=broken)]

    def _open_without_head(self, connection: Connection, last: Head) -> list[Append]:
        self.head = last
        if last.row_id and not last.chain_hash:
            count, running = self._fold(connection)
            self.head = Head(last.row_id, running)
            return [_note("audit.begin", rowsBefore=count)]
        if last.row_id and self._file is not None:
            reason = f"{self._file.name} is gone; whether rows were cut off at the end cannot be told"
            return [_note("audit.break", reason=reason, row=last.row_id)]
        return []

    def _fold(self, connection: Connection) -> tuple[int, bytes]:
        """How many rows are older than the chain, and the hash over all of them."""
        columns = table_of(AuditEvent).columns
        count, running = 0, START.chain_hash
        statement = select(*(columns[name] for name in HASHED)).order_by(columns.id)
        for row in connection.execute(statement).yield_per(1000):
            count, running = count + 1, link(self._key, running, tuple(row))
        return count, running

    def _check_since(self, connection: Connection, kept: Head) -> int | None:
        """The first row from the kept head on that does not fit; a crash leaves only a few."""
        if kept == START:
            return None  # nothing to start from; `check_chain` looks at every row
        columns = table_of(AuditEvent).columns
        names = [columns[name] for name in (*HASHED, "chain_hash")]
        statement = select(*names).where(columns.id >= kept.row_id).order_by(columns.id)
        running, expected = kept.chain_hash, kept.row_id
        for *values, stored in connection.execute(statement).yield_per(1000):
            wanted = kept.chain_hash if values[0] == kept.row_id else link(self._key, running, values)
            if values[0] != expected or stored != wanted:
                return expected
            running, expected = stored, expected + 1
        return None

    def seal(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The next row: a value for every column of the table."""
        self._row_id += 1
        row = (self._row_id, *map(values.get, _GIVEN))
        self._hash = link(self._key, self._hash, row)
        return (*row, self._hash)

    def keep(self) -> None:
        """Write the head to its file, if it moved; called after each commit."""
        head = self.head
        if self._file is None or head == self._kept:
            return
        try:
            if self._handle < 0:
                self._handle = _open_private(self._file)
            _put(self._handle, _head_line(self._key, head))
        except OSError as error:
            _log.error("%s cannot be written: %s; make it writable for this user", self._file, error.strerror)
            return
        self._kept = head

    def close(self) -> None:
        """Let go of the head file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def read_head(file: Path, key: bytes) -> Head | None:
    """The head as last kept; None when there is no such file.

    Raises:
        HeadDamagedError: it cannot be read, or was not written with this key.
    """
    for _ in range(3):  # a reader beside the writer may meet half a line
        try:
            line = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HeadDamagedError(f"{file.name} cannot be read: {error.strerror}") from None
        head = _parse_head(line)
        if head is not None and hmac.compare_digest(_head_line(key, head), line):
            return head
    raise HeadDamagedError(f"{file.name} was not written with this gateway's audit key")


def write_head(file: Path, key: bytes, head: Head) -> None:
    """Write a head file (0600), as a restore does."""
    handle = _open_private(file)
    try:
        os.ftruncate(handle, 0)
        _put(handle, _head_line(key, head))
        os.fsync(handle)
    finally:
        os.close(handle)


def _head_line(key: bytes, head: Head) -> bytes:
    text = b"%020d %b" % (head.row_id, head.chain_hash.hex().encode())
    seal = hashlib.blake2b(text, key=key, digest_size=_HASH_BYTES, person=b"openclaw-head").hexdigest()
    return text + b" " + seal.encode() + b"\n"


def _parse_head(line: bytes) -> Head | None:
    try:
        row_id, chain_hash, _ = line.split()
        return Head(int(row_id), bytes.fromhex(chain_hash.decode()))
    except ValueError:
        return None


def _open_private(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)


def _put(handle: int, line: bytes) -> None:
    """Over the old line: it is as long, so there is never less than a whole one to read."""
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, line)
    os.ftruncate(handle, len(line))  # what stood there may have been no line of ours


def _note(kind: str, **details: Any) -> Append:
    if kind == "audit.break":
        _log.error("the audit trail does not fit: %s; see `openclaw audit verify`", details["reason"])
    outcome = "ok" if kind == "audit.begin" else "failed"
    values = {"ts_ms": time.time_ns() // 1_000_000, "kind": kind, "outcome": outcome, "actor": "gateway"}
    return Append(AuditEvent, values | {"details": orjson.dumps(details).decode()})

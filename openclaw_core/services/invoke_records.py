"""One outcome per idempotency key: what flies, what was answered, what a crash left (PROTOCOL 11.4).

The key is the node's id and the caller's `idempotencyKey`, whoever asks. A command that does no
harm twice is remembered in memory, for a short while and within a budget of bytes. Any other
has a row that was committed before the node heard of it, and its outcome before the caller does.

An error that says `retryable` is not remembered: the same key is then a new try.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from sqlalchemy import Connection, select

from openclaw_core.errors import RpcError, UnavailableError
from openclaw_core.services import outcomes
from openclaw_core.services.audit import actor_of
from openclaw_core.services.flights import Flight, FlightKey
from openclaw_core.services.outcomes import NOT_DISPATCHED, UNKNOWN
from openclaw_core.store.base import Remove, Save, Store, table_of
from openclaw_core.store.models import InvokeRecord

__all__ = ["InvokeRecords", "Recorded", "key_of"]

RECORD_TTL_MS = 86_400_000
MOST_RECORDS = 20_000
LARGEST_ANSWER_BYTES = 65_536
"""A larger outcome of a command that has a row is not stored; its repeat is told so."""

MEMORY_TTL_MS = 300_000
MOST_REMEMBERED = 2_048
REMEMBERED_BYTES = 8_388_608

_LONGEST_KEY = 256


def key_of(node_id: str, idempotency_key: str) -> FlightKey:
    """How an invoke is found again; a key without measure is kept by its hash."""
    if len(idempotency_key) > _LONGEST_KEY:
        encoded = idempotency_key.encode("utf-8", "surrogatepass")
        idempotency_key = f"blake2b:{hashlib.blake2b(encoded, digest_size=32).hexdigest()}"
    return node_id, idempotency_key


class Recorded:
    """A finished invoke; `answer` is None when only the database has it, or nobody.

    Attributes:
        state: as in the row; "dispatched" means that a crash kept the outcome from us.
    """

    __slots__ = ("answer", "command", "digest", "expires_at_ms", "state", "weight")

    def __init__(
        self,
        digest: bytes,
        command: str,
        state: str,
        expires_at_ms: int,
        answer: bytes | RpcError | None = None,
        weight: int = 0,
    ) -> None:
        self.digest = digest
        self.command = command
        self.state = state
        self.expires_at_ms = expires_at_ms
        self.answer = answer
        self.weight = weight


class InvokeRecords:
    """The invokes of this gateway by key.

    Args:
        now_ms: gives Unix milliseconds.
    """

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._by_key: dict[FlightKey, Flight | Recorded] = {}
        self._remembered: deque[tuple[FlightKey, Recorded]] = deque()
        self._stored: deque[tuple[FlightKey, Recorded]] = deque()
        self._bytes = 0

    async def load(self) -> None:
        """Read which keys have a row; once, before the first invoke."""
        for key, record in await self._store.query(_read_index):
            self._by_key[key] = record
            self._stored.append((key, record))
        self.purge()

    def find(self, key: FlightKey) -> Flight | Recorded | None:
        """What is known under a key."""
        found = self._by_key.get(key)
        if type(found) is Recorded and found.expires_at_ms <= self._now_ms():
            self.purge()
            return None
        return found

    def begin(self, flight: Flight) -> None:
        """An invoke takes its key."""
        flight.started_at_ms = self._now_ms()
        self._by_key[flight.key] = flight

    async def commit_dispatch(self, flight: Flight) -> None:
        """Store that the invoke is about to go out.

        Raises:
            StoreError: it is not stored and must not go out.
        """
        await self._store.write(Save(_row_of(flight, "dispatched", None)))

    def finish(self, flight: Flight, answer: bytes | RpcError) -> Awaitable[None] | None:
        """Take an outcome; what is returned has to be awaited before the caller may have it.

        Raises (from the awaitable):
            StoreError: the row still says "dispatched": a repeat will hear "outcome unknown".
        """
        if isinstance(answer, RpcError) and (answer.retryable or _outcome(answer) == NOT_DISPATCHED):
            self._forget(flight)
        elif flight.route.idempotent:
            self._remember(flight, answer)
        else:
            return self._commit_outcome(flight, answer)
        return None

    async def answer_of(self, key: FlightKey, record: Recorded) -> bytes | RpcError:
        """What a repeat of a finished invoke gets; one from the database costs a read.

        Raises:
            StoreError: the database could not be read.
        """
        if record.state == "dispatched":
            return outcomes.crashed(record.command)
        if record.answer is not None:
            return record.answer
        text = await self._store.query(lambda connection: _read_answer(connection, key))
        if text is None:
            return outcomes.not_kept(record.command, LARGEST_ANSWER_BYTES, failed=record.state == "failed")
        return text.encode() if record.state == "ok" else _error_of(orjson.loads(text))

    def purge(self) -> None:
        """Drop what is too old, and rows beyond their number."""
        now = self._now_ms()
        remembered, stored = self._remembered, self._stored
        while remembered and remembered[0][1].expires_at_ms <= now:
            self._forget_oldest()
        while stored and (stored[0][1].expires_at_ms <= now or len(stored) > MOST_RECORDS):
            key, record = stored.popleft()
            if self._by_key.get(key) is record:
                del self._by_key[key]
                self._store.write_behind(Remove(InvokeRecord, *key))

    def _forget_oldest(self) -> None:
        key, record = self._remembered.popleft()
        self._bytes -= record.weight
        if self._by_key.get(key) is record:
            del self._by_key[key]

    def _forget(self, flight: Flight) -> None:
        if self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]
        if not flight.route.idempotent:
            self._store.write_behind(Remove(InvokeRecord, *flight.key))

    def _remember(self, flight: Flight, answer: bytes | RpcError) -> None:
        weight = len(answer) if isinstance(answer, bytes) else len(answer.message)
        if weight > LARGEST_ANSWER_BYTES:
            self._forget(flight)  # running it again does no harm
            return
        expires = flight.started_at_ms + MEMORY_TTL_MS
        record = Recorded(flight.digest, flight.command, "done", expires, answer, weight)
        self._by_key[flight.key] = record
        self._remembered.append((flight.key, record))
        self._bytes += weight
        # The hot path: what is too old waits for the next purge.
        while len(self._remembered) > MOST_REMEMBERED or self._bytes > REMEMBERED_BYTES:
            self._forget_oldest()

    def _commit_outcome(self, flight: Flight, answer: bytes | RpcError) -> Awaitable[None] | None:
        failed = isinstance(answer, RpcError)
        encoded = orjson.dumps(answer.to_wire()) if isinstance(answer, RpcError) else answer
        text = encoded.decode() if len(encoded) <= LARGEST_ANSWER_BYTES else None
        row = _row_of(flight, "failed" if failed else "ok", text)
        if isinstance(answer, RpcError) and _outcome(answer) == UNKNOWN:
            # The row says as much already, so a crash before this one is stored changes nothing.
            self._store.write_behind(Save(row))
            self._settle(flight, row.state)
            return None
        return self._commit(flight, row)

    async def _commit(self, flight: Flight, row: InvokeRecord) -> None:
        try:
            await self._store.write(Save(row))
        except BaseException:
            self._settle(flight, "dispatched")
            raise
        self._settle(flight, row.state)

    def _settle(self, flight: Flight, state: str) -> None:
        record = Recorded(flight.digest, flight.command, state, flight.started_at_ms + RECORD_TTL_MS)
        self._by_key[flight.key] = record
        self._stored.append((flight.key, record))
        self.purge()


def _row_of(flight: Flight, state: str, answer: str | None) -> InvokeRecord:
    node_id, key = flight.key
    return InvokeRecord.from_values(
        {
            "node_id": node_id,
            "idempotency_key": key,
            "digest": flight.digest.hex(),
            "command": flight.command,
            "actor": actor_of(flight.invocation.caller),
            "state": state,
            "answer": answer,
            "created_at_ms": flight.started_at_ms,
            "expires_at_ms": flight.started_at_ms + RECORD_TTL_MS,
        }
    )


def _read_index(connection: Connection) -> list[tuple[FlightKey, Recorded]]:
    columns = table_of(InvokeRecord).columns
    wanted = (columns.node_id, columns.idempotency_key, columns.digest, columns.command, columns.state)
    rows = connection.execute(select(*wanted, columns.expires_at_ms).order_by(columns.expires_at_ms))
    return [
        ((node_id, key), Recorded(bytes.fromhex(digest), command, state, expires))
        for node_id, key, digest, command, state, expires in rows
    ]


def _read_answer(connection: Connection, key: FlightKey) -> str | None:
    columns = table_of(InvokeRecord).columns
    node_id, idempotency_key = key
    statement = select(columns.answer).where(
        columns.node_id == node_id, columns.idempotency_key == idempotency_key
    )
    answer: str | None = connection.execute(statement).scalar()
    return answer


def _outcome(error: RpcError) -> Any:
    return (error.details or {}).get("outcome")


def _error_of(wire: dict[str, Any]) -> RpcError:
    return UnavailableError(
        wire["message"], wire.get("details"), code=wire["code"], retryable=wire.get("retryable")
    )

"""`node.pending.*` for operators: leave work for a node, follow it, take it back (PROTOCOL 14)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from sys import intern
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.limits import MAX_INVOKE_TIMEOUT_MS
from openclaw_core.protocol.nodes import NodeInvokeParams
from openclaw_core.protocol.pending import OPEN_STATES, PendingEnqueueParams, PendingListParams
from openclaw_core.services import pending_rows as rows
from openclaw_core.services.backlog import Finished
from openclaw_core.services.invoke_records import key_of
from openclaw_core.services.ledger import Ledger
from openclaw_core.services.pending_admission import Admission
from openclaw_core.services.pending_item import Item
from openclaw_core.services.routes import ABSENT
from openclaw_core.store.base import Store, table_of
from openclaw_core.store.models import PendingWork

__all__ = ["DEFAULT_TTL_MS", "Pending"]

DEFAULT_TTL_MS: Final = 86_400_000
_DEFAULT_LIMIT = 200


class Pending:
    """What operators do with the queues; `now_ms` gives Unix milliseconds."""

    def __init__(self, store: Store, ledger: Ledger, admission: Admission, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._ledger = ledger
        self._backlog = ledger.backlog
        self._admission = admission
        self._now_ms = now_ms

    async def enqueue(self, caller: Caller, params: PendingEnqueueParams) -> dict[str, Any]:
        """`node.pending.enqueue` (14.1); stored when it answers.

        Raises:
            RpcError: unknown or unapproved node, a command that may not wait, or no room.
        """
        row = await self._place(caller, params)
        queued = rows.request_row(row)
        if row.command is not None:
            queued |= {"command": row.command, "state": row.state}
        revision = self._backlog.queue(params.node_id).revision
        # No push service is connected to this gateway, so nobody is ever woken.
        return {"nodeId": params.node_id, "revision": revision, "queued": queued, "wakeTriggered": False}

    async def enqueue_invoke(self, caller: Caller, params: NodeInvokeParams) -> dict[str, Any]:
        """`node.invoke` with `ifOffline:"queue"` to a node that is away: its answer.

        Raises:
            RpcError: as `enqueue`.
        """
        fields: dict[str, Any] = {
            "nodeId": params.node_id,
            "type": "node.invoke",
            "command": params.command,
            "idempotencyKey": key_of(params.node_id, params.idempotency_key)[1],
        }
        if "params" in params.model_fields_set:
            fields["params"] = params.params
        if params.timeout_ms is not None:
            fields["timeoutMs"] = params.timeout_ms
        row = await self._place(caller, PendingEnqueueParams.model_validate(fields))
        return {
            "ok": True,
            "queued": True,
            "queuedId": row.id,
            "nodeId": params.node_id,
            "command": params.command,
        }

    def holds(self, params: NodeInvokeParams) -> bool:
        """True when the invoke's key went to the queue, be it open or finished."""
        node_id, key = key_of(params.node_id, params.idempotency_key)
        return self._backlog.with_key(node_id, "node.invoke", key) is not None

    async def list_all(self, params: PendingListParams) -> dict[str, Any]:
        """`node.pending.list`: the newest items, without params and results."""
        most = params.limit or _DEFAULT_LIMIT
        if params.states and OPEN_STATES.issuperset(params.states):
            found = self._newest_open(params.node_id, frozenset(params.states), most)
        else:
            found = await self._newest_stored(params, most)
        return {"ts": self._now_ms(), "items": [rows.item_row(row) for row in found]}

    def _newest_open(self, node_id: str | None, states: frozenset[str], most: int) -> list[Item]:
        """From memory: in the table they may be few among very many finished ones."""
        hidden, queue = self._backlog.committing, self._backlog.peek(node_id or "")
        held: Iterator[Item] = reversed(self._backlog.open.values())
        if node_id is not None:
            held = iter(sorted(queue or (), key=lambda row: row.position, reverse=True))
        wanted = (row for row in held if row.state in states and row.id not in hidden)
        return list(islice(wanted, most))

    async def _newest_stored(self, params: PendingListParams, most: int) -> list[Item]:
        work = table_of(PendingWork)
        # Ids grow with time, and their index is the one there is: nothing is sorted.
        statement = select(work).order_by(work.c.id.desc())
        if params.node_id is not None:
            statement = statement.where(work.c.node_id == params.node_id)
        if params.states:
            statement = statement.where(work.c.state.in_(params.states))
        return await self._stored(statement.limit(most))

    async def get(self, caller: Caller, item_id: str) -> dict[str, Any]:
        """`node.pending.get`: one item with its params and what came back.

        Raises:
            InvalidRequestError: no such item.
            ForbiddenError: the caller could not have invoked the command itself.
        """
        row = await self.find(item_id)
        self._admission.require_scope(caller, row.command)
        return {"ts": self._now_ms(), "item": rows.full_row(row)}

    async def cancel(self, caller: Caller, item_id: str) -> dict[str, Any]:
        """`node.pending.cancel`: it is not delivered any more.

        A node that has it already may run it all the same: `delivered` says so, and what it
        reports later is recorded.

        Raises:
            InvalidRequestError: no such item, or it is final.
            ForbiddenError: the caller could not have invoked the command itself.
        """
        found = await self.find(item_id)
        self._admission.require_scope(caller, found.command)
        async with self._backlog.queue(found.node_id).lock:
            row = self._backlog.open.get(item_id)
            if row is None:
                state = (await self.find(item_id)).state
                raise InvalidRequestError(
                    f"{item_id} is {state} already and cannot be cancelled",
                    {"reason": "final", "id": item_id, "state": state},
                )
            await self._ledger.commit([self._ledger.ended(row, "cancelled")], caller)
        return {"id": item_id, "nodeId": row.node_id, "state": "cancelled", "delivered": row.is_out}

    async def find(self, item_id: str) -> Item:
        """An item, open or kept.

        Raises:
            InvalidRequestError: no such item.
        """
        row = self._backlog.open.get(item_id)
        if row is not None and item_id not in self._backlog.committing:
            return row
        if item_id in self._backlog.finished:
            work = table_of(PendingWork)
            stored = await self._stored(select(work).where(work.c.id == item_id))
            if stored:
                return stored[0]
        raise InvalidRequestError(
            f"unknown pending item {item_id!r} (finished ones are kept for a day); see those there are: "
            "openclaw nodes queue list",
            {"reason": "unknown-item", "id": item_id},
        )

    # Inside

    async def _place(self, caller: Caller, params: PendingEnqueueParams) -> Item:
        """The item that holds the request: the one that is there already, or a new one."""
        node_id, command, timeout = params.node_id, params.command, params.timeout_ms
        pairing = self._admission.require_node(node_id)
        data = params.params if "params" in params.model_fields_set else ABSENT
        while (held := self._held(params)) is not None:
            if command is not None:
                _check_same(held, self._admission.digest(command, data))
            kept = await self._keep(held, params)
            if kept is not None:
                return kept
        columns: dict[str, Any] = {"pairing_ms": pairing, "priority": params.priority or "normal"}
        if command is not None:
            admitted = self._admission.admit(caller, node_id, command, data)
            columns |= {
                "command": intern(command),
                "timeout_ms": None if timeout is None else min(timeout, MAX_INVOKE_TIMEOUT_MS),
                "idempotency_key": params.idempotency_key,
                "params_json": admitted.params_json,
                "digest": admitted.digest,
            }
        ttl = params.expires_in_ms or DEFAULT_TTL_MS
        return await self._ledger.insert(caller, params.type, node_id, ttl, columns)

    def _held(self, params: PendingEnqueueParams) -> Item | Finished | None:
        if params.type == "node.invoke":
            key = params.idempotency_key
            return None if key is None else self._backlog.with_key(params.node_id, params.type, key)
        queue = self._backlog.peek(params.node_id)
        waiting = queue.requests if queue is not None else ()
        return next((row for row in waiting if row.kind == params.type and not row.is_out), None)

    async def _keep(self, held: Item | Finished, params: PendingEnqueueParams) -> Item | None:
        """The item that is there, raised to what the repetition asks for; None when it just went."""
        if (storing := self._backlog.committing.get(held.id)) is not None:
            await asyncio.shield(storing)
        async with self._backlog.queue(held.node_id).lock:
            row = self._backlog.open.get(held.id)
            if row is None:
                return await self.find(held.id) if isinstance(held, Finished) else None
            changes: dict[str, Any] = {}
            if params.priority == "high" and row.priority != "high":
                changes["priority"] = "high"
            expires = self._now_ms() + (params.expires_in_ms or 0)
            if expires > row.expires_at_ms:
                changes["expires_at_ms"] = expires
            if changes:
                row = self._ledger.replaced(row, **changes)
                await self._ledger.commit([row], "rule:repeated")
            return row

    async def _stored(self, statement: Select[Any]) -> list[Item]:
        def read(connection: Connection) -> list[Item]:
            return [Item.stored(row) for row in connection.execute(statement)]

        return await self._store.query(read)


def _check_same(held: Item | Finished, digest: str) -> None:
    if held.digest != digest:
        raise InvalidRequestError(
            f"idempotencyKey was used for another request to this node (item {held.id}): use a new key",
            {"reason": "idempotency-key-reused", "id": held.id},
        )

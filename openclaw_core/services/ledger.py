"""What waits for nodes, kept: every change of an item goes through here (PROTOCOL 14).

A change is stored, then it shows in the backlog, in the trail and to operators. Only what a
crash may take back (that an item was handed out, that it is overdue) shows first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from sys import intern
from typing import Any

import orjson
from sqlalchemy import Connection, select

from openclaw_core.errors import RpcError, StoreError
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.pending import AVAILABLE, CHANGED, FINAL_STATES, State
from openclaw_core.services.audit import Audit, Outcome
from openclaw_core.services.backlog import Backlog, Finished, NodeQueue
from openclaw_core.services.events import Events, encode_event
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.outcomes import code_of
from openclaw_core.services.pending_admission import Admission
from openclaw_core.services.pending_item import Ids, Item, encode_caller, new_item, save
from openclaw_core.store.base import Remove, Save, Store, table_of
from openclaw_core.store.models import PendingRevision, PendingWork

__all__ = ["Ledger"]

_GOOD: frozenset[str] = frozenset(("done", "drained"))


class Ledger:
    """Writes items of every node; `now_ms` gives Unix milliseconds.

    Attributes:
        backlog: what is open.
    """

    def __init__(
        self,
        store: Store,
        admission: Admission,
        nodes: Nodes,
        audit: Audit,
        events: Events,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._admission = admission
        self._nodes = nodes
        self._audit = audit
        self._events = events
        self._now_ms = now_ms
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = Ids()
        self.backlog = Backlog()

    async def load(self) -> None:
        """Read what is durable; once, at start. Work of pairings that are gone is dropped."""
        open_rows, finished, revisions = await self._store.query(_read_all)
        for node_id, revision in revisions.items():
            self.backlog.queue(node_id).revision = revision
        for item in finished:
            self.backlog.remember(item)
        for row in open_rows:
            self.backlog.add(row)
        for queue in self.backlog:
            await self.drop_unpaired(queue)

    async def close(self) -> None:
        """Let what was begun in the background end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Changes

    async def insert(
        self, caller: Caller, kind: str, node_id: str, ttl_ms: int, columns: dict[str, Any]
    ) -> Item:
        """A new item, stored; out of everyone's sight until then.

        Raises:
            UnavailableError: there is no room.
            StoreError: it could not be stored.
        """
        queue = self.backlog.queue(node_id)
        self.backlog.check_room(queue, len(columns.get("params_json") or ""))
        revision = queue.next_revision()
        now = self._now_ms()
        row = new_item(
            id=self._ids.make(now),
            node_id=queue.node_id,
            kind=kind,
            position=revision,
            revision=revision,
            caller=encode_caller(caller),
            created_at_ms=now,
            expires_at_ms=now + ttl_ms,
            **columns,
        )
        storing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.backlog.committing[row.id] = storing
        self.backlog.add(row)
        try:
            await self._store.write(save(row))
        except StoreError as error:
            self.backlog.discard(row)
            storing.set_exception(error)
            storing.exception()  # a repetition may or may not be waiting for it
            raise
        finally:
            del self.backlog.committing[row.id]
            if not storing.done():
                storing.set_result(None)
        self._audit.note("pending.enqueue", caller, node_id, **_audited(row))
        self._broadcast(row)
        if row.pairing_ms != self._admission.pairing_of(node_id):
            self.node_unpaired(node_id)  # while it was being stored
        if (node := self._nodes.find(node_id)) is not None:
            self.announce_available(node)
        return row

    def replaced(self, row: Item, **changes: Any) -> Item:
        """An open item's next version, counted but not yet in force."""
        revision = self.backlog.queue(row.node_id).next_revision()
        return row._replace(revision=revision, **changes)

    def final(self, row: Item, state: State, error: RpcError | None = None) -> Item:
        """An item's final version, with the refusal that ended it."""
        return self.ended(
            row, state, error={"code": code_of(error), "message": error.message} if error else None
        )

    def ended(
        self,
        row: Item,
        state: State,
        *,
        error: dict[str, Any] | None = None,
        result_json: str | None = None,
    ) -> Item:
        """An item's final version, counted but not yet in force."""
        assert state in FINAL_STATES
        return self.replaced(
            row,
            state=state,
            finished_at_ms=self._now_ms(),
            lease_until_ms=None,
            result_json=result_json,
            error=orjson.dumps(error).decode() if error is not None else None,
        )

    async def commit(self, changed: list[Item], actor: str | Caller) -> None:
        """Store new versions, then put them in force; the caller holds the queue's lock.

        Raises:
            StoreError: nothing changed.
        """
        if changed:
            await self._store.write(*map(save, changed))
            self._put_in_force(changed, actor)

    def commit_later(self, changed: list[Item], actor: str | Caller) -> None:
        """Put new versions in force now and store them soon: what a crash may take back."""
        if changed:
            self._store.write_behind(*map(save, changed))
            self._put_in_force(changed, actor)

    # What nodes are told

    def announce_available(self, node: LiveNode) -> None:
        """Tell a connected node that work waits, once until it asks."""
        queue = self.backlog.peek(node.node_id)
        if queue is not None and len(queue) and not queue.told and node.approved:
            queue.told = node.link.send(encode_event(AVAILABLE, {"count": len(queue)}))

    def connected(self, node: LiveNode) -> None:
        """A node came: it may not know what waits."""
        queue = self.backlog.peek(node.node_id)
        if queue is not None:
            queue.told = False
            self.announce_available(node)

    # By the clock, and by what happens to nodes

    def purge(self) -> None:
        """End what is overdue and forget what ended long ago; once a second."""
        now = self._now_ms()
        ended: list[Item] = []
        for row in self.backlog.due(now):
            if self.backlog.is_busy(row):
                self.backlog.postpone(row)
            else:
                ended.append(self.expired(row))
        self.commit_later(ended, "rule:expiry")
        gone = self.backlog.forget_old(now)
        if gone:
            nodes = {item.node_id for item in gone}
            kept = [
                PendingRevision(node_id=node, revision=self.backlog.queue(node).revision) for node in nodes
            ]
            removed = [Remove(PendingWork, item.id) for item in gone]
            self._store.write_behind(*map(Save, kept), *removed)

    def expired(self, row: Item) -> Item:
        """An overdue item's final version: what a node holds may still have been run."""
        return self.final(row, "unknown" if row.is_out else "expired")

    def dropped(self, row: Item) -> Item:
        """The final version of an item whose pairing is gone."""
        error = {"code": "PAIRING_CHANGED", "message": "the node was revoked, removed or paired anew"}
        return self.ended(row, "dropped", error=error)

    def node_unpaired(self, node_id: str) -> None:
        """A node was revoked or removed, or is paired anew: its work goes with the old pairing."""
        queue = self.backlog.peek(node_id)
        if queue is not None and len(queue):
            self._spawn(self.drop_unpaired(queue))

    async def drop_unpaired(self, queue: NodeQueue) -> None:
        """Drop the items of a queue that waited for another pairing than the present one."""
        async with queue.lock:
            pairing = self._admission.pairing_of(queue.node_id)
            stale = [
                row for row in queue if row.pairing_ms != pairing and row.id not in self.backlog.committing
            ]
            await self.commit([self.dropped(row) for row in stale], "rule:pairing")

    # Inside

    def _put_in_force(self, changed: list[Item], actor: str | Caller) -> None:
        for row in changed:
            if row.state in FINAL_STATES:
                self.backlog.finish(row)
                outcome: Outcome = "ok" if row.state in _GOOD else "failed"
                self._audit.note(f"pending.{row.state}", actor, row.node_id, outcome, **_audited(row))
            else:
                self.backlog.replace(row)
            self._broadcast(row)

    def _broadcast(self, row: Item) -> None:
        payload = {
            "id": row.id,
            "nodeId": row.node_id,
            "type": "node.invoke" if row.kind == "foreground" else row.kind,
            "state": row.state,
            "revision": row.revision,
            "ts": self._now_ms(),
        }
        if row.command is not None:
            payload["command"] = row.command
        self._events.broadcast(CHANGED, payload)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _audited(row: Item) -> dict[str, Any]:
    details: dict[str, Any] = {"id": row.id, "type": row.kind}
    if row.command is not None:
        details["command"] = row.command
    if row.error is not None:
        details["code"] = orjson.loads(row.error).get("code")
    return details


def _read_all(connection: Connection) -> tuple[list[Item], list[Finished], dict[str, int]]:
    """Open rows by age, what to remember of finished ones, and each node's revision but for the open ones."""
    work, counts = table_of(PendingWork), table_of(PendingRevision)
    revisions = {row.node_id: row.revision for row in connection.execute(select(counts))}
    waiting = select(work).where(work.c.finished_at_ms.is_(None))
    open_rows = [Item.stored(row) for row in connection.execute(waiting)]
    open_rows.sort(key=lambda row: (row.created_at_ms, row.position))
    kept = (work.c.id, work.c.node_id, work.c.kind, work.c.idempotency_key, work.c.digest)
    ended = select(*kept, work.c.finished_at_ms, work.c.revision).where(work.c.finished_at_ms.is_not(None))
    finished = []
    for item_id, node_id, *others, revision in connection.execute(ended.order_by(work.c.finished_at_ms)):
        finished.append(Finished(item_id, intern(node_id), *others))
        revisions[node_id] = max(revision, revisions.get(node_id, 0))
    return open_rows, finished, revisions

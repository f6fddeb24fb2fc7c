"""Handing work to a node and hearing what became of it: drain, pull, ack (PROTOCOL 14.2, 14.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from openclaw_core.errors import InvalidRequestError, RpcError
from openclaw_core.protocol.nodes import NodeInvokeError
from openclaw_core.protocol.pending import (
    OUTCOME_UNKNOWN,
    PendingAckParams,
    PendingDrainParams,
    PendingPullParams,
    PendingResult,
)
from openclaw_core.services import pending_rows as rows
from openclaw_core.services.audit import Audit
from openclaw_core.services.backlog import Lane, NodeQueue
from openclaw_core.services.ledger import Ledger
from openclaw_core.services.nodes import LiveNode
from openclaw_core.services.pending import Pending
from openclaw_core.services.pending_admission import MAX_RESULT_BYTES, Admission
from openclaw_core.services.pending_item import Item

__all__ = ["Deliveries"]

_DRAIN_ITEMS: Final = 4
_PULL_ITEMS: Final = 100
_PULL_BYTES: Final = 4 * 1024**2
# What the gateway itself said of an item without knowing; a node that knows better is believed.
_GUESSED: frozenset[str] = frozenset(("unknown", "expired", "cancelled"))


class Deliveries:
    """What nodes ask about their queues; `now_ms` gives Unix milliseconds."""

    def __init__(
        self,
        ledger: Ledger,
        pending: Pending,
        admission: Admission,
        audit: Audit,
        now_ms: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._backlog = ledger.backlog
        self._pending = pending
        self._admission = admission
        self._audit = audit
        self._now_ms = now_ms

    async def drain(self, node: LiveNode, params: PendingDrainParams) -> dict[str, Any]:
        """`node.pending.drain` (14.2).

        Without a lease the items are gone, stored so before the answer: a node that cannot
        acknowledge never gets one twice. With a lease they come again until acknowledged.

        Raises:
            UnavailableError: the node's surface is not approved.
        """
        self._admission.require_node(node.node_id)
        queue, most = self._backlog.queue(node.node_id), params.max_items or _DRAIN_ITEMS
        async with queue.lock:
            queue.told = False
            now = self._now_ms()
            taken, more = await self._take(node, queue.requests, now, most)
            others = (row for row in queue.requests if not row.is_out)
            explicit = any(row.kind == "status.request" for row in (*taken, *others))
            if params.lease_ms is None:
                ended = [self._ledger.ended(row, "drained") for row in taken]
                await self._ledger.commit(ended, f"device:{node.node_id}")
            else:
                self._mark_delivered(taken, now, now + params.lease_ms)
        items = [rows.request_row(row) for row in taken]
        if not explicit and len(items) < most:
            items.append(rows.baseline_row(now))
        return {"nodeId": node.node_id, "revision": queue.revision, "items": items, "hasMore": more}

    async def pull(self, node: LiveNode, params: PendingPullParams) -> dict[str, Any]:
        """`node.pending.pull` (14.3): what is to be run; it stays until acknowledged.

        Raises:
            UnavailableError: the node's surface is not approved.
        """
        self._admission.require_node(node.node_id)
        queue = self._backlog.queue(node.node_id)
        async with queue.lock:
            queue.told = False
            now = self._now_ms()
            taken, more = await self._take(node, queue.actions, now, params.max_items or _PULL_ITEMS)
            self._mark_delivered([row for row in taken if not row.is_out], now, None)
        answer: dict[str, Any] = {
            "nodeId": node.node_id,
            "actions": [rows.action_row(row) for row in taken],
        }
        return answer | {"hasMore": True} if more else answer

    async def ack(self, node: LiveNode, params: PendingAckParams) -> dict[str, Any]:
        """`node.pending.ack` (14.3): final when it answers, and never delivered again.

        Ids that were acknowledged before, and unknown ones, are echoed like all others; the
        unknown ones are named too.
        """
        ids = list(dict.fromkeys(params.ids))
        results = {result.id: result for result in params.results or ()}
        queue, ended, unknown = self._backlog.queue(node.node_id), [], []
        async with queue.lock:
            for item_id in ids:
                row = self._own_open(queue, item_id)
                if row is not None:
                    ended.append(self._judge(row, results.get(item_id)))
                elif not self._is_finished(node.node_id, item_id):
                    unknown.append(item_id)
                    self._note_foreign(node, item_id)
                elif item_id in results:
                    ended += await self._correct(item_id, results[item_id])
            await self._ledger.commit(ended, f"device:{node.node_id}")
        answer: dict[str, Any] = {
            "nodeId": node.node_id,
            "ackedIds": ids,
            "remainingCount": len(queue.actions),
        }
        return answer | {"unknownIds": unknown} if unknown else answer

    # What may go out

    async def _take(self, node: LiveNode, lane: Lane, now: int, most: int) -> tuple[list[Item], bool]:
        """The first items to deliver, and whether there are more.

        What may not go any more is ended on the way, with the reason.
        """
        taken: list[Item] = []
        ended: list[Item] = []
        more, size = False, 0
        for row in lane:
            if row.id in self._backlog.committing or (row.lease_until_ms or 0) > now:
                continue
            verdict = self._judge_delivery(node, row, now)
            if isinstance(verdict, Item):
                ended.append(verdict)
            elif verdict:
                size += len(row.params_json or "")
                more = len(taken) >= most or (bool(taken) and size > _PULL_BYTES)
                if more:
                    break
                taken.append(row)
        await self._ledger.commit(ended, "rule:delivery")
        return taken, more

    def _judge_delivery(self, node: LiveNode, row: Item, now: int) -> bool | Item:
        """Whether the item goes now; its final version when it never will."""
        if row.expires_at_ms <= now:
            return self._ledger.expired(row)
        if row.pairing_ms != self._admission.pairing_of(node.node_id):
            return self._ledger.dropped(row)
        if row.command is None:
            return True
        if row.command not in node.commands and self._admission.awaits_approval(node.node_id, row.command):
            return False
        denial = self._admission.recheck(node, row)
        return True if denial is None else self._ledger.final(row, "failed", denial)

    def _mark_delivered(self, taken: list[Item], now: int, lease_until_ms: int | None) -> None:
        changed = [
            self._ledger.replaced(
                row,
                state="delivered",
                delivered_at_ms=row.delivered_at_ms or now,
                lease_until_ms=lease_until_ms,
            )
            for row in taken
        ]
        # A crash may forget that it was out: then it is delivered again, as it would be anyway.
        self._ledger.commit_later(changed, "rule:delivery")

    # What came back

    def _own_open(self, queue: NodeQueue, item_id: str) -> Item | None:
        if item_id in self._backlog.committing:
            return None
        return queue.actions.get(item_id) or queue.requests.get(item_id)

    def _is_finished(self, node_id: str, item_id: str) -> bool:
        item = self._backlog.finished.get(item_id)
        return item is not None and item.node_id == node_id

    def _note_foreign(self, node: LiveNode, item_id: str) -> None:
        """Audit a node that acknowledges another one's work; the node is told only that it is unknown."""
        item = self._backlog.open.get(item_id) or self._backlog.finished.get(item_id)
        if item is not None and item.node_id != node.node_id:
            self._audit.refuse(
                "node.pending.ack", "FOREIGN_WORK", f"node:{node.node_id}", item.node_id, ip=node.remote_ip
            )

    def _judge(self, row: Item, result: PendingResult | None) -> Item:
        """The final version of an item that the node is done with."""
        if result is None:
            return self._ledger.ended(row, "done")
        if not result.ok:
            error = _wire_error(result.error)
            unknown = error["code"] == OUTCOME_UNKNOWN
            return self._ledger.ended(row, "unknown" if unknown else "failed", error=error)
        if row.command is None:
            return self._ledger.ended(row, "done")
        try:
            text = self._admission.read_result(row, result)
        except RpcError as error:
            return self._ledger.final(row, "failed", error)
        if text is not None and len(text) > MAX_RESULT_BYTES:
            problem = f"it was done; its result of {len(text)} bytes is not kept (limit {MAX_RESULT_BYTES})"
            return self._ledger.ended(row, "done", error={"code": "RESULT_TOO_LARGE", "message": problem})
        return self._ledger.ended(row, "done", result_json=text)

    async def _correct(self, item_id: str, result: PendingResult) -> list[Item]:
        """What a node reports of an item that the gateway had given up on."""
        try:
            row = await self._pending.find(item_id)
        except InvalidRequestError:
            return []  # purged since
        return [self._judge(row, result)] if row.state in _GUESSED else []


def _wire_error(error: NodeInvokeError | None) -> dict[str, Any]:
    code = (error.code if error else None) or "UNAVAILABLE"
    message = (error.message if error else None) or "the node gave no reason"
    return {"code": code, "message": message}

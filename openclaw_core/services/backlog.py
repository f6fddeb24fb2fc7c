"""Open work in memory, true to the store; of finished work only what deduplication needs.

Everything here is flat in the size of the table: by id, by node, by idempotency key, and a
heap by expiry. The service writes the store first, or keeps an item out of sight until then.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator
from typing import Final, NamedTuple

from openclaw_core.errors import UnavailableError
from openclaw_core.services.pending_item import Item

__all__ = ["Backlog", "Finished", "Lane", "NodeQueue"]

MAX_NODE_ITEMS: Final = 1_000
MAX_NODE_BYTES: Final = 16 * 1024**2
MAX_ITEMS: Final = 200_000
MAX_BYTES: Final = 256 * 1024**2
FINISHED_TTL_MS: Final = 86_400_000
MAX_FINISHED: Final = 200_000
PURGE_BATCH: Final = 1_000
_ITEM_BYTES = 512  # what an item without params weighs, about

Key = tuple[str, str, str]  # node, kind, idempotency key


class Finished(NamedTuple):
    """What stays in memory of a finished item until it is purged."""

    id: str
    node_id: str
    kind: str
    key: str | None
    digest: str | None
    finished_at_ms: int


class Lane:
    """Items of one node that are handed out together: high priority first, then oldest first."""

    __slots__ = ("_high", "_normal")

    def __init__(self) -> None:
        self._high: dict[str, Item] = {}
        self._normal: dict[str, Item] = {}

    def __len__(self) -> int:
        return len(self._high) + len(self._normal)

    def __iter__(self) -> Iterator[Item]:
        return iter((*self._high.values(), *self._normal.values()))

    def get(self, item_id: str) -> Item | None:
        """The item, if it is here."""
        return self._high.get(item_id) or self._normal.get(item_id)

    def put(self, row: Item) -> None:
        """Take in an item, or its next version in its place."""
        if row.priority != "high":
            self._normal[row.id] = row
        elif self._normal.pop(row.id, None) is None:
            self._high[row.id] = row
        else:  # it was raised: among the high ones it takes the place of its age
            aged = sorted((*self._high.values(), row), key=lambda item: item.position)
            self._high = {item.id: item for item in aged}

    def remove(self, item_id: str) -> None:
        """Take an item out."""
        if self._high.pop(item_id, None) is None:
            self._normal.pop(item_id, None)


class NodeQueue:
    """One node's open items.

    Attributes:
        requests: what `drain` gives; `actions`: what `pull` gives.
        revision: counts every change, over restarts, and never backwards.
        lock: held over every change of an item that is already here.
        told: the node was told that work waits and has not asked since.
    """

    __slots__ = ("actions", "bytes", "lock", "node_id", "requests", "revision", "told")

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.requests = Lane()
        self.actions = Lane()
        self.revision = 0
        self.bytes = 0
        self.lock = asyncio.Lock()
        self.told = False

    def __len__(self) -> int:
        return len(self.requests) + len(self.actions)

    def __iter__(self) -> Iterator[Item]:
        return iter((*self.requests, *self.actions))

    def next_revision(self) -> int:
        """Count a change."""
        self.revision += 1
        return self.revision

    def lane(self, kind: str) -> Lane:
        """The items among which one of this kind stands."""
        return self.actions if kind in ("node.invoke", "foreground") else self.requests


class Backlog:
    """Every open item.

    Attributes:
        open: by id.
        finished: by id, oldest first.
        committing: items that are being stored for the first time; nobody may see them yet.
    """

    def __init__(self) -> None:
        self.open: dict[str, Item] = {}
        self.finished: dict[str, Finished] = {}
        self.committing: dict[str, asyncio.Future[None]] = {}
        self._queues: dict[str, NodeQueue] = {}
        self._keys: dict[Key, str] = {}
        self._expiries: list[tuple[int, str]] = []  # also of items that are finished or expire later
        self._bytes = 0

    def __iter__(self) -> Iterator[NodeQueue]:
        return iter(tuple(self._queues.values()))

    def queue(self, node_id: str) -> NodeQueue:
        """The node's queue, made at first use."""
        queue = self._queues.get(node_id)
        if queue is None:
            queue = self._queues[node_id] = NodeQueue(node_id)
        return queue

    def peek(self, node_id: str) -> NodeQueue | None:
        """The node's queue if it ever had one."""
        return self._queues.get(node_id)

    def with_key(self, node_id: str, kind: str, key: str) -> Item | Finished | None:
        """The item that was asked for under an idempotency key."""
        item_id = self._keys.get((node_id, kind, key), "")
        return self.open.get(item_id) or self.finished.get(item_id)

    def check_room(self, queue: NodeQueue, size: int) -> None:
        """Refuse what would pass a bound.

        Args:
            size: bytes of the item's params.

        Raises:
            UnavailableError: `QUEUE_FULL`, with what waits, the bound and the cure.
        """
        weight, node = size + _ITEM_BYTES, f"node {queue.node_id}"
        for what, used, limit, unit in (
            (node, len(queue) + 1, MAX_NODE_ITEMS, "items"),
            (node, queue.bytes + weight, MAX_NODE_BYTES, "bytes"),
            ("this gateway", len(self.open) + 1, MAX_ITEMS, "items"),
            ("this gateway", self._bytes + weight, MAX_BYTES, "bytes"),
        ):
            if used > limit:
                raise _full(what, queue.node_id, limit, unit, len(queue))

    def add(self, row: Item) -> None:
        """Take in an open item."""
        item_id, node_id, kind, key = row.id, row.node_id, row.kind, row.idempotency_key
        queue = self.queue(node_id)
        self.open[item_id] = row
        queue.lane(kind).put(row)
        queue.revision = max(queue.revision, row.revision)
        self._weigh(queue, row, 1)
        if key is not None:
            self._keys[node_id, kind, key] = item_id
        self._expect(row)

    def replace(self, row: Item) -> None:
        """Put a changed open item in the place of its former version."""
        before, self.open[row.id] = self.open[row.id], row
        self.queue(row.node_id).lane(row.kind).put(row)
        if row.expires_at_ms != before.expires_at_ms:
            self._expect(row)

    def discard(self, row: Item) -> None:
        """Forget an item that could not be stored."""
        self._take_out(row)
        if row.idempotency_key is not None:
            self._keys.pop((row.node_id, row.kind, row.idempotency_key), None)

    def finish(self, row: Item) -> None:
        """Move an item to the finished ones; a finished one just stays."""
        if row.id in self.open:
            self._take_out(row)
            self.remember(
                Finished(
                    row.id, row.node_id, row.kind, row.idempotency_key, row.digest, row.finished_at_ms or 0
                )
            )

    def remember(self, item: Finished) -> None:
        """Know a finished item."""
        self.finished[item.id] = item
        if item.key is not None:
            self._keys.setdefault((item.node_id, item.kind, item.key), item.id)

    def due(self, now: int) -> list[Item]:
        """Open items whose time has passed, taken off the heap; at most a batch."""
        found: list[Item] = []
        while self._expiries and self._expiries[0][0] <= now and len(found) < PURGE_BATCH:
            _, item_id = heapq.heappop(self._expiries)
            row = self.open.get(item_id)
            if row is not None and row.expires_at_ms <= now:
                found.append(row)
        return found

    def is_busy(self, row: Item) -> bool:
        """True while the item is being stored or its queue is being changed."""
        return row.id in self.committing or self.queue(row.node_id).lock.locked()

    def postpone(self, row: Item) -> None:
        """Put an item from `due` back for the next time."""
        self._expect(row)

    def forget_old(self, now: int) -> list[Finished]:
        """Finished items that need not be kept, taken out; at most a batch."""
        gone: list[Finished] = []
        for item in self.finished.values():
            spare = len(self.finished) - len(gone) <= MAX_FINISHED
            if len(gone) >= PURGE_BATCH or (spare and item.finished_at_ms + FINISHED_TTL_MS > now):
                break
            gone.append(item)
        for item in gone:
            del self.finished[item.id]
            if item.key is not None and self._keys.get((item.node_id, item.kind, item.key)) == item.id:
                del self._keys[item.node_id, item.kind, item.key]
        return gone

    def _expect(self, row: Item) -> None:
        """Have the item come up in `due`; now and then without those that need not any more."""
        if len(self._expiries) > 2 * len(self.open) + PURGE_BATCH:
            self._expiries = [(each.expires_at_ms, each.id) for each in self.open.values()]
            heapq.heapify(self._expiries)
        else:
            heapq.heappush(self._expiries, (row.expires_at_ms, row.id))

    def _take_out(self, row: Item) -> None:
        held = self.open.pop(row.id)
        queue = self.queue(row.node_id)
        queue.lane(row.kind).remove(row.id)
        self._weigh(queue, held, -1)

    def _weigh(self, queue: NodeQueue, row: Item, sign: int) -> None:
        weight = sign * (len(row.params_json or "") + _ITEM_BYTES)
        queue.bytes += weight
        self._bytes += weight


def _full(what: str, node_id: str, limit: int, unit: str, waiting: int) -> UnavailableError:
    return UnavailableError(
        f"{what} may have at most {limit} {unit} of work waiting; try again when some is done, or make "
        f"room: openclaw nodes queue list --node {node_id}, then openclaw nodes queue cancel ID",
        {"code": "QUEUE_FULL", "nodeId": node_id, "limit": limit, "unit": unit, "waiting": waiting},
        retryable=True,
    )

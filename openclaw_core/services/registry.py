"""Identity and approval in memory, true to the store: the store is written first.

Reads never touch the database. A change is committed, then it shows here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

from openclaw_core.auth.pairing_rules import Approved
from openclaw_core.store.base import Append, Change, Remove, Save, Store
from openclaw_core.store.models import (
    Device,
    DeviceToken,
    LegacyNode,
    LegacyRequest,
    NodeSurface,
    PairRequest,
    Row,
    SetupCode,
    SurfaceRequest,
)

__all__ = ["Registry"]

R = TypeVar("R", bound=Row)


class Registry:
    """The rows of devices, tokens, requests and surfaces.

    Attributes:
        devices: by device id.
        tokens: by (device id, role).
        pair_requests: by device id; one per device.
        surfaces: by node id.
        surface_requests: by node id; one per node.
        setup_codes: by setup id.
        legacy_requests, legacy_nodes: by node id (chapter 25).
        on_unpaired: hears of every device with a token that was revoked, removed or issued anew.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.devices: dict[str, Device] = {}
        self.tokens: dict[tuple[str, str], DeviceToken] = {}
        self.pair_requests: dict[str, PairRequest] = {}
        self.surfaces: dict[str, NodeSurface] = {}
        self.surface_requests: dict[str, SurfaceRequest] = {}
        self.setup_codes: dict[str, SetupCode] = {}
        self.legacy_requests: dict[str, LegacyRequest] = {}
        self.legacy_nodes: dict[str, LegacyNode] = {}
        self.on_unpaired: Callable[[str], None] = lambda _device_id: None
        self._request_owner: dict[str, str] = {}  # request id → device or node id
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._notes: dict[str, list[Callable[[], None]]] = {}  # by the name of the lock they wait for

    async def load(self) -> None:
        """Fill from the store, once, at start."""
        for model in (
            *(Device, DeviceToken, PairRequest, NodeSurface, SurfaceRequest),
            *(SetupCode, LegacyRequest, LegacyNode),
        ):
            for row in await self._store.load(model):
                self._put(row)

    @asynccontextmanager
    async def lock(self, device_id: str):  # type: ignore[no-untyped-def]
        """Hold a device still: its handshake and its approvals never interleave."""
        lock, users = self._locks.get(device_id, (asyncio.Lock(), 0))
        self._locks[device_id] = (lock, users + 1)
        try:
            async with lock:
                try:
                    yield
                finally:
                    for note in self._notes.pop(device_id, ()):
                        note()
        finally:
            lock, users = self._locks[device_id]
            if users == 1:
                del self._locks[device_id]
            else:
                self._locks[device_id] = (lock, users - 1)

    def is_held(self, device_id: str) -> bool:
        """Whether a change of this device is under way, or waits for one that is."""
        return device_id in self._locks

    def when_free(self, device_id: str, note: Callable[[], None]) -> None:
        """Run `note` now, or as soon as the change under way is decided.

        For what happens to a device outside its lock: the old row, written after the new one that
        a person's decision makes, would undo that decision in the store.
        """
        if self.is_held(device_id):
            self._notes.setdefault(device_id, []).append(note)
        else:
            note()

    async def commit(self, *changes: Row | Remove | Append) -> None:
        """Store rows, removals and audit entries in one transaction, then show them.

        Raises:
            StoreError: nothing was changed.
        """
        await self._store.write(*map(_as_change, changes))
        self._apply(changes)

    def commit_later(self, *changes: Row | Remove | Append) -> None:
        """Show the changes at once and store them behind the answer: for times and counters.

        The caller holds the lock of what it changes, or nobody does (`when_free`).
        """
        self._apply(changes)
        self._store.write_behind(*map(_as_change, changes))

    def owner_of(self, request_id: str) -> str | None:
        """The device or node that a pending request of any kind belongs to."""
        return self._request_owner.get(request_id)

    def pair_request(self, request_id: str) -> PairRequest | None:
        """The pending device request with this id."""
        request = self.pair_requests.get(self._request_owner.get(request_id, ""))
        return request if request is not None and request.request_id == request_id else None

    def surface_request(self, request_id: str) -> SurfaceRequest | None:
        """The pending surface request with this id."""
        request = self.surface_requests.get(self._request_owner.get(request_id, ""))
        return request if request is not None and request.request_id == request_id else None

    def legacy_request(self, request_id: str) -> LegacyRequest | None:
        """The pending announcement with this id (25.1)."""
        request = self.legacy_requests.get(self._request_owner.get(request_id, ""))
        return request if request is not None and request.request_id == request_id else None

    def tokens_of(self, device_id: str) -> Iterator[DeviceToken]:
        """Every token row of a device, revoked ones included."""
        for role in self.devices[device_id].roles if device_id in self.devices else ():
            token = self.tokens.get((device_id, role))
            if token is not None:
                yield token

    def approved(self, device_id: str) -> Approved | None:
        """What is approved for a device, as the pairing rules see it."""
        device = self.devices.get(device_id)
        if device is None:
            return None
        live = (token.role for token in self.tokens_of(device_id) if token.revoked_at_ms is None)
        return Approved(
            roles=frozenset(device.roles),
            scopes=frozenset(device.scopes),
            platform=device.platform,
            device_family=device.device_family,
            live_token_roles=frozenset(live),
        )

    def _apply(self, changes: tuple[Row | Remove | Append, ...]) -> None:
        for change in changes:
            if isinstance(change, Row):
                self._put(change)
            elif isinstance(change, Remove):
                self._drop(change)

    def _put(self, row: Row) -> None:
        match row:
            case Device():
                self.devices[row.device_id] = row
            case DeviceToken():
                held = self.tokens.get((row.device_id, row.role))
                self.tokens[row.device_id, row.role] = row
                if held is not None and (row.revoked_at_ms or held.created_at_ms != row.created_at_ms):
                    self.on_unpaired(row.device_id)
            case PairRequest():
                self.pair_requests[row.device_id] = row
                self._request_owner[row.request_id] = row.device_id
            case NodeSurface():
                self.surfaces[row.node_id] = row
            case SurfaceRequest():
                self.surface_requests[row.node_id] = row
                self._request_owner[row.request_id] = row.node_id
            case SetupCode():
                self.setup_codes[row.setup_id] = row
            case LegacyRequest():
                self.legacy_requests[row.node_id] = row
                self._request_owner[row.request_id] = row.node_id
            case LegacyNode():
                self.legacy_nodes[row.node_id] = row

    def _drop(self, change: Remove) -> None:
        key = change.values
        if change.model is Device:
            self.devices.pop(key[0], None)
        elif change.model is DeviceToken:
            if self.tokens.pop((key[0], key[1]), None) is not None:
                self.on_unpaired(key[0])
        elif change.model is NodeSurface:
            self.surfaces.pop(key[0], None)
        elif change.model is PairRequest:
            self._drop_request(self.pair_requests, key[0])
        elif change.model is SurfaceRequest:
            self._drop_request(self.surface_requests, key[0])
        elif change.model is SetupCode:
            self.setup_codes.pop(key[0], None)
        elif change.model is LegacyRequest:
            self._drop_request(self.legacy_requests, key[0])
        elif change.model is LegacyNode:
            self.legacy_nodes.pop(key[0], None)

    def _drop_request(self, requests: dict[str, R], request_id: str) -> None:
        owner = self._request_owner.pop(request_id, "")
        held = requests.get(owner)
        # A newer request of the same owner may already stand in its place.
        if held is not None and getattr(held, "request_id", None) == request_id:
            del requests[owner]


def _as_change(change: Row | Remove | Append) -> Change:
    return Save(change) if isinstance(change, Row) else change

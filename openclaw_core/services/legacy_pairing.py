"""Nodes that a helper announces, approved by name: the pairing of older gateways (PROTOCOL 25).

An approval stores what the node may do and mints a token of its own, which proves nothing but
itself to `node.pair.verify`: it opens no connection. A node id that is a key's hash can later be
taken by the device that holds the key; any other stays a name that never connects.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from openclaw_core.auth.pairing_rules import check_surface_approver, may_manage_device
from openclaw_core.auth.surface_rules import Surface
from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.legacy import NodePairAnnounceParams
from openclaw_core.protocol.limits import PAIR_REQUEST_TTL_MS
from openclaw_core.services.audit import Audit
from openclaw_core.services.events import Events
from openclaw_core.services.first_surface import FirstSurfaces, Offer
from openclaw_core.services.registry import Registry
from openclaw_core.services.tokens import Tokens, approver_of
from openclaw_core.store.base import Remove
from openclaw_core.store.models import LegacyNode, LegacyRequest, NodeSurface

__all__ = ["LegacyPairing"]

_MAX_WAITING = 1_000
_OFFERED = ("caps", "commands", "permissions")


class LegacyPairing:
    """Keeps announcements and the nodes approved by them; `now_ms` gives Unix milliseconds."""

    def __init__(
        self,
        registry: Registry,
        surfaces: FirstSurfaces,
        tokens: Tokens,
        audit: Audit,
        events: Events,
        now_ms: Callable[[], int],
        put_in_force: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._surfaces = surfaces
        self._tokens = tokens
        self._audit = audit
        self._events = events
        self._now_ms = now_ms
        self._put_in_force = put_in_force

    async def announce(self, caller: Caller, params: NodePairAnnounceParams) -> dict[str, Any]:
        """`node.pair.request` (25.1): one pending request per node, kept while it offers the same.

        Raises:
            InvalidRequestError: too many nodes wait already.
        """
        now, described = self._now_ms(), params.to_wire()
        async with self._registry.lock(params.node_id):
            held = self._registry.legacy_requests.get(params.node_id)
            live = held if held is not None and held.expires_at_ms > now else None
            same = live is not None and all(live.described.get(k) == described.get(k) for k in _OFFERED)
            if held is None and len(self._registry.legacy_requests) >= _MAX_WAITING:
                raise InvalidRequestError(
                    f"{_MAX_WAITING} announced nodes wait already: approve or reject some first "
                    "(openclaw nodes pending)"
                )
            row = LegacyRequest(
                request_id=live.request_id if live is not None and same else str(uuid.uuid4()),
                node_id=params.node_id,
                described=described,
                ts_ms=now,
                expires_at_ms=now + PAIR_REQUEST_TTL_MS,
            )
            entry = self._audit.entry("node.announce", caller, row.node_id, requestId=row.request_id)
            stale = [Remove(LegacyRequest, held.request_id)] if held is not None and not same else []
            await self._registry.commit(*stale, row, *([] if same else [entry]))
        if live is not None and not same:
            self._resolve(live.request_id, row.node_id, "rejected")
        if not same:
            self._events.broadcast("node.pair.requested", self._request_row(row))
        return {"status": "pending", "request": self._request_row(row), "created": not same}

    def owns(self, request_id: str) -> bool:
        """True when the id is that of a live announcement."""
        row = self._registry.legacy_request(request_id)
        return row is not None and row.expires_at_ms > self._now_ms()

    async def approve(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """`node.pair.approve` of an announcement: a fresh token with every approval (25.2).

        Raises:
            InvalidRequestError: unknown request, or another node's.
            ForbiddenError: a scope of 8.3 is missing.
        """
        node_id = self._owner(request_id)
        async with self._registry.lock(node_id):
            request = self._known(request_id)
            offer = _offer(request)
            check_surface_approver(
                approver_of(self._registry, caller), node_id, self._surfaces.required_scopes(offer)
            )
            held, now, token = (
                self._registry.legacy_nodes.get(node_id),
                self._now_ms(),
                secrets.token_urlsafe(),
            )
            row = LegacyNode(
                node_id=node_id,
                token_hash=_hash(token),
                described=request.described,
                created_at_ms=held.created_at_ms if held is not None else now,
                approved_at_ms=now,
            )
            # What a connected node of this id declares itself waits on: it was not looked at.
            surface = [
                item for item in self._surfaces.approval(offer, caller) if not isinstance(item, Remove)
            ]
            await self._registry.commit(row, Remove(LegacyRequest, request_id), *surface)
        self._put_in_force(node_id)
        self._resolve(request_id, node_id, "approved")
        return {"requestId": request_id, "node": {**self._node_row(row), "token": token}}

    async def reject(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """`node.pair.reject` of an announcement.

        Raises:
            InvalidRequestError: unknown request, or another node's.
        """
        node_id = self._owner(request_id)
        async with self._registry.lock(node_id):
            self._known(request_id)
            if not may_manage_device(approver_of(self._registry, caller), node_id):
                raise InvalidRequestError("node pairing rejection denied", {"reason": "other-device"})
            entry = self._audit.entry("surface.reject", caller, node_id, requestId=request_id)
            await self._registry.commit(Remove(LegacyRequest, request_id), entry)
        self._resolve(request_id, node_id, "rejected")
        return {"requestId": request_id, "nodeId": node_id}

    def is_only_announced(self, node_id: str) -> bool:
        """True for a node that was approved by announcement and never paired a key."""
        return node_id in self._registry.legacy_nodes and node_id not in self._registry.devices

    async def remove(self, caller: Caller, node_id: str) -> dict[str, Any]:
        """`node.pair.remove` of a node that is only announced.

        Raises:
            InvalidRequestError: not announced any more, or another device's.
        """
        async with self._registry.lock(node_id):
            if not self.is_only_announced(node_id):  # it was paired, or removed, meanwhile
                raise InvalidRequestError("unknown nodeId", {"nodeId": node_id})
            if not may_manage_device(approver_of(self._registry, caller), node_id):
                raise InvalidRequestError("node removal denied", {"reason": "other-device"})
            entry = self._audit.entry("node.remove", caller, node_id)
            await self._registry.commit(Remove(LegacyNode, node_id), Remove(NodeSurface, node_id), entry)
        self._resolve("", node_id, "removed")
        return {"nodeId": node_id}

    def verify(self, caller: Caller, node_id: str, token: str) -> dict[str, Any]:
        """`node.pair.verify` (25.3): a wrong token is an answer, not an error; it is audited."""
        row, paired = self._registry.legacy_nodes.get(node_id), self._registry.tokens.get((node_id, "node"))
        revoked = paired is not None and paired.revoked_at_ms is not None
        # Compared also without a row: the time taken tells nothing.
        matches = hmac.compare_digest(_hash(token), row.token_hash if row is not None else _hash(""))
        known = row is not None and matches and not revoked
        if not known and self._tokens.verify(token, node_id, "node") is None:
            self._audit.note("node.verify", caller, node_id, "refused")
            return {"ok": False}
        return {"ok": True, "node": self._node_row(row) if row is not None else {"nodeId": node_id}}

    def add_to_list(self, caller: Caller, listed: dict[str, Any]) -> dict[str, Any]:
        """`node.pair.list` with what was announced, newest first."""
        approver, now = approver_of(self._registry, caller), self._now_ms()
        for row in self._registry.legacy_requests.values():
            if row.expires_at_ms > now and may_manage_device(approver, row.node_id):
                listed["pending"].append(self._request_row(row))
        listed["paired"] = [row for row in listed["paired"] if not self.is_only_announced(row["nodeId"])]
        for node in self._registry.legacy_nodes.values():
            if self.is_only_announced(node.node_id) and may_manage_device(approver, node.node_id):
                listed["paired"].append(self._node_row(node))
        listed["pending"].sort(key=lambda item: item["ts"], reverse=True)
        listed["paired"].sort(key=lambda item: item["approvedAtMs"], reverse=True)
        return listed

    def purge_expired(self) -> None:
        """Drop announcements nobody answered: they would take the place of new ones."""
        now = self._now_ms()
        for row in tuple(self._registry.legacy_requests.values()):
            if row.expires_at_ms > now or self._registry.is_held(row.node_id):
                continue  # what is being decided now is left for the next round
            entry = self._audit.entry(
                "node.expire", "rule:expiry", row.node_id, "refused", requestId=row.request_id
            )
            self._registry.commit_later(Remove(LegacyRequest, row.request_id), entry)

    # Inside

    def _request_row(self, row: LegacyRequest) -> dict[str, Any]:
        shown = {
            "caps": [],
            "commands": [],
            **row.described,
            "requestId": row.request_id,
            "requiredApproveScopes": list(self._surfaces.required_scopes(_offer(row))),
            "ts": row.ts_ms,
        }
        known = row.node_id in self._registry.devices or row.node_id in self._registry.legacy_nodes
        return shown | ({"isRepair": True} if known else {})

    def _node_row(self, row: LegacyNode) -> dict[str, Any]:
        surface = self._registry.surfaces.get(row.node_id)
        facts = {key: value for key, value in row.described.items() if key != "silent"}
        return {
            **facts,
            "caps": surface.caps if surface is not None else [],
            "commands": surface.commands if surface is not None else [],
            "createdAtMs": row.created_at_ms,
            "approvedAtMs": row.approved_at_ms,
        }

    def _owner(self, request_id: str) -> str:
        row = self._registry.legacy_request(request_id)
        return row.node_id if row is not None else ""

    def _known(self, request_id: str) -> LegacyRequest:
        row = self._registry.legacy_request(request_id)
        if row is None or row.expires_at_ms <= self._now_ms():
            raise InvalidRequestError("unknown requestId", {"requestId": request_id})
        return row

    def _resolve(self, request_id: str, node_id: str, decision: str) -> None:
        payload = {"requestId": request_id, "nodeId": node_id, "decision": decision, "ts": self._now_ms()}
        self._events.broadcast("node.pair.resolved", payload)


def _offer(row: LegacyRequest) -> Offer:
    told = row.described
    asked = Surface(
        frozenset(told.get("caps", ())), frozenset(told.get("commands", ())), told.get("permissions", {})
    )
    return Offer(
        row.node_id,
        "node-host",
        told.get("platform", ""),
        told.get("deviceFamily"),
        told.get("version"),
        asked,
    )


def _hash(token: str) -> str:
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), person=b"openclaw-legacy").hexdigest()

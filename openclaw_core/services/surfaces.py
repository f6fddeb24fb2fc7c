"""A node's command surface: what it declares waits for a person (PROTOCOL 8)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from openclaw_core.auth import surface_rules
from openclaw_core.auth.pairing_rules import check_surface_approver, may_manage_device
from openclaw_core.auth.surface_rules import Surface
from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.limits import CLOSE_INVALIDATED, MAX_NAME_CHARS
from openclaw_core.services.audit import Audit
from openclaw_core.services.events import Events, encode_event
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.pairing import Pairing
from openclaw_core.services.registry import Registry
from openclaw_core.services.rows import surface_request_row, without_none
from openclaw_core.services.tokens import approver_of
from openclaw_core.store.base import Append, Remove
from openclaw_core.store.models import NodeSurface, Row, SurfaceRequest

__all__ = ["Surfaces"]


class Surfaces:
    """Keeps approved surfaces and their requests; `changed` hears of effective changes."""

    def __init__(
        self,
        registry: Registry,
        nodes: Nodes,
        pairing: Pairing,
        audit: Audit,
        events: Events,
        now_ms: Callable[[], int],
        changed: Callable[[LiveNode, frozenset[str]], None],
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._pairing = pairing
        self._audit = audit
        self._events = events
        self._now_ms = now_ms
        self._changed = changed

    # At the door; the caller holds the device's lock.

    async def reconcile(self, node: LiveNode, *, silent: bool) -> None:
        """Hold what a connecting node declares against what was approved (8.2)."""
        declared, node_id = self._nodes.declare(node), node.node_id
        held = self._registry.surface_requests.get(node_id)
        row = self._registry.surfaces.get(node_id)
        approved = _surface(row) if row is not None and row.approved_at_ms is not None else None
        outcome = surface_rules.reconcile(declared, approved, _surface(held) if held else None)
        if outcome.action == "keep" and held is not None:
            self._registry.commit_later(held.model_copy(update={"ts_ms": self._now_ms()}))
            node.asked = node.requested
            return
        changes: list[Row | Remove | Append] = []
        if held is not None and outcome.action in ("supersede", "drop"):
            changes.append(Remove(SurfaceRequest, held.request_id))
        new: SurfaceRequest | None = None
        if outcome.action in ("create", "supersede"):
            new = self._new_request(node, declared, silent)
            changes.append(new)
            changes.append(
                self._audit.entry(
                    "surface.request",
                    f"device:{node_id}",
                    node_id,
                    remote_ip=node.remote_ip,
                    requestId=new.request_id,
                    commands=new.commands,
                )
            )
        if changes:
            await self._registry.commit(*changes)
        node.asked = node.requested
        if held is not None and outcome.action in ("supersede", "drop"):
            self._announce(held.request_id, node_id, "rejected")
        if new is not None:
            self._events.broadcast("node.pair.requested", self._request_row(new))

    # Operators

    def list_all(self, caller: Caller) -> dict[str, Any]:
        """`node.pair.list` (8.4): what waits, newest first, and every approved node."""
        approver = approver_of(self._registry, caller)
        waiting = [
            row
            for row in self._registry.surface_requests.values()
            if may_manage_device(approver, row.node_id)
        ]
        approved = [
            row
            for row in self._registry.surfaces.values()
            if row.approved_at_ms is not None and may_manage_device(approver, row.node_id)
        ]
        return {
            "pending": [
                self._request_row(row) for row in sorted(waiting, key=lambda row: row.ts_ms, reverse=True)
            ],
            "paired": [
                self._paired_row(row)
                for row in sorted(approved, key=lambda row: row.approved_at_ms or 0, reverse=True)
            ],
        }

    async def approve(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """`node.pair.approve`: the declared surface is in force at once, no reconnect.

        Raises:
            InvalidRequestError: unknown request, or another node's.
            ForbiddenError: a scope of 8.3 is missing.
        """
        async with self._registry.lock(self._owner(request_id)):
            request = self._known_request(request_id)
            required = self._nodes.policy.required_approve_scopes(request.commands)
            check_surface_approver(approver_of(self._registry, caller), request.node_id, required)
            held, now = self._registry.surfaces.get(request.node_id), self._now_ms()
            row = NodeSurface(
                node_id=request.node_id,
                display_name=held.display_name if held else None,
                version=request.version,
                caps=request.caps,
                commands=request.commands,
                permissions=request.permissions,
                created_at_ms=held.created_at_ms if held else now,
                approved_at_ms=now,
            )
            entry = self._audit.entry(
                "surface.approve",
                caller,
                request.node_id,
                requestId=request_id,
                commands=request.commands,
            )
            await self._registry.commit(row, Remove(SurfaceRequest, request_id), entry)
        self.put_in_force(request.node_id)
        self._announce(request_id, request.node_id, "approved", tell_node=True)
        return {"requestId": request_id, "node": self._paired_row(row)}

    async def reject(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """`node.pair.reject`: nothing new is effective; asked again at the next connect.

        Raises:
            InvalidRequestError: unknown request, or another node's.
        """
        async with self._registry.lock(self._owner(request_id)):
            request = self._known_request(request_id)
            self._check_owner(caller, request.node_id, "node pairing rejection denied")
            entry = self._audit.entry("surface.reject", caller, request.node_id, requestId=request_id)
            await self._registry.commit(Remove(SurfaceRequest, request_id), entry)
        self._announce(request_id, request.node_id, "rejected")
        return {"requestId": request_id, "nodeId": request.node_id}

    async def remove(self, caller: Caller, node_id: str) -> dict[str, Any]:
        """`node.pair.remove`: a node-only device is deleted, a mixed one loses the node role.

        Raises:
            InvalidRequestError: unknown node, or another device's.
        """
        async with self._registry.lock(node_id):
            device = self._registry.devices.get(node_id)
            if device is None or "node" not in device.roles:
                raise InvalidRequestError("unknown nodeId", {"nodeId": node_id})
            self._check_owner(caller, node_id, "node removal denied")
            entry = self._audit.entry("node.remove", caller, node_id)
            changes: list[Row | Remove | Append] = [*self._pairing.removal(node_id), entry]
            other_roles = [role for role in device.roles if role != "node"]
            if other_roles:
                kept = device.model_copy(update={"roles": other_roles})
                tokens = [token for token in self._registry.tokens_of(node_id) if token.role != "node"]
                changes = [*changes, kept, *tokens]
            await self._registry.commit(*changes)
        self._nodes.forget(node_id)
        self._announce("", node_id, "removed")
        self._events.close_device(node_id, "node", CLOSE_INVALIDATED, "device removed")
        return {"nodeId": node_id}

    async def rename(self, caller: Caller, node_id: str, name: str) -> dict[str, Any]:
        """`node.rename`: survives reconnects and the node's own name.

        Raises:
            InvalidRequestError: blank or too long, unknown node, or another device's.
        """
        name = name.strip()
        if not name:
            raise InvalidRequestError("displayName required")
        if len(name) > MAX_NAME_CHARS:
            raise InvalidRequestError(f"displayName has {len(name)} characters; use at most {MAX_NAME_CHARS}")
        async with self._registry.lock(node_id):
            if not self._nodes.is_known(node_id):
                raise InvalidRequestError("unknown nodeId", {"nodeId": node_id})
            self._check_owner(caller, node_id, "node rename denied")
            held = self._registry.surfaces.get(node_id)
            row = (
                held.model_copy(update={"display_name": name})
                if held is not None
                else NodeSurface(node_id=node_id, display_name=name, created_at_ms=self._now_ms())
            )
            entry = self._audit.entry("node.rename", caller, node_id, name=name)
            await self._registry.commit(row, entry)
        return {"nodeId": node_id, "displayName": name}

    def put_in_force(self, node_id: str) -> None:
        """Recompute a connected node's effective sets after an approval."""
        before = self._nodes.recompute(node_id)
        node = self._nodes.find(node_id)
        if node is not None and node.commands != before:
            self._changed(node, before)

    def widening(self, request: SurfaceRequest) -> dict[str, Any]:
        """What a request asks for beyond the approved surface: `caps`, `commands`, `permissions`."""
        row = self._registry.surfaces.get(request.node_id)
        approved = _surface(row) if row is not None and row.approved_at_ms is not None else Surface()
        new = _surface(request).beyond(approved)
        return {
            "caps": sorted(new.caps),
            "commands": sorted(new.commands),
            "permissions": dict(new.permissions),
        }

    # Inside

    def _new_request(self, node: LiveNode, declared: Surface, silent: bool) -> SurfaceRequest:
        client = node.client
        return SurfaceRequest(
            request_id=str(uuid.uuid4()),
            node_id=node.node_id,
            caps=sorted(declared.caps),
            commands=sorted(declared.commands),
            permissions=dict(declared.permissions),
            client_id=client.id,
            client_mode=client.mode,
            display_name=client.display_name,
            platform=client.platform,
            version=client.version,
            device_family=client.device_family,
            remote_ip=node.remote_ip,
            silent=silent,
            ts_ms=self._now_ms(),
        )

    def _request_row(self, row: SurfaceRequest) -> dict[str, Any]:
        shown = surface_request_row(row, self._nodes.policy.required_approve_scopes(row.commands))
        if self._nodes.approval_state(row.node_id) == "pending-reapproval":
            shown["added"] = self.widening(row)  # to read what is new without comparing lists
        return shown

    def _paired_row(self, row: NodeSurface) -> dict[str, Any]:
        entry = self._nodes.describe(row.node_id, with_pending=False, own_device=None)
        live_only = (
            "ts", "paired", "connected", "approvalState", "sessionHost", "nodePluginTools", "pathEnv",
            "connectedAtMs", "hostStats", "revoked", "active", "lastActiveAtMs", "presenceUpdatedAtMs",
            "desktopAvailability", "withheldCount",
        )  # fmt: skip
        facts = {key: value for key, value in entry.items() if key not in live_only}
        return without_none(
            {
                **facts,
                "caps": row.caps,
                "commands": row.commands,
                "permissions": row.permissions or None,
                "createdAtMs": row.created_at_ms,
                "approvedAtMs": row.approved_at_ms,
            }
        )

    def _owner(self, request_id: str) -> str:
        request = self._registry.surface_request(request_id)
        return request.node_id if request is not None else ""

    def _known_request(self, request_id: str) -> SurfaceRequest:
        request = self._registry.surface_request(request_id)
        if request is None:
            raise InvalidRequestError("unknown requestId", {"requestId": request_id})
        return request

    def _check_owner(self, caller: Caller, node_id: str, message: str) -> None:
        if not may_manage_device(approver_of(self._registry, caller), node_id):
            raise InvalidRequestError(message, {"reason": "other-device"})

    def _announce(self, request_id: str, node_id: str, decision: str, *, tell_node: bool = False) -> None:
        payload = {
            "requestId": request_id,
            "nodeId": node_id,
            "decision": decision,
            "ts": self._now_ms(),
        }
        self._events.broadcast("node.pair.resolved", payload)
        node = self._nodes.find(node_id)
        if tell_node and node is not None:
            node.link.send(encode_event("node.pair.resolved", payload))


def _surface(row: NodeSurface | SurfaceRequest) -> Surface:
    return Surface(frozenset(row.caps), frozenset(row.commands), row.permissions)

"""The first surface of a node, approved in the same stroke as its device (PROTOCOL 6.4, 6.6, 8).

A setup code for nodes and an approver who says so approve both at once. What the node offers
is then approved before it connects: exactly that is in force at its next hello-ok, and
anything beyond waits for a person as always.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openclaw_core.auth.command_policy import Declared
from openclaw_core.auth.platforms import resolve_platform
from openclaw_core.auth.surface_rules import Surface
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.connect import ConnectParams
from openclaw_core.services.audit import Audit
from openclaw_core.services.events import Events
from openclaw_core.services.nodes import Nodes
from openclaw_core.services.registry import Registry
from openclaw_core.store.base import Append, Remove
from openclaw_core.store.models import NodeSurface, PairRequest, Row, SurfaceRequest

__all__ = ["FirstSurfaces", "Offer", "offer_of_connect", "offer_of_request"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a node offers, and what decides how much of it the policy leaves.

    Attributes:
        asked: caps, commands and permissions as the node sent them.
    """

    node_id: str
    client_id: str
    platform: str
    device_family: str | None
    version: str | None
    asked: Surface


def offer_of_connect(node_id: str, params: ConnectParams) -> Offer:
    """The offer of a connecting node."""
    client = params.client
    asked = Surface(
        frozenset(params.caps or ()), frozenset(params.commands or ()), dict(params.permissions or {})
    )
    return Offer(node_id, client.id, client.platform, client.device_family, client.version, asked)


def offer_of_request(row: PairRequest) -> Offer:
    """The offer a waiting device made when its request was created."""
    asked = Surface(frozenset(row.caps), frozenset(row.commands), row.permissions)
    family = row.device_family
    return Offer(row.device_id, row.client_id or "", row.platform or "", family, None, asked)


class FirstSurfaces:
    """Turns offers into approved surfaces; `now_ms` gives Unix milliseconds."""

    def __init__(
        self, registry: Registry, nodes: Nodes, audit: Audit, events: Events, now_ms: Callable[[], int]
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._audit = audit
        self._events = events
        self._now_ms = now_ms

    def declared(self, offer: Offer) -> Surface:
        """What the command policy leaves of an offer (8.1)."""
        return Surface(offer.asked.caps, self._kept(offer).commands, offer.asked.permissions)

    def _kept(self, offer: Offer) -> Declared:
        platform = resolve_platform(offer.platform, offer.device_family, offer.client_id)
        return self._nodes.policy.declare(offer.asked.commands, platform, offer.platform)

    def required_scopes(self, offer: Offer) -> tuple[str, ...]:
        """What an operator needs to approve the offer (8.3)."""
        return tuple(self._nodes.policy.required_approve_scopes(sorted(self.declared(offer).commands)))

    def describe(self, row: PairRequest) -> dict[str, Any]:
        """The additive part of a pending device request: what an approval of both would give."""
        offer = offer_of_request(row)
        declared = self.declared(offer)
        withheld = sorted(self._kept(offer).withheld.items())
        shown = {
            "caps": sorted(declared.caps),
            "commands": sorted(declared.commands),
            "requiredApproveScopes": list(self.required_scopes(offer)),
            "withheld": [{"command": command, "message": why} for command, why in withheld],
        }
        return shown | ({"permissions": dict(declared.permissions)} if declared.permissions else {})

    def approval(self, offer: Offer, actor: str | Caller) -> list[Row | Remove | Append]:
        """The changes that approve an offer, to be committed with the device's approval."""
        held, declared = self._registry.surfaces.get(offer.node_id), self.declared(offer)
        now, commands = self._now_ms(), sorted(declared.commands)
        row = NodeSurface(
            node_id=offer.node_id,
            display_name=held.display_name if held else None,
            version=offer.version or (held.version if held else None),
            caps=sorted(declared.caps),
            commands=commands,
            permissions=dict(declared.permissions),
            created_at_ms=held.created_at_ms if held else now,
            approved_at_ms=now,
        )
        entry = self._audit.entry("surface.approve", actor, offer.node_id, commands=commands)
        waiting = self._registry.surface_requests.get(offer.node_id)
        return [row, entry, *([Remove(SurfaceRequest, waiting.request_id)] if waiting else [])]

    def waiting_id(self, node_id: str) -> str:
        """The id under which an approval is announced: that of the waiting request, or a new one."""
        waiting = self._registry.surface_requests.get(node_id)
        return waiting.request_id if waiting is not None else str(uuid.uuid4())

    def announce(self, node_id: str, request_id: str) -> None:
        """Tell operators that the surface was approved."""
        payload = {"requestId": request_id, "nodeId": node_id, "decision": "approved", "ts": self._now_ms()}
        self._events.broadcast("node.pair.resolved", payload)

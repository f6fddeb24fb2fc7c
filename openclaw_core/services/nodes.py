"""The nodes that are connected, what each may do now, and the catalog (PROTOCOL 8.1, 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from openclaw_core.auth.command_policy import CommandPolicy
from openclaw_core.auth.platforms import resolve_platform
from openclaw_core.auth.surface_rules import Surface, effective_permissions
from openclaw_core.bus.base import Bus, NodeLink
from openclaw_core.commands import Platform
from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import NodeView
from openclaw_core.protocol.connect import ClientInfo, ConnectParams
from openclaw_core.protocol.limits import PROTOCOL_VERSION
from openclaw_core.services.activity import Activity
from openclaw_core.services.registry import Registry
from openclaw_core.services.rows import without_none
from openclaw_core.store.models import Device

__all__ = ["ApprovalState", "LiveNode", "Nodes"]

ApprovalState = Literal["approved", "pending-approval", "pending-reapproval", "unapproved"]


class LiveNode:
    """A connected node.

    Attributes:
        requested: what it declares; `asked` is what of that was last held against the approvals.
        declared: what the policy left of what it asked for; `withheld` says why of the rest.
        commands, caps, permissions: the effective sets, what it may do now.
        approved: its surface was approved once; before, nothing is effective.
        previous_version: it speaks the protocol before this one and gets no surface URLs (4).
    """

    __slots__ = (
        "approved",
        "asked",
        "caps",
        "client",
        "commands",
        "connected_at_ms",
        "declared",
        "host_stats",
        "link",
        "node_id",
        "path_env",
        "permissions",
        "platform",
        "plugin_tools",
        "previous_version",
        "remote_ip",
        "requested",
        "withheld",
    )

    def __init__(
        self, node_id: str, link: NodeLink, params: ConnectParams, remote_ip: str | None, now_ms: int
    ) -> None:
        self.node_id = node_id
        self.link = link
        self.client: ClientInfo = params.client
        self.remote_ip = remote_ip
        self.path_env = params.path_env
        self.platform: Platform = resolve_platform(
            params.client.platform, params.client.device_family, params.client.id
        )
        self.connected_at_ms = now_ms
        self.previous_version = params.max_protocol < PROTOCOL_VERSION
        self.requested = Surface(
            frozenset(params.caps or ()), frozenset(params.commands or ()), dict(params.permissions or {})
        )
        self.declared = self.asked = self.requested
        self.withheld: dict[str, str] = {}
        self.approved = False
        self.commands: frozenset[str] = frozenset()
        self.caps: frozenset[str] = frozenset()
        self.permissions: dict[str, bool] = {}
        self.plugin_tools: list[dict[str, Any]] = []
        self.host_stats: dict[str, Any] | None = None


class Nodes:
    """Connected nodes by id, and every paired node for the catalog."""

    def __init__(
        self,
        registry: Registry,
        bus: Bus,
        policy: CommandPolicy,
        activity: Activity,
        now_ms: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._bus = bus
        self._activity = activity
        self._now_ms = now_ms
        self._live: dict[str, LiveNode] = {}
        self._host_stats: dict[str, dict[str, Any]] = {}
        self.policy = policy
        self.find = self._live.get

    def __iter__(self) -> Iterator[LiveNode]:
        return iter(tuple(self._live.values()))

    def attach(self, node: LiveNode) -> NodeLink | None:
        """A node got in: it owns its id from now on; the link it replaces, if any."""
        self._live[node.node_id] = node
        self.recompute(node.node_id)
        return self._bus.attach(node.node_id, node.link)

    def detach(self, node_id: str, link: NodeLink) -> LiveNode | None:
        """A socket is gone; the node that went with it, None when a newer socket owns the id."""
        if not self._bus.detach(node_id, link):
            return None
        self._activity.gone(node_id)
        return self._live.pop(node_id, None)

    def is_connected(self, node_id: str) -> bool:
        """True when the node holds a connection here."""
        return node_id in self._live

    def declare(self, node: LiveNode) -> Surface:
        """Filter what the node asked for through the policy (8.1, declared set)."""
        kept = self.policy.declare(node.requested.commands, node.platform, node.client.platform)
        node.withheld = dict(kept.withheld)
        caps = node.requested.caps - kept.idle_caps
        node.declared = Surface(caps, kept.commands, node.requested.permissions)
        return node.declared

    def recompute(self, node_id: str) -> frozenset[str]:
        """Bring a node's effective sets up to date; the commands as they were before."""
        node = self._live.get(node_id)
        return self.compute(node) if node is not None else frozenset()

    def compute(self, node: LiveNode) -> frozenset[str]:
        """The same for a node that is not attached yet."""
        before, row = node.commands, self._registry.surfaces.get(node.node_id)
        approved = row if row is not None and row.approved_at_ms is not None else None
        node.approved = approved is not None
        node.caps = node.declared.caps & frozenset(approved.caps if approved else ())
        node.commands = self.policy.effective(
            node.declared.commands, approved.commands if approved else (), node.platform
        )
        node.permissions = effective_permissions(
            node.declared.permissions, approved.permissions if approved else None
        )
        return before

    def set_policy(self, policy: CommandPolicy) -> None:
        """Put changed allow and deny lists into force at once, for every connected node."""
        self.policy = policy
        for node in tuple(self._live.values()):
            self.declare(node)
            self.recompute(node.node_id)

    def keep_host_stats(self, node_id: str, stats: dict[str, Any]) -> None:
        """Remember a node's last host stats; they are shown while it is away, too."""
        self._host_stats[node_id] = stats

    def forget(self, node_id: str) -> None:
        """Drop what outlives a connection; the node was removed."""
        self._host_stats.pop(node_id, None)
        self._activity.forget(node_id)

    def view(self, node: LiveNode) -> NodeView:
        """The node as hooks see it."""
        return NodeView(
            node.node_id, self.name_of(node.node_id), node.client.platform, node.caps, node.commands
        )

    def name_of(self, node_id: str) -> str:
        """Renamed > live > stored name, else the id."""
        surface, node = self._registry.surfaces.get(node_id), self._live.get(node_id)
        device, announced = self._registry.devices.get(node_id), self._registry.legacy_nodes.get(node_id)
        return (
            (surface.display_name if surface else None)
            or (node.client.display_name if node else None)
            or (device.display_name if device else None)
            or (announced.described.get("displayName") if announced else None)
            or node_id
        )

    def approval_state(self, node_id: str) -> ApprovalState:
        """Where the node's surface stands (10)."""
        surface = self._registry.surfaces.get(node_id)
        approved = surface is not None and surface.approved_at_ms is not None
        if node_id in self._registry.surface_requests:
            return "pending-reapproval" if approved else "pending-approval"
        return "approved" if approved else "unapproved"

    # Catalog

    def list_all(self, *, with_pending: bool, own_device: str | None) -> dict[str, Any]:
        """`node.list`: connected first, then by name and id.

        Args:
            with_pending: the caller may see what waits for approval.
            own_device: a device that may see the request of its own.
        """
        paired = {row.device_id for row in self._registry.devices.values() if "node" in row.roles}
        paired |= self._registry.legacy_nodes.keys()
        rows = [self._entry(node_id, with_pending, own_device) for node_id in paired | self._live.keys()]
        rows.sort(key=lambda row: (not row["connected"], row["displayName"], row["nodeId"]))
        active = self._activity.latest(self._live)
        for row in rows:
            if row["nodeId"] == active:
                row["active"] = True
        return {"ts": self._now_ms(), **({"activeNodeId": active} if active else {}), "nodes": rows}

    def describe(self, node_id: str, *, with_pending: bool, own_device: str | None) -> dict[str, Any]:
        """`node.describe`.

        Raises:
            InvalidRequestError: no such node.
        """
        if not self.is_known(node_id):
            raise InvalidRequestError("unknown nodeId", {"nodeId": node_id})
        row = self._entry(node_id, with_pending, own_device)
        if self._activity.latest(self._live) == node_id:
            row["active"] = True
        return {"ts": self._now_ms(), **row}

    def is_known(self, node_id: str) -> bool:
        """True for a paired node and for an announced one; a removed one may be connected still."""
        device = self._registry.devices.get(node_id)
        return (device is not None and "node" in device.roles) or node_id in self._registry.legacy_nodes

    def _entry(self, node_id: str, with_pending: bool, own_device: str | None) -> dict[str, Any]:
        device = self._registry.devices.get(node_id)
        node, surface = self._live.get(node_id), self._registry.surfaces.get(node_id)
        approved = surface if surface is not None and surface.approved_at_ms is not None else None
        row: dict[str, Any] = {
            "nodeId": node_id,
            "displayName": self.name_of(node_id),
            **(_live_facts(node) if node is not None else self._stored_facts(node_id, device)),
            "caps": sorted(node.caps if node else approved.caps if approved else ()),
            "commands": sorted(node.commands if node else approved.commands if approved else ()),
            "permissions": (node.permissions if node else approved.permissions if approved else {}) or None,
            "withheldCount": (len(node.requested.commands - node.commands) or None) if node else None,
            "sessionHost": False,
            "nodePluginTools": node.plugin_tools if node else [],
            "hostStats": self._host_stats.get(node_id),
            **self._activity.facts(node_id),
            "approvalState": self.approval_state(node_id),
            **self._pending_facts(node_id, with_pending, own_device),
            **(_history(device) if device is not None else {}),
            "revoked": self._is_revoked(node_id) or None,
            "paired": (
                (device is not None and "node" in device.roles) or node_id in self._registry.legacy_nodes
            ),
            "connected": node is not None,
        }
        if approved is not None:
            row["approvedAtMs"] = approved.approved_at_ms
        return without_none(row)

    def _stored_facts(self, node_id: str, device: Device | None) -> dict[str, Any]:
        if device is not None:
            return _stored_facts(device)
        announced = self._registry.legacy_nodes.get(node_id)
        told = announced.described if announced is not None else {}
        facts = ("platform", "version", "deviceFamily", "modelIdentifier", "remoteIp")
        return {name: told.get(name) for name in facts}

    def _is_revoked(self, node_id: str) -> bool:
        token = self._registry.tokens.get((node_id, "node"))
        return token is not None and token.revoked_at_ms is not None

    def _pending_facts(self, node_id: str, with_pending: bool, own_device: str | None) -> dict[str, Any]:
        request = self._registry.surface_requests.get(node_id)
        if request is None or not (with_pending or own_device == node_id):
            return {}
        if not with_pending:
            return {"pendingRequestId": request.request_id}
        return {
            "pendingRequestId": request.request_id,
            "pendingDeclaredCaps": request.caps,
            "pendingDeclaredCommands": request.commands,
            "pendingDeclaredPermissions": request.permissions or None,
        }


def _live_facts(node: LiveNode) -> dict[str, Any]:
    client = node.client
    return {
        "platform": client.platform,
        "version": client.version,
        "clientId": client.id,
        "clientMode": client.mode,
        "deviceFamily": client.device_family,
        "modelIdentifier": client.model_identifier,
        "remoteIp": node.remote_ip,
        "pathEnv": node.path_env,
        "connectedAtMs": node.connected_at_ms,
    }


def _stored_facts(device: Device) -> dict[str, Any]:
    return {
        "platform": device.platform,
        "version": device.version,
        "clientId": device.client_id,
        "clientMode": device.client_mode,
        "deviceFamily": device.device_family,
        "modelIdentifier": device.model_identifier,
        "remoteIp": device.remote_ip,
    }


def _history(device: Device) -> dict[str, Any]:
    return {
        "lastConnectedAtMs": device.last_connected_at_ms,
        "lastDisconnectedAtMs": device.last_disconnected_at_ms,
        "lastSeenAtMs": device.last_seen_at_ms,
        "lastSeenReason": device.last_seen_reason,
        "approvedAtMs": device.approved_at_ms,
    }

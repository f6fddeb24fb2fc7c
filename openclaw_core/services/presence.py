"""Who is here: the gateway's own row and one per node (PROTOCOL 15)."""

from __future__ import annotations

import asyncio
import platform
import socket
from collections.abc import Callable
from typing import Any

from openclaw_core.services.events import Events
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.rows import without_none

__all__ = ["Presence"]

_MAX_ROWS = 200
_TTL_MS = 300_000
# A herd of reconnecting nodes becomes a few broadcasts instead of one each.
_GATHER_SECONDS = 0.2


class Presence:
    """Rows of `system-presence` and of the event `presence`."""

    def __init__(
        self,
        nodes: Nodes,
        events: Events,
        loop: asyncio.AbstractEventLoop,
        now_ms: Callable[[], int],
        version: str,
        instance_id: str,
    ) -> None:
        self._nodes = nodes
        self._events = events
        self._loop = loop
        self._now_ms = now_ms
        self._version = version
        self._instance_id = instance_id
        self._gone: dict[str, dict[str, Any]] = {}
        self._waiting: asyncio.TimerHandle | None = None

    def connected(self, node: LiveNode) -> None:
        """A node got in."""
        self._gone.pop(node.node_id, None)
        self._announce()

    def disconnected(self, node: LiveNode) -> None:
        """A node's last socket is gone; its row stays for five minutes."""
        self._gone[node.node_id] = {**self._row(node, "disconnect"), "ts": self._now_ms()}
        while len(self._gone) > _MAX_ROWS:
            del self._gone[next(iter(self._gone))]
        self._announce()

    def rows(self) -> list[dict[str, Any]]:
        """The gateway first, then nodes, newest last; at most 200."""
        now = self._now_ms()
        self._gone = {key: row for key, row in self._gone.items() if row["ts"] > now - _TTL_MS}
        live = [self._row(node, "connect") for node in list(self._nodes)[-_MAX_ROWS:]]
        return [self._own_row(now), *[*self._gone.values(), *live][-(_MAX_ROWS - 1) :]]

    def close(self) -> None:
        """Send nothing more."""
        if self._waiting is not None:
            self._waiting.cancel()

    def _announce(self) -> None:
        self._events.presence_version += 1
        if self._waiting is None:
            self._waiting = self._loop.call_later(_GATHER_SECONDS, self._broadcast)

    def _broadcast(self) -> None:
        self._waiting = None
        self._events.broadcast("presence", {"presence": self.rows()}, state_version=True)

    def _own_row(self, now: int) -> dict[str, Any]:
        host = socket.gethostname() or "gateway"
        return {
            "host": host,
            "version": self._version,
            "platform": f"{platform.system().lower()} {platform.release()}",
            "deviceFamily": platform.system(),
            "mode": "gateway",
            "reason": "self",
            "instanceId": self._instance_id,
            "text": f"Gateway: {host} · app {self._version} · mode gateway · reason self",
            "ts": now,
        }

    def _row(self, node: LiveNode, reason: str) -> dict[str, Any]:
        name, client = self._nodes.name_of(node.node_id), node.client
        return without_none(
            {
                "host": name,
                "ip": node.remote_ip,
                "version": client.version,
                "platform": client.platform,
                "deviceFamily": client.device_family,
                "modelIdentifier": client.model_identifier,
                "mode": "node",
                "deviceId": node.node_id,
                "roles": ["node"],
                "instanceId": node.node_id,
                "reason": reason,
                "text": f"Node: {name} · mode node",
                "ts": node.connected_at_ms,
            }
        )

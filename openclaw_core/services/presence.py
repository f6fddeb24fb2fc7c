"""Who is here: the gateway's own row, one per node and one per operator's UI (PROTOCOL 15)."""

from __future__ import annotations

import asyncio
import platform
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.connect import ClientInfo
from openclaw_core.services.events import Events
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.rows import without_none

__all__ = ["Guest", "Presence"]

_MAX_ROWS = 200
_TTL_MS = 300_000
# A herd of reconnecting nodes becomes a few broadcasts instead of one each.
_GATHER_SECONDS = 0.2


# Programs that come for one call; a list of them would tell nobody anything (15.2).
_PASSING = frozenset(("backend", "cli", "probe"))


@dataclass(frozen=True, slots=True)
class Guest:
    """An operator's connection, of a person's UI; `since_ms` in Unix ms."""

    caller: Caller
    client: ClientInfo
    remote_ip: str | None
    since_ms: int

    @property
    def key(self) -> str:
        """The same for every connection of one installation: a reload is no new guest."""
        return self.caller.device_id or self.client.instance_id or self.caller.conn_id


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
        self._guests: dict[str, Guest] = {}  # by connection
        self._waiting: asyncio.TimerHandle | None = None

    def connected(self, node: LiveNode) -> None:
        """A node got in."""
        self._gone.pop(node.node_id, None)
        self._announce()

    def disconnected(self, node: LiveNode) -> None:
        """A node's last socket is gone; its row stays for five minutes."""
        self._keep_gone(node.node_id, {**self._row(node, "disconnect"), "ts": self._now_ms()})
        self._announce()

    def renamed(self) -> None:
        """A node has another name now."""
        self._announce()

    def entered(self, guest: Guest) -> None:
        """An operator got in; programs that only pass through are not listed."""
        if guest.client.mode in _PASSING:
            return
        self._guests[guest.caller.conn_id] = guest
        self._gone.pop(_guest_key(guest), None)
        self._announce()

    def left(self, conn_id: str) -> None:
        """An operator's socket is gone; its row stays unless a newer socket of it is here."""
        guest = self._guests.pop(conn_id, None)
        if guest is None:
            return
        if all(other.key != guest.key for other in self._guests.values()):
            self._keep_gone(_guest_key(guest), {**_guest_row(guest, "disconnect"), "ts": self._now_ms()})
        self._announce()

    def rows(self) -> list[dict[str, Any]]:
        """The gateway first, then who left, UIs and nodes, newest last; at most 200."""
        now = self._now_ms()
        self._gone = {key: row for key, row in self._gone.items() if row["ts"] > now - _TTL_MS}
        guests = {guest.key: guest for guest in self._guests.values()}
        live = [_guest_row(guest, "connect") for guest in guests.values()]
        live += [self._row(node, "connect") for node in list(self._nodes)[-_MAX_ROWS:]]
        return [self._own_row(now), *[*self._gone.values(), *live][-(_MAX_ROWS - 1) :]]

    def close(self) -> None:
        """Send nothing more."""
        if self._waiting is not None:
            self._waiting.cancel()

    def _keep_gone(self, key: str, row: dict[str, Any]) -> None:
        self._gone.pop(key, None)  # the order is that of leaving
        self._gone[key] = row
        while len(self._gone) > _MAX_ROWS:
            del self._gone[next(iter(self._gone))]

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


def _guest_key(guest: Guest) -> str:
    # A device can be a node and an operator at once: two rows.
    return f"operator:{guest.key}"


def _guest_row(guest: Guest, reason: str) -> dict[str, Any]:
    client, caller = guest.client, guest.caller
    name = client.display_name or client.id
    return without_none(
        {
            "host": name,
            "ip": guest.remote_ip,
            "version": client.version,
            "platform": client.platform,
            "deviceFamily": client.device_family,
            "modelIdentifier": client.model_identifier,
            "timeZone": client.time_zone,
            "mode": client.mode,
            "deviceId": caller.device_id,
            "roles": ["operator"],
            "scopes": sorted(caller.scopes),
            "instanceId": client.instance_id or caller.conn_id,
            "reason": reason,
            "text": f"Operator: {name} · mode {client.mode}",
            "ts": guest.since_ms,
        }
    )

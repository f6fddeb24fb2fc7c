"""A runtime with its method table and its live connections: what every socket shares."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from openclaw_core.gateway.door import Door
from openclaw_core.gateway.handshake import Handshake
from openclaw_core.gateway.methods.audit import audit_methods
from openclaw_core.gateway.methods.devices import device_methods
from openclaw_core.gateway.methods.events import event_methods
from openclaw_core.gateway.methods.families import family_methods
from openclaw_core.gateway.methods.invokes import invoke_methods
from openclaw_core.gateway.methods.legacy import legacy_methods
from openclaw_core.gateway.methods.nodes import node_methods
from openclaw_core.gateway.methods.pending import pending_methods
from openclaw_core.gateway.methods.plugins import plugin_methods
from openclaw_core.gateway.methods.setup import setup_methods
from openclaw_core.gateway.methods.surfaces import surface_methods
from openclaw_core.gateway.methods.system import system_methods
from openclaw_core.gateway.methods.tools import tool_methods
from openclaw_core.gateway.pulse import Pulse
from openclaw_core.gateway.router import Requester, Router
from openclaw_core.gateway.websocket import Outbox
from openclaw_core.gateway.witness import Witness
from openclaw_core.plugins import Changes
from openclaw_core.protocol.limits import CLOSE_INVALIDATED
from openclaw_core.services.nodes import LiveNode
from openclaw_core.services.runtime import Runtime

__all__ = ["Gateway"]

_STOP_SECONDS = 3.0


class Gateway:
    """A runtime with its method table and its live connections.

    Attributes:
        connections: the authenticated ones.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.outbox = Outbox(runtime.loop)
        self.handshake = Handshake(runtime)
        self.pulse = Pulse(runtime.loop, runtime.store)
        self.witness = Witness(runtime.audit, runtime.tally, runtime.settings.auth_mode)
        self.connections: set[Requester] = set()
        limit = runtime.settings.environment.max_preauth_connections_per_ip
        self.door = Door(runtime.loop, limit)
        self._tasks: set[asyncio.Task[None]] = set()
        self.router: Router
        self._features: dict[str, dict[str, list[str]]]
        self.build_methods()

    def build_methods(self) -> None:
        """Make the method table anew; calls that run go on."""
        runtime = self.runtime
        self.router = Router(
            [
                *family_methods(runtime),
                *plugin_methods(runtime, self.reload_families),
                *system_methods(runtime),
                *audit_methods(runtime),
                *device_methods(runtime),
                *setup_methods(runtime),
                *legacy_methods(runtime),
                *node_methods(runtime),
                *invoke_methods(runtime),
                *pending_methods(runtime),
                *event_methods(runtime),
                *surface_methods(runtime),
                *tool_methods(runtime),
            ]
        )
        self._features = {role: self._list_features(role) for role in ("operator", "node")}

    async def reload_families(self) -> Changes:
        """Serve what is installed now; nobody is disconnected.

        When it returns, connected nodes may do what they may from now on, and what they may newly
        declare waits for approval.
        """
        failed = self.runtime.plugins.failed
        changes, nodes = self.runtime.reload_families()
        self.build_methods()
        if changes or self.runtime.plugins.failed != failed:
            told = {name: list(getattr(changes, name)) for name in ("added", "removed", "replaced")}
            self.runtime.events.broadcast("plugins.changed", told)
        await self.runtime.declarations.catch_up(nodes)
        return changes

    def features_for(self, role: str) -> dict[str, list[str]]:
        """What hello-ok advertises to a role."""
        return self._features[role]

    def _list_features(self, role: str) -> dict[str, list[str]]:
        methods = self.router.names_for(role)
        return {"methods": methods, "events": self.runtime.events.names, "capabilities": []}

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that outlives the call, and keep hold of it."""
        task = self.runtime.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def join(self, connection: Requester, node: LiveNode | None) -> None:
        """A connection got its hello-ok; a node's newer socket takes over from its older one."""
        runtime = self.runtime
        self.connections.add(connection)
        runtime.events.add(connection)
        if node is None:
            return
        replaced = runtime.nodes.attach(node)
        if replaced is not None:
            runtime.audit.note("node.replaced", f"device:{node.node_id}", node.node_id)
            runtime.invokes.disconnected(replaced, replaced=True)
            replaced.close(CLOSE_INVALIDATED, "replaced by a newer connection of this node")
        runtime.presence.connected(node)
        runtime.ledger.connected(node)
        runtime.plugins.notify("openclaw_node_connected", node=runtime.nodes.view(node))

    def leave(self, connection: Requester) -> None:
        """An authenticated connection is gone."""
        runtime = self.runtime
        self.connections.discard(connection)
        runtime.events.remove(connection)
        runtime.scoped_urls.drop(connection.conn_id)
        if connection.role != "node":
            runtime.presence.left(connection.conn_id)
            runtime.invokes.caller_left(connection.conn_id)
            return
        runtime.invokes.disconnected(connection, replaced=False)
        node = runtime.nodes.detach(connection.device_id, connection)
        if node is not None:
            runtime.pairing.note_disconnect(node.node_id)
            runtime.presence.disconnected(node)
            runtime.plugins.notify("openclaw_node_disconnected", node=runtime.nodes.view(node))

    async def stop(self) -> None:
        """Answer what is in flight, say goodbye, store what waits."""
        runtime = self.runtime
        runtime.invokes.close()
        self.pulse.stop()
        self.door.close()
        runtime.presence.close()
        runtime.events.broadcast("shutdown", {"reason": "gateway stopping"})
        # What is being stored is awaited, unless the database stands still: closing it ends the wait.
        done, _ = await asyncio.wait([runtime.loop.create_task(self._end_work())], timeout=_STOP_SECONDS)
        for ended in done:
            ended.result()

    async def _end_work(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.runtime.families.close()
        await self.runtime.ledger.close()

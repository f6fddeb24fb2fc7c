"""A node declares anew what it can do, without a reconnect (PROTOCOL 8.2, 13.2; additive)."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Iterable
from typing import Any

from openclaw_core.auth.surface_rules import Surface
from openclaw_core.errors import StoreError
from openclaw_core.protocol.surfaces import NodeSurfaceRefreshParams
from openclaw_core.services import outcomes
from openclaw_core.services.explain import Explain
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.registry import Registry
from openclaw_core.services.surfaces import Surfaces

__all__ = ["Declarations"]

_log = logging.getLogger(__name__)


class Declarations:
    """Takes live declarations.

    What a node gives up is gone at once, before anything is stored. What it asks for on top
    waits for approval, as at a connect. Invokes in flight go on: the node took them, and
    answers or fails them itself.
    """

    def __init__(self, registry: Registry, nodes: Nodes, surfaces: Surfaces, explain: Explain) -> None:
        self._registry = registry
        self._nodes = nodes
        self._surfaces = surfaces
        self._explain = explain

    async def declare(self, node: LiveNode, params: NodeSurfaceRefreshParams) -> dict[str, Any]:
        """Take a declaration and answer what came of it; repeating one asks nothing again.

        Raises:
            UnavailableError: a newer connection of this node has taken over, or it was removed.
            StoreError: the request for what is new could not be kept; narrowing holds.
        """
        async with self._registry.lock(node.node_id):
            self._require_current(node)
            node.requested = _changed(node.requested, params)
            self._nodes.declare(node)
            self._surfaces.put_in_force(node.node_id)
            if not node.requested.asks_same(node.asked):
                await self._surfaces.reconcile(node, silent=False)
        return self._outcome(node)

    async def catch_up(self, nodes: Iterable[LiveNode]) -> None:
        """After changed command lists: ask approval for what connected nodes may now declare.

        One whose approval is under way holds up no other.
        """
        await asyncio.gather(*map(self._catch_up, nodes))

    async def _catch_up(self, node: LiveNode) -> None:
        async with self._registry.lock(node.node_id):
            if not self._is_current(node):
                return
            try:
                await self._surfaces.reconcile(node, silent=False)
            except StoreError as error:
                _log.error("node %s asks anew at its next connect only: %s", node.node_id, error)

    def _require_current(self, node: LiveNode) -> None:
        if not self._is_current(node):
            raise outcomes.pairing_changed(
                "node pairing changed before request dispatch: a newer connection of this node took over, "
                "or it was removed or revoked",
                "replaced",
                retryable=True,
            )

    def _is_current(self, node: LiveNode) -> bool:
        # A node that was removed or revoked stays until its socket is closed; it asks for nothing more.
        token = self._registry.tokens.get((node.node_id, "node"))
        paired = token is not None and token.revoked_at_ms is None
        return paired and self._nodes.find(node.node_id) is node

    def _outcome(self, node: LiveNode) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "nodeId": node.node_id,
            "approvalState": self._nodes.approval_state(node.node_id),
            "effective": {
                "caps": sorted(node.caps),
                "commands": sorted(node.commands),
                "permissions": node.permissions,
            },
            "withheld": self._explain.withheld(node.node_id, with_pending=True),
        }
        request = self._registry.surface_requests.get(node.node_id)
        if request is not None:
            answer["pending"] = {"requestId": request.request_id, **self._surfaces.widening(request)}
        return answer


def _changed(held: Surface, params: NodeSurfaceRefreshParams) -> Surface:
    caps = held.caps if params.caps is None else frozenset(params.caps)
    commands = held.commands if params.commands is None else frozenset(params.commands)
    permissions = held.permissions if params.permissions is None else dict(params.permissions)
    return dataclasses.replace(held, caps=caps, commands=commands, permissions=permissions)

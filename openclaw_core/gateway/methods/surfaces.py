"""Surfaces: scoped URLs, live declarations, and why a command works or not (PROTOCOL 8, 10, 13.2)."""

from __future__ import annotations

from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.gateway.methods.nodes import own_node
from openclaw_core.gateway.router import Call, Method
from openclaw_core.protocol import surfaces as wire
from openclaw_core.services.runtime import Runtime
from openclaw_core.services.scoped_urls import Holder

__all__ = ["surface_methods"]


class _Surfaces:
    def __init__(self, runtime: Runtime) -> None:
        self._nodes = runtime.nodes
        self._urls = runtime.scoped_urls
        self._declarations = runtime.declarations
        self._explain = runtime.explain

    async def refresh_node(self, call: Call) -> dict[str, Any]:
        """`node.pluginSurface.refresh`: a fresh URL, a live declaration, or both in that order."""
        node, params = own_node(self._nodes, call), call.params
        holder = Holder(call.connection.conn_id, call.connection.base_url, node)
        if not params.declares:
            return self._urls.refresh(holder, params.surface, params.observed_url)
        answer = await self._declarations.declare(node, params)
        if params.surface in node.caps and params.surface in self._urls.offered:
            answer |= self._urls.refresh(holder, params.surface, params.observed_url)
        return answer

    def refresh_operator(self, call: Call) -> dict[str, Any]:
        """`plugin.surface.refresh`."""
        holder = Holder(call.connection.conn_id, call.connection.base_url)
        return self._urls.refresh(holder, call.params.surface, call.params.observed_url)

    def explain(self, call: Call) -> dict[str, Any]:
        """`node.explain`."""
        with_pending = scopes.holds(call.connection.caller.scopes, scopes.PAIRING)
        return self._explain.explain(call.params.node_id, call.params.command, with_pending=with_pending)


def surface_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    surfaces, read = _Surfaces(runtime), scopes.READ
    return [
        Method(
            "node.pluginSurface.refresh", surfaces.refresh_node, "node", None, wire.NodeSurfaceRefreshParams
        ),
        Method(
            "plugin.surface.refresh",
            surfaces.refresh_operator,
            "operator",
            read,
            wire.PluginSurfaceRefreshParams,
        ),
        Method("node.explain", surfaces.explain, "operator", read, wire.NodeExplainParams),
    ]

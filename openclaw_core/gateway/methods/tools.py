"""`tools.*`, and a person's word on what agents want: `plugin.approval.*`."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.gateway.router import Call, Method
from openclaw_core.protocol import tools as wire
from openclaw_core.services.runtime import Runtime

__all__ = ["tool_methods"]


class _Tools:
    def __init__(self, runtime: Runtime) -> None:
        self._tools = runtime.tools
        self._approvals = runtime.tool_approvals

    def catalog(self, call: Call) -> dict[str, Any]:
        return self._tools.catalog(call.params)

    def invoke(self, call: Call) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        return self._tools.invoke(call.connection.caller, call.params, call.connection)

    def list_approvals(self, _call: Call) -> list[dict[str, Any]]:
        return self._approvals.list_all()

    def resolve(self, call: Call) -> dict[str, Any]:
        params = call.params
        return self._approvals.resolve(call.connection.caller, params.id, params.decision)


def tool_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    tools = _Tools(runtime)
    return [
        Method("tools.catalog", tools.catalog, "operator", scopes.READ, wire.ToolsCatalogParams),
        Method("tools.invoke", tools.invoke, "operator", scopes.WRITE, wire.ToolsInvokeParams),
        Method(
            "plugin.approval.list",
            tools.list_approvals,
            "operator",
            scopes.APPROVALS,
            wire.PluginApprovalListParams,
        ),
        Method(
            "plugin.approval.resolve",
            tools.resolve,
            "operator",
            scopes.APPROVALS,
            wire.PluginApprovalResolveParams,
        ),
    ]

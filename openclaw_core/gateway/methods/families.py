"""The RPC methods that capability families add."""

from __future__ import annotations

import uuid
from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.commands import Family
from openclaw_core.gateway.router import Call, Method
from openclaw_core.hookspecs import Caller, RpcMethod
from openclaw_core.protocol.nodes import NodeInvokeParams
from openclaw_core.services.families import FamilyGateway
from openclaw_core.services.runtime import Runtime

__all__ = ["family_methods"]


class _Context(FamilyGateway):
    """What a family's method may use; see `hookspecs.MethodContext`."""

    def __init__(self, runtime: Runtime, caller: Caller, family: Family) -> None:
        super().__init__(runtime.families, family, runtime.families.context(family).config)
        self._runtime = runtime
        self.caller = caller

    async def invoke_node(
        self, node_id: str, command: str, params: Any, timeout_ms: int | None = None
    ) -> Any:
        """Run a command on a node and return its payload."""
        fields = {"nodeId": node_id, "command": command, "params": params}
        if timeout_ms is not None:
            fields["timeoutMs"] = timeout_ms
        request = NodeInvokeParams.model_validate({**fields, "idempotencyKey": str(uuid.uuid4())})
        return await self._runtime.invokes.call(self.caller, request, family=self._family.name)


def family_methods(runtime: Runtime) -> list[Method]:
    """Every method of every loaded family."""
    families = {family.name: family for family in runtime.plugins.families}
    return [_method(runtime, method, families[name]) for method, name in runtime.plugins.methods.values()]


def _method(runtime: Runtime, method: RpcMethod, family: Family) -> Method:
    async def handle(call: Call) -> Any:
        caller = call.connection.caller
        answer = await method.handler(call.params, _Context(runtime, caller, family))
        if method.scope != scopes.READ:
            # Refusals are audited where every method's are; what only reads changes nothing.
            runtime.audit.note(method.name, caller, getattr(call.params, "node_id", None))
        return answer

    return Method(method.name, handle, "operator", method.scope, method.params)

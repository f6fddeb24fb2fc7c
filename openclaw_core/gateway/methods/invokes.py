"""What flows while an invoke runs: `node.invoke.progress|cancel|input|list` (PROTOCOL 11.5)."""

from __future__ import annotations

from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.gateway.methods.nodes import note_foreign_invoke
from openclaw_core.gateway.router import DEFERRED, Call, Method
from openclaw_core.protocol import streams as wire
from openclaw_core.services.runtime import Runtime

__all__ = ["invoke_methods"]


class _Invokes:
    def __init__(self, runtime: Runtime) -> None:
        self._streams = runtime.streams
        self._invokes = runtime.invokes
        self._audit = runtime.audit

    def progress(self, call: Call) -> Any:
        connection, invoke_id = call.connection, call.params.invoke_id
        note_foreign_invoke(self._audit, self._invokes, "node.invoke.progress", call, invoke_id)
        self._streams.progress(connection, connection.device_id, call.params, call.reply)
        return DEFERRED

    def cancel(self, call: Call) -> dict[str, Any]:
        params = call.params
        return self._streams.cancel(call.connection.caller, params.node_id, params.idempotency_key)

    def send_input(self, call: Call) -> dict[str, Any]:
        return self._streams.send_input(call.connection.caller, call.params)

    def list_all(self, call: Call) -> dict[str, Any]:
        return self._streams.list_for(call.connection.caller, call.params.node_id)


def invoke_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    invokes = _Invokes(runtime)
    write, read = scopes.WRITE, scopes.READ
    return [
        Method("node.invoke.cancel", invokes.cancel, "operator", write, wire.NodeInvokeCancelParams),
        Method("node.invoke.input", invokes.send_input, "operator", write, wire.NodeInvokeInputParams),
        Method("node.invoke.list", invokes.list_all, "operator", read, wire.NodeInvokeListParams),
        Method("node.invoke.progress", invokes.progress, "node", None, wire.NodeInvokeProgressParams),
    ]

"""`node.pending.*` (PROTOCOL 14)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from pydantic import BaseModel

from openclaw_core.auth import scopes
from openclaw_core.gateway.methods.nodes import own_node
from openclaw_core.gateway.router import Call, Handler, Method
from openclaw_core.protocol import pending as wire
from openclaw_core.services.runtime import Runtime

__all__ = ["pending_methods"]

Answer = Awaitable[dict[str, Any]]


class _Operators:
    def __init__(self, runtime: Runtime) -> None:
        self._pending = runtime.pending

    def enqueue(self, call: Call) -> Answer:
        return self._pending.enqueue(call.connection.caller, call.params)

    def list_all(self, call: Call) -> Answer:
        return self._pending.list_all(call.params)

    def get(self, call: Call) -> Answer:
        return self._pending.get(call.connection.caller, call.params.id)

    def cancel(self, call: Call) -> Answer:
        return self._pending.cancel(call.connection.caller, call.params.id)


class _Devices:
    def __init__(self, runtime: Runtime) -> None:
        self._nodes = runtime.nodes
        self._deliveries = runtime.deliveries

    def drain(self, call: Call) -> Answer:
        return self._deliveries.drain(own_node(self._nodes, call), call.params)

    def pull(self, call: Call) -> Answer:
        return self._deliveries.pull(own_node(self._nodes, call), call.params)

    def ack(self, call: Call) -> Answer:
        return self._deliveries.ack(own_node(self._nodes, call), call.params)


def pending_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    asks, tells = _Operators(runtime), _Devices(runtime)
    operator_rows: list[tuple[str, Handler, str, type[BaseModel]]] = [
        ("node.pending.enqueue", asks.enqueue, scopes.WRITE, wire.PendingEnqueueParams),
        ("node.pending.list", asks.list_all, scopes.READ, wire.PendingListParams),
        ("node.pending.get", asks.get, scopes.WRITE, wire.PendingGetParams),
        ("node.pending.cancel", asks.cancel, scopes.WRITE, wire.PendingCancelParams),
    ]
    node_rows: list[tuple[str, Handler, type[BaseModel]]] = [
        ("node.pending.drain", tells.drain, wire.PendingDrainParams),
        ("node.pending.pull", tells.pull, wire.PendingPullParams),
        ("node.pending.ack", tells.ack, wire.PendingAckParams),
    ]
    return [
        *(Method(name, handler, "operator", scope, params) for name, handler, scope, params in operator_rows),
        *(Method(name, handler, "node", None, params) for name, handler, params in node_rows),
    ]

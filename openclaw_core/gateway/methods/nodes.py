"""`node.*` (PROTOCOL 8, 10, 11, 12)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from openclaw_core.auth import scopes
from openclaw_core.errors import UnavailableError
from openclaw_core.gateway.router import DEFERRED, Call, Handler, Method
from openclaw_core.protocol import nodes as wire
from openclaw_core.services import outcomes
from openclaw_core.services.audit import Audit
from openclaw_core.services.invoke import Invokes
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.runtime import Runtime

__all__ = ["node_methods", "note_foreign_invoke", "own_node"]


class _Operators:
    """What operators ask about nodes."""

    def __init__(self, runtime: Runtime) -> None:
        self._nodes = runtime.nodes
        self._surfaces = runtime.surfaces
        self._legacy = runtime.legacy_pairing
        self._explain = runtime.explain
        self._invokes = runtime.invokes
        self._pending = runtime.pending
        self._presence = runtime.presence

    def list_all(self, call: Call) -> dict[str, Any]:
        return self._nodes.list_all(**_visibility(call))

    def describe(self, call: Call) -> dict[str, Any]:
        node_id, visibility = call.params.node_id, _visibility(call)
        entry = self._nodes.describe(node_id, **visibility)
        return {
            **entry,
            "commandDetails": self._explain.details(entry["commands"]),
            "withheld": self._explain.withheld(node_id, with_pending=visibility["with_pending"]),
        }

    def invoke(self, call: Call) -> Any:
        if call.params.if_offline is not None and self._pending.holds(call.params):
            # Repeated: it waits already, or was done from the queue, and must not run again.
            return self._pending.enqueue_invoke(call.connection.caller, call.params)
        sent_params = "params" in call.params.model_fields_set
        listener = call.connection if call.params.progress else None
        self._invokes.start(
            call.connection.caller, call.params, call.reply, sent_params=sent_params, listener=listener
        )
        return DEFERRED

    async def rename(self, call: Call) -> dict[str, Any]:
        params = call.params
        answer = await self._surfaces.rename(call.connection.caller, params.node_id, params.display_name)
        self._presence.renamed()
        return answer

    def list_pairing(self, call: Call) -> dict[str, Any]:
        caller = call.connection.caller
        return self._legacy.add_to_list(caller, self._surfaces.list_all(caller))

    async def approve(self, call: Call) -> dict[str, Any]:
        rooms = self._legacy if self._legacy.owns(call.params.request_id) else self._surfaces
        return await rooms.approve(call.connection.caller, call.params.request_id)

    async def reject(self, call: Call) -> dict[str, Any]:
        rooms = self._legacy if self._legacy.owns(call.params.request_id) else self._surfaces
        return await rooms.reject(call.connection.caller, call.params.request_id)

    async def remove(self, call: Call) -> dict[str, Any]:
        rooms = self._legacy if self._legacy.is_only_announced(call.params.node_id) else self._surfaces
        return await rooms.remove(call.connection.caller, call.params.node_id)


class _Devices:
    """What a node tells the gateway."""

    def __init__(self, runtime: Runtime) -> None:
        self._nodes = runtime.nodes
        self._invokes = runtime.invokes
        self._events = runtime.node_events
        self._audit = runtime.audit
        self._broadcast = runtime.events.broadcast

    def result(self, call: Call) -> dict[str, Any]:
        connection = call.connection
        answer = self._invokes.result(connection, connection.device_id, call.params)
        if "ignored" in answer:
            note_foreign_invoke(self._audit, self._invokes, "node.invoke.result", call, call.params.id)
        return answer

    def event(self, call: Call) -> dict[str, Any]:
        return self._events.handle(self._own(call), call.params)

    def update_tools(self, call: Call) -> dict[str, Any]:
        return self._events.update_tools(self._own(call), call.params)

    def update_skills(self, call: Call) -> dict[str, Any]:
        node = self._own(call)
        return {"nodeId": node.node_id, "skills": [skill.to_wire() for skill in call.params.skills]}

    def update_runner(self, call: Call) -> dict[str, Any]:
        told = {"nodeId": self._own(call).node_id}
        self._broadcast("node.runnerInventory.changed", told)
        return told

    def _own(self, call: Call) -> LiveNode:
        return own_node(self._nodes, call)


def own_node(nodes: Nodes, call: Call) -> LiveNode:
    """The entry of the node that calls.

    Raises:
        UnavailableError: a newer connection of this node has taken over (8.6).
    """
    connection = call.connection
    node = nodes.find(connection.device_id)
    if node is None or node.link is not connection:
        raise _replaced()
    return node


def note_foreign_invoke(audit: Audit, invokes: Invokes, method: str, call: Call, invoke_id: str) -> None:
    """Audit a node that answers what was asked of another one; late answers of its own are no refusal."""
    flight, connection = invokes.find(invoke_id), call.connection
    if flight is not None and flight.node_id != connection.device_id:
        audit.refuse(
            method,
            "FOREIGN_INVOKE",
            f"node:{connection.device_id}",
            flight.node_id,
            ip=connection.caller.remote_ip,
            conn_id=connection.conn_id,
        )


def _replaced() -> UnavailableError:
    return outcomes.pairing_changed(
        "node pairing changed before request dispatch: a newer connection of this node took over",
        "replaced",
        retryable=True,
    )


def _visibility(call: Call) -> dict[str, Any]:
    caller = call.connection.caller
    return {
        "with_pending": scopes.holds(caller.scopes, scopes.PAIRING),
        "own_device": caller.device_id if caller.by_device_token else None,
    }


def node_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    asks, tells = _Operators(runtime), _Devices(runtime)
    request = wire.NodePairRequestParams
    operator_rows: list[tuple[str, Handler, str, type[BaseModel]]] = [
        ("node.list", asks.list_all, scopes.READ, wire.NodeListParams),
        ("node.describe", asks.describe, scopes.READ, wire.NodeDescribeParams),
        ("node.invoke", asks.invoke, scopes.WRITE, wire.NodeInvokeParams),
        ("node.rename", asks.rename, scopes.PAIRING, wire.NodeRenameParams),
        ("node.pair.list", asks.list_pairing, scopes.PAIRING, wire.NodePairListParams),
        ("node.pair.approve", asks.approve, scopes.PAIRING, request),
        ("node.pair.reject", asks.reject, scopes.PAIRING, request),
        ("node.pair.remove", asks.remove, scopes.PAIRING, wire.NodePairRemoveParams),
    ]
    node_rows: list[tuple[str, Handler, type[BaseModel]]] = [
        ("node.invoke.result", tells.result, wire.NodeInvokeResultParams),
        ("node.event", tells.event, wire.NodeEventParams),
        ("node.pluginTools.update", tells.update_tools, wire.NodePluginToolsUpdateParams),
        ("node.skills.update", tells.update_skills, wire.NodeSkillsUpdateParams),
        ("node.runnerInventory.update", tells.update_runner, wire.NodeRunnerInventoryUpdateParams),
    ]
    return [
        *(Method(name, handler, "operator", scope, params) for name, handler, scope, params in operator_rows),
        *(Method(name, handler, "node", None, params) for name, handler, params in node_rows),
    ]

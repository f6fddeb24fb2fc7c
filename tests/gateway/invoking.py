"""Invokes over real sockets: ask, answer, and check that nothing is left."""

from __future__ import annotations

import uuid
from typing import Any

import orjson

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import FakeDevice, TestGateway, Wire, node_params

__all__ = [
    "add_node_role",
    "assert_audited",
    "assert_settled",
    "failure",
    "finish",
    "invoke",
    "made_here",
    "post_invoke",
    "respond",
]


async def add_node_role(gateway: TestGateway, device: FakeDevice) -> None:
    """Let a person approve that an operator's device becomes a node, too."""
    refused = await (await gateway.wire()).connect(node_params(), device)
    operator = await gateway.operator()
    await operator.call("device.pair.approve", {"requestId": refused["error"]["details"]["requestId"]})


def invoke_params(node_id: str, command: str, **fields: Any) -> dict[str, Any]:
    return {"nodeId": node_id, "command": command, "idempotencyKey": str(uuid.uuid4()), **fields}


async def post_invoke(operator: Wire, node_id: str, command: str, **fields: Any) -> str:
    """Send `node.invoke`; the request's id."""
    return await operator.post("node.invoke", invoke_params(node_id, command, **fields))


async def invoke(operator: Wire, node_id: str, command: str, **fields: Any) -> dict[str, Any]:
    """Send `node.invoke` and wait for its response frame."""
    return await operator.request("node.invoke", invoke_params(node_id, command, **fields))


async def respond(node: Wire, node_id: str, **outcome: Any) -> dict[str, Any]:
    """Answer the node's next invoke request; `{"ok": True}` unless told otherwise. The request.

    The node learns at once when its result was rejected.
    """
    request: dict[str, Any] = (await node.event("node.invoke.request"))["payload"]
    result = {"id": request["id"], "nodeId": node_id, "ok": True, **outcome}
    answer = await node.call("node.invoke.result", result)
    assert answer.pop("ok") is True
    request["rejected"] = answer.pop("rejected", None)
    assert answer == {}
    return request


async def finish(operator: Wire, request_id: str) -> dict[str, Any]:
    """The response frame of a request that was posted, though it may have come already."""
    for frame in operator.events:
        if frame["type"] == "res" and frame["id"] == request_id:
            operator.events.remove(frame)
            return frame
    return await operator.request("", request_id=request_id)


def failure(response: dict[str, Any]) -> tuple[str, str, Any, Any]:
    """Code, message, details and retryable of a refused request."""
    assert response["ok"] is False, response
    error = response["error"]
    return error["code"], error["message"], error.get("details"), error.get("retryable")


def made_here(code: str, message: str, /, *, outcome: str = "unknown", **more: Any) -> dict[str, Any]:
    """The details of a failure that the gateway made (11.4)."""
    dispatched = outcome != "not-dispatched"
    error = {"code": code, "message": message}
    return {"nodeError": error, "nodeCommandDispatched": dispatched, "outcome": outcome, **more}


def assert_settled(gateway: TestGateway) -> None:
    """No invoke in flight, and no timer of one."""
    invokes = gateway.server.gateway.runtime.invokes
    assert len(invokes) == 0
    scheduled = gateway.server.gateway.runtime.loop._scheduled  # type: ignore[attr-defined]
    left = [
        timer
        for timer in scheduled
        if not timer.cancelled() and getattr(timer._callback, "__self__", None) is invokes
    ]
    assert left == []


async def assert_audited(
    gateway: TestGateway, node_id: str, command: str, outcome: str, code: str | None
) -> None:
    """The newest audit entry of an invoke says this, and nothing of params or results."""
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    row = [item for item in rows if item.kind == "invoke"][-1]
    assert (row.outcome, row.actor, row.subject) == (outcome, "client:cli", node_id)
    details = orjson.loads(row.details or "{}")
    assert details == ({"command": command} if code is None else {"command": command, "code": code})

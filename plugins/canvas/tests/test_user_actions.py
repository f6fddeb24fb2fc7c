"""A node's user actions on their way to the operators."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.covers("canvas.a2ui.action")]

ACTION = {
    "name": "go",
    "surfaceId": "main",
    "sourceComponentId": "button",
    "timestamp": "2026-11-25T09:00:00.000Z",
    "context": {"who": "Ada", "deep": [1, {"x": None}]},
}
UNUSABLE = (
    None,
    "text",
    {},
    {"userAction": {**ACTION, "name": ""}},
    {"userAction": {**ACTION, "context": "x"}},
    {"userAction": {**ACTION, "name": "n" * 257}},
    {"userAction": {**ACTION, "context": {"much": "x" * 70_000}}},
)


async def tell(node: Any, payload: Any) -> Any:
    return await node.call("node.event", {"event": "canvas.a2ui.action", "payload": payload})


async def test_operators_who_may_read_hear_of_it(house: Any) -> None:
    async with house() as here:
        node, node_id = await here.gateway.node(["canvas.present"], caps=["canvas"])
        reader = await here.gateway.operator(["operator.read"])
        stranger = await here.gateway.operator(["operator.pairing"])
        answer = await tell(node, {"version": "v0.9", "userAction": ACTION, "nodeId": "forged"})
        assert (answer["handled"], answer["reason"]) == (True, "broadcast")
        heard = (await reader.event("canvas.a2ui.action"))["payload"]
        assert heard == {"version": "v0.9", "userAction": ACTION, "nodeId": node_id}
        await stranger.call("health", {})
        assert "canvas.a2ui.action" not in [frame.get("event") for frame in stranger.events]


async def test_what_is_no_action_is_not_passed_on(house: Any) -> None:
    async with house() as here:
        node, _ = await here.gateway.node(["canvas.present"], caps=["canvas"])
        for payload in UNUSABLE:
            answer = await tell(node, payload)
            assert (answer["handled"], answer["reason"]) == (False, "invalid_payload"), payload
        await here.operator.call("health", {})
        assert "canvas.a2ui.action" not in [frame.get("event") for frame in here.operator.events]

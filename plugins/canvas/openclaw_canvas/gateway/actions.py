"""What people do on A2UI surfaces, told to the operators."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from openclaw_canvas.models import UserActionEvent
from openclaw_core.hookspecs import GatewayContext, NodeView

__all__ = ["ACTION", "relay_action"]

ACTION = "canvas.a2ui.action"
"""A node event, and the broadcast made of it: `{nodeId, version, userAction}`, scope read."""

_MOST_CHARACTERS = 65_536


def relay_action(gateway: GatewayContext, node: NodeView, payload: Any) -> dict[str, Any]:
    """Broadcast a node's action and answer the node as chapter 12 words it.

    Args:
        payload: unchecked JSON data of a device.
    """
    try:
        event = UserActionEvent.model_validate(payload)
    except ValidationError:
        return _answer("invalid_payload", handled=False)
    shown = {**event.model_dump(mode="json", by_alias=True), "nodeId": node.node_id}
    if len(json.dumps(shown)) > _MOST_CHARACTERS:
        return _answer("invalid_payload", handled=False)
    gateway.broadcast(ACTION, shown)
    return _answer("broadcast", handled=True)


def _answer(reason: str, *, handled: bool) -> dict[str, Any]:
    return {"ok": True, "event": ACTION, "handled": handled, "reason": reason}

"""What nodes tell the gateway of their own accord: `node.event` and the live updates (PROTOCOL 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError

from openclaw_core.errors import InvalidRequestError, RpcError
from openclaw_core.plugins import Plugins
from openclaw_core.protocol.nodes import (
    HostStats,
    NodeEventParams,
    NodePluginToolsUpdateParams,
    NodePresenceAlive,
)
from openclaw_core.services import outcomes
from openclaw_core.services.activity import Activity, Handled
from openclaw_core.services.audit import Audit
from openclaw_core.services.events import Events
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.pairing import Pairing
from openclaw_core.services.registry import Registry

__all__ = ["NodeEvents"]

_ALIVE_THROTTLE_MS = 60_000
_TRIGGERS = frozenset(
    ("background", "silent_push", "bg_app_refresh", "significant_location", "manual", "connect")
)
_ANSWER_LEVELS = 16
_MOST_CHARS = 64
# No refusal: apps send events of families that are not installed here.
_UNSUPPORTED = "unsupported_event"
_OPEN_PARAMETERS = {"type": "object", "properties": {}, "additionalProperties": True}


class NodeEvents:
    """Handles the core's own events and hands the others to the families."""

    def __init__(
        self,
        registry: Registry,
        nodes: Nodes,
        pairing: Pairing,
        activity: Activity,
        events: Events,
        plugins: Plugins,
        audit: Audit,
        now_ms: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._pairing = pairing
        self._events = events
        self._plugins = plugins
        self._audit = audit
        self._now_ms = now_ms
        self._alive_at: dict[str, int] = {}
        self._own: dict[str, Callable[[LiveNode, Any], Handled]] = {
            "node.presence.alive": self._alive,
            "node.presence.activity": activity.report,
            "node.host.stats": self._host_stats,
            "node.desktop.availability": activity.desktop,
        }

    @property
    def names(self) -> frozenset[str]:
        """The events that are the core's own; all others are offered to the families."""
        return frozenset(self._own)

    def handle(self, node: LiveNode, params: NodeEventParams) -> dict[str, Any]:
        """`node.event`; one that is not believed is answered as the contract says, and audited.

        Raises:
            UnavailableError: the node's surface awaits approval (8.5).
        """
        if not node.approved:
            raise self.awaiting(node)
        answer = self._answer(node, params)
        reason = str(answer.get("reason"))
        if answer.get("handled") is False and reason != _UNSUPPORTED:
            who, event = f"node:{node.node_id}", params.event[:_MOST_CHARS]
            self._audit.refuse("node.event", reason, who, node.node_id, ip=node.remote_ip, reason=event)
        return answer

    def _answer(self, node: LiveNode, params: NodeEventParams) -> dict[str, Any]:
        payload = _payload(params)
        own = self._own.get(params.event)
        if own is not None:
            return _result(params.event, *own(node, payload))
        handled = self._plugins.handle_event(self._nodes.view(node), params.event, payload)
        return handled if handled is not None else _result(params.event, _UNSUPPORTED, False)

    def awaiting(self, node: LiveNode) -> RpcError:
        """The refusal of a node whose surface awaits approval."""
        request = self._registry.surface_requests.get(node.node_id)
        return outcomes.awaiting_approval(node.node_id, request.request_id if request else None)

    def update_tools(self, node: LiveNode, params: NodePluginToolsUpdateParams) -> dict[str, Any]:
        """`node.pluginTools.update`: tools whose command is not effective are held back.

        Raises:
            InvalidRequestError: a tool's parameters nest too deep to be handed on.
        """
        try:
            kept = [
                {"parameters": _OPEN_PARAMETERS, **tool.to_wire()}
                for tool in params.tools
                if tool.command is None or tool.command in node.commands
            ]
            orjson.dumps(_wrap(kept))
        except (TypeError, ValueError) as error:  # nested too deep: every node.list would stumble over it
            raise InvalidRequestError(f"invalid node.pluginTools.update params: {error}") from None
        node.plugin_tools = kept
        return {"nodeId": node.node_id, "tools": kept}

    def _alive(self, node: LiveNode, payload: Any) -> Handled:
        try:
            alive = NodePresenceAlive.model_validate(payload)
        except ValidationError:
            return "invalid_payload", False
        now = self._now_ms()
        if now - self._alive_at.get(node.node_id, -_ALIVE_THROTTLE_MS) < _ALIVE_THROTTLE_MS:
            return "throttled", True
        self._alive_at[node.node_id] = now
        trigger = alive.trigger if alive.trigger in _TRIGGERS else "background"
        self._pairing.note_seen(node.node_id, trigger)
        return "persisted", True

    def _host_stats(self, node: LiveNode, payload: Any) -> Handled:
        try:
            stats = HostStats.model_validate(payload)
        except ValidationError:
            return "invalid_payload", False
        shown = {**stats.to_wire(), "updatedAtMs": self._now_ms()}
        self._nodes.keep_host_stats(node.node_id, shown)
        self._events.broadcast("node.hostStats", {"nodeId": node.node_id, "hostStats": shown})
        return "updated", True


def _wrap(data: Any) -> Any:
    """The data as deep inside an answer as it will ever stand; the encoder counts levels."""
    for _ in range(_ANSWER_LEVELS):
        data = [data]
    return data


def _payload(params: NodeEventParams) -> Any:
    if params.payload_json is None:
        return params.payload
    try:
        return orjson.loads(params.payload_json)
    except orjson.JSONDecodeError:
        return None


def _result(event: str, reason: str, handled: bool) -> dict[str, Any]:
    return {"ok": True, "event": event, "handled": handled, "reason": reason}

"""Who uses which machine now: input activity and locked desktops of nodes (PROTOCOL 12.1, 12.3)."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from openclaw_core.protocol.presence import DesktopAvailability, PresenceActivity, PresenceClear
from openclaw_core.services.events import Events

if TYPE_CHECKING:
    from openclaw_core.services.nodes import LiveNode

__all__ = ["Activity", "Handled"]

Handled = tuple[str, bool]
"""`reason` and `handled` of an answer to `node.event`."""

INVALID: Handled = ("invalid_payload", False)
_PERMISSION = "accessibility"
_APP = "openclaw-macos"


@dataclass(frozen=True, slots=True)
class _Input:
    """When a node's user last touched it, and when the node said so; Unix ms."""

    last_active_at_ms: int
    updated_at_ms: int

    def to_wire(self) -> dict[str, int]:
        return {"lastActiveAtMs": self.last_active_at_ms, "presenceUpdatedAtMs": self.updated_at_ms}


class Activity:
    """Last input per node; kept while it is away, gone at a restart and with the node's removal."""

    def __init__(self, events: Events, now_ms: Callable[[], int]) -> None:
        self._events = events
        self._now_ms = now_ms
        self._inputs: dict[str, _Input] = {}
        self._desktops: dict[str, str] = {}

    def latest(self, among: Container[str]) -> str | None:
        """The node of these that was used last; None when none of them tells."""
        known = [node_id for node_id in self._inputs if node_id in among]
        return max(known, key=lambda node_id: self._inputs[node_id].last_active_at_ms, default=None)

    def facts(self, node_id: str) -> dict[str, Any]:
        """The fields of the node's catalog entry (10), `active` aside."""
        known, desktop = self._inputs.get(node_id), self._desktops.get(node_id)
        return {
            **(known.to_wire() if known is not None else {}),
            **({"desktopAvailability": desktop} if desktop is not None else {}),
        }

    def report(self, node: LiveNode, payload: Any) -> Handled:
        """`node.presence.activity` (12.3)."""
        if isinstance(payload, dict) and "action" in payload:
            return self._clear(node, payload)
        try:
            told = PresenceActivity.model_validate(payload)
        except ValidationError:
            return INVALID
        if told.source == "app":
            # The Mac app alone measures within itself; from anyone else it is a leftover or a claim.
            if node.client.id != _APP or node.platform != "macos":
                return ("stale_connection", False)
        elif node.permissions.get(_PERMISSION) is not True:
            return ("permission_required", False)
        now = self._now_ms()
        self._inputs[node.node_id] = known = _Input(now - told.idle_seconds * 1000, now)
        self._events.broadcast("node.presence", {"nodeId": node.node_id, **known.to_wire()})
        return ("updated", True)

    def _clear(self, node: LiveNode, payload: Any) -> Handled:
        try:
            PresenceClear.model_validate(payload)
        except ValidationError:
            return INVALID
        if self._inputs.pop(node.node_id, None) is None:
            return ("already_clear", True)
        cleared = {"nodeId": node.node_id, "lastActiveAtMs": None, "presenceUpdatedAtMs": None}
        self._events.broadcast("node.presence", cleared)
        return ("cleared", True)

    def desktop(self, node: LiveNode, payload: Any) -> Handled:
        """`node.desktop.availability` (12.1); shown in the node's entry as `desktopAvailability`."""
        try:
            state = DesktopAvailability.model_validate(payload).state
        except ValidationError:
            return INVALID
        if self._desktops.get(node.node_id) == state:
            return ("unchanged", True)
        self._desktops[node.node_id] = state
        return ("updated", True)

    def gone(self, node_id: str) -> None:
        """The node disconnected: whether its screen is locked is no longer known."""
        self._desktops.pop(node_id, None)

    def forget(self, node_id: str) -> None:
        """The node was removed."""
        self._inputs.pop(node_id, None)
        self._desktops.pop(node_id, None)

"""An item of pending work as operators and nodes see it (PROTOCOL 14)."""

from __future__ import annotations

from typing import Any

import orjson

from openclaw_core.protocol.pending import BASELINE_ID
from openclaw_core.services.audit import actor_of
from openclaw_core.services.pending_item import Item, caller_of
from openclaw_core.services.rows import without_none

__all__ = ["action_row", "baseline_row", "full_row", "item_row", "request_row"]


def request_row(row: Item) -> dict[str, Any]:
    """As `enqueue` and `drain` give it; the published schema closes it."""
    return {
        "id": row.id,
        "type": row.kind,
        "priority": row.priority,
        "createdAtMs": row.created_at_ms,
        "expiresAtMs": row.expires_at_ms,
    }


def baseline_row(now: int) -> dict[str, Any]:
    """The synthetic request that ends a drain with room left (14.2)."""
    return {
        "id": BASELINE_ID,
        "type": "status.request",
        "priority": "default",
        "createdAtMs": now,
        "expiresAtMs": None,
    }


def action_row(row: Item) -> dict[str, Any]:
    """As `pull` gives it (14.3), and additively what a node needs to run it well."""
    action: dict[str, Any] = {
        "id": row.id,
        "command": row.command,
        "paramsJSON": row.params_json,
        "enqueuedAtMs": row.created_at_ms,
        "expiresAtMs": row.expires_at_ms,
        "priority": row.priority,
    }
    if row.timeout_ms is not None:
        action["timeoutMs"] = row.timeout_ms
    if row.idempotency_key is not None:
        action["idempotencyKey"] = row.idempotency_key
    return action


def item_row(row: Item) -> dict[str, Any]:
    """An item for operators who look at the queue: neither params nor result."""
    return without_none(
        {
            "id": row.id,
            "nodeId": row.node_id,
            "type": "node.invoke" if row.kind == "foreground" else row.kind,
            "foreground": True if row.kind == "foreground" else None,
            "command": row.command,
            "state": row.state,
            "priority": row.priority,
            "idempotencyKey": row.idempotency_key,
            "requestedBy": actor_of(caller_of(row.caller)),
            "createdAtMs": row.created_at_ms,
            "expiresAtMs": row.expires_at_ms,
            "deliveredAtMs": row.delivered_at_ms,
            "finishedAtMs": row.finished_at_ms,
            "revision": row.revision,
            "error": orjson.loads(row.error) if row.error is not None else None,
        }
    )


def full_row(row: Item) -> dict[str, Any]:
    """An item with what was sent and what came back."""
    item = item_row(row)
    if row.params_json is not None:
        item["params"] = orjson.Fragment(row.params_json)
    if row.result_json is not None:
        item["payload"] = orjson.Fragment(row.result_json)
        item["payloadJSON"] = row.result_json
    return item

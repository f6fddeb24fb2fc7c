"""An item of pending work: made, repeated, and as operators and nodes see it (PROTOCOL 14)."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import orjson

from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.pending import BASELINE_ID
from openclaw_core.services.audit import actor_of
from openclaw_core.services.rows import without_none
from openclaw_core.store.base import column_names
from openclaw_core.store.models import PendingWork

__all__ = [
    "action_row",
    "baseline_row",
    "caller_of",
    "digest_of",
    "full_row",
    "is_out",
    "item_row",
    "new_item",
    "request_row",
    "values_of",
]


def digest_of(command: str, data: Any) -> str:
    """What makes two requests the same, whatever the order of their keys."""
    text = orjson.dumps([command, data], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def new_item(
    caller: Caller, kind: str, *, node_id: str, now: int, ttl_ms: int, **columns: Any
) -> PendingWork:
    """A queued item; `columns` are those that have no default here."""
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "node_id": node_id,
        "kind": kind,
        "state": "queued",
        "priority": "normal",
        "command": None,
        "params_json": None,
        "timeout_ms": None,
        "idempotency_key": None,
        "digest": None,
        "caller": _encode_caller(caller),
        "created_at_ms": now,
        "expires_at_ms": now + ttl_ms,
        "delivered_at_ms": None,
        "lease_until_ms": None,
        "finished_at_ms": None,
        "result_json": None,
        "error": None,
        **columns,
    }
    return PendingWork.from_values(values)


def values_of(row: PendingWork) -> dict[str, Any]:
    """The row's columns, for a plain insert."""
    held = row.__dict__
    return {name: held[name] for name in column_names(PendingWork)}


def is_out(row: PendingWork) -> bool:
    """A node has it and has not said what became of it."""
    return row.state == "delivered"


def _encode_caller(caller: Caller) -> str:
    fields = {
        "connId": caller.conn_id,
        "clientId": caller.client_id,
        "clientMode": caller.client_mode,
        "deviceId": caller.device_id,
        "scopes": sorted(caller.scopes),
        "byDeviceToken": caller.by_device_token,
    }
    return orjson.dumps(fields).decode()


def caller_of(row: PendingWork) -> Caller:
    """Who asked, with the scopes of then."""
    fields = orjson.loads(row.caller)
    return Caller(
        conn_id=fields["connId"],
        client_id=fields["clientId"],
        client_mode=fields["clientMode"],
        device_id=fields["deviceId"],
        scopes=frozenset(fields["scopes"]),
        by_device_token=fields["byDeviceToken"],
    )


def request_row(row: PendingWork) -> dict[str, Any]:
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


def action_row(row: PendingWork) -> dict[str, Any]:
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


def item_row(row: PendingWork) -> dict[str, Any]:
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
            "requestedBy": actor_of(caller_of(row)),
            "createdAtMs": row.created_at_ms,
            "expiresAtMs": row.expires_at_ms,
            "deliveredAtMs": row.delivered_at_ms,
            "finishedAtMs": row.finished_at_ms,
            "revision": row.revision,
            "error": orjson.loads(row.error) if row.error is not None else None,
        }
    )


def full_row(row: PendingWork) -> dict[str, Any]:
    """An item with what was sent and what came back."""
    item = item_row(row)
    if row.params_json is not None:
        item["params"] = orjson.Fragment(row.params_json)
    if row.result_json is not None:
        item["payload"] = orjson.Fragment(row.result_json)
        item["payloadJSON"] = row.result_json
    return item

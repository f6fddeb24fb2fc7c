"""Invokes that fail now and are done later: the node is away, or its app is in the background.

Implements `flights.Deferrals` over the pending work (PROTOCOL 11.1, 14.3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

import orjson

from openclaw_core.errors import RpcError, UnavailableError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.protocol.nodes import NodeInvokeParams
from openclaw_core.services.backlog import NodeQueue
from openclaw_core.services.flights import Flight
from openclaw_core.services.ledger import Ledger
from openclaw_core.services.nodes import Nodes
from openclaw_core.services.outcomes import code_of
from openclaw_core.services.pending import Pending
from openclaw_core.services.pending_admission import Admission
from openclaw_core.services.pending_item import digest_of

__all__ = ["PendingDeferrals"]

TTL_MS: Final = 600_000
MAX_NODE_ACTIONS: Final = 64
_MARK = "BACKGROUND_UNAVAILABLE"


class PendingDeferrals:
    """Turns two kinds of failures into pending work; all others stay failures."""

    def __init__(self, pending: Pending, ledger: Ledger, admission: Admission, nodes: Nodes) -> None:
        self._pending = pending
        self._ledger = ledger
        self._admission = admission
        self._nodes = nodes

    def offline(
        self, caller: Caller, params: NodeInvokeParams, refusal: RpcError
    ) -> Awaitable[bytes | RpcError] | None:
        """A node that is away gets the command later, if the caller asked for that."""
        if params.if_offline is None or code_of(refusal) != "NOT_CONNECTED":
            return None
        return self._queue_offline(caller, params)

    def background(self, flight: Flight, error: RpcError) -> Awaitable[bytes | RpcError] | None:
        """An action that needs the app in front waits until it is (14.3).

        Of a command that no family here knows, the node's own word is enough.
        """
        command, node_error = flight.route.command, (error.details or {}).get("nodeError")
        if (command is not None and not command.foreground) or not _says_background(node_error):
            return None
        node, pairing = self._nodes.find(flight.node_id), self._admission.pairing_of(flight.node_id)
        if node is None or node.platform != "ios" or pairing is None:
            return None
        return self._queue_action(flight, pairing, node_error)

    async def _queue_offline(self, caller: Caller, params: NodeInvokeParams) -> bytes:
        return orjson.dumps(await self._pending.enqueue_invoke(caller, params))

    async def _queue_action(self, flight: Flight, pairing: int, node_error: Any) -> RpcError:
        text, key = flight.fields.get("paramsJSON"), flight.key[1]
        columns = {
            "pairing_ms": pairing,
            "command": flight.command,
            "params_json": text,
            "idempotency_key": key,
            "digest": digest_of(flight.command, text),
        }
        backlog = self._ledger.backlog
        held = backlog.with_key(flight.node_id, "foreground", key)
        if held is not None and held.digest == columns["digest"]:
            if (storing := backlog.committing.get(held.id)) is not None:
                await asyncio.shield(storing)
            return _queued(held.id, flight.invocation, node_error)
        row = await self._ledger.insert(
            flight.invocation.caller, "foreground", flight.node_id, TTL_MS, columns
        )
        await self._trim(backlog.queue(flight.node_id))
        return _queued(row.id, flight.invocation, node_error)

    async def _trim(self, queue: NodeQueue) -> None:
        """Drop the oldest actions beyond the bound."""
        async with queue.lock:
            actions = [row for row in queue.actions if row.kind == "foreground"]
            oldest = sorted(actions, key=lambda row: row.position)[: max(0, len(actions) - MAX_NODE_ACTIONS)]
            message = f"{MAX_NODE_ACTIONS} newer actions wait for this app already; ask again"
            error = {"code": "QUEUE_FULL", "message": message}
            dropped = [self._ledger.ended(row, "dropped", error=error) for row in oldest]
            await self._ledger.commit(dropped, "rule:foreground")


def _says_background(node_error: Any) -> bool:
    if not isinstance(node_error, dict):
        return False
    return node_error.get("code") == f"NODE_{_MARK}" or _MARK in (node_error.get("message") or "")


def _queued(action_id: str, invocation: Invocation, node_error: Any) -> UnavailableError:
    return UnavailableError(
        "node command queued until iOS returns to foreground",
        {
            "code": "QUEUED_UNTIL_FOREGROUND",
            "queuedActionId": action_id,
            "nodeId": invocation.node_id,
            "command": invocation.command,
            "wake": {"path": "no-registration", "available": False, "throttled": False},
            "nodeError": node_error,
        },
        retryable=True,
    )

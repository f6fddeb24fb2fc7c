"""A node's command run by an operator: live output, input, and cancelling it for real (PROTOCOL 11)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from openclaw_core.client.connection import Connection
from openclaw_core.errors import RpcError

__all__ = ["follow_invoke", "invoke_node", "send_input"]

_log = logging.getLogger(__name__)

CANCEL_WAIT_S = 5.0


async def invoke_node(
    connection: Connection,
    request: Mapping[str, Any],
    *,
    timeout_ms: int | None,
    on_progress: Callable[[str], None] | None = None,
) -> Any:
    """Call `node.invoke`; its whole answer.

    When this is cancelled, so is the work on the node: the gateway is told before the
    cancellation goes on. A gateway without `node.invoke.cancel` lets the work run to its end.

    Args:
        request: the params of `node.invoke`, with `nodeId` and `idempotencyKey`.
        timeout_ms: how long to wait for the answer; None as long as the socket lives.
        on_progress: gets the output while the command runs; asks for it with `progress: true`,
            which only this project's gateway understands.

    Raises:
        RpcError: as `node.invoke` answers; `details.outcome` says what became of it.
    """
    return await follow_invoke(
        connection, "node.invoke", request, request["nodeId"], timeout_ms=timeout_ms, on_progress=on_progress
    )


async def follow_invoke(
    connection: Connection,
    method: str,
    request: Mapping[str, Any],
    node_id: str,
    *,
    timeout_ms: int | None,
    on_progress: Callable[[str], None] | None = None,
) -> Any:
    """Call a method that invokes on a node: `node.invoke`, `tools.invoke`.

    Args:
        request: its params, with `idempotencyKey`; the rest as for `invoke_node`.
        node_id: where the work is done.
    """
    asked = {"nodeId": node_id, "idempotencyKey": request["idempotencyKey"]}

    def hear(event: str, payload: Any) -> None:
        if event == "node.invoke.progress" and on_progress is not None and _is_of(payload, asked):
            on_progress(str(payload.get("chunk", "")))

    params = {**request, "progress": True} if on_progress is not None else dict(request)
    with connection.listening(hear):
        try:
            return await connection.request(method, params, timeout_ms=timeout_ms)
        except asyncio.CancelledError:
            await _cancel(connection, asked)
            raise


async def send_input(
    connection: Connection, node_id: str, idempotency_key: str, seq: int, value: Any
) -> None:
    """Send one input to an invoke in flight, again and again while the node takes no more.

    Args:
        seq: counts from 0 per invoke.
        value: JSON data of at most 16,384 characters.

    Raises:
        RpcError: the invoke is over, or `seq` is not the next one.
    """
    params = {"nodeId": node_id, "idempotencyKey": idempotency_key, "seq": seq}
    params["payloadJSON"] = orjson.dumps(value).decode()
    while True:
        try:
            await connection.request("node.invoke.input", params)
            return
        except RpcError as error:
            if (error.details or {}).get("code") != "INPUT_PAUSED":
                raise
            await asyncio.sleep((error.retry_after_ms or 0) / 1000)


def _is_of(payload: Any, asked: Mapping[str, str]) -> bool:
    return isinstance(payload, dict) and all(payload.get(name) == value for name, value in asked.items())


async def _cancel(connection: Connection, asked: dict[str, Any]) -> None:
    try:
        async with asyncio.timeout(CANCEL_WAIT_S):
            await connection.request("node.invoke.cancel", asked)
    except (RpcError, TimeoutError) as error:
        _log.warning("the invoke was left to run on the node: %s", error)

"""What flows while an invoke runs: progress, input, cancel, and who may see it (PROTOCOL 11.5).

An invoke belongs to the connection that asked for it, and to any other of the same proven
device; operator.admin may see and stop everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.bus.base import NodeLink
from openclaw_core.errors import InvalidRequestError, RpcError, UnavailableError
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.streams import NodeInvokeInputParams, NodeInvokeProgressParams
from openclaw_core.services.audit import actor_of
from openclaw_core.services.events import encode_event
from openclaw_core.services.flights import Flight
from openclaw_core.services.invoke import Invokes
from openclaw_core.services.progress import IGNORED, STREAM_BUFFER_BYTES

__all__ = ["Streams"]

RETRY_INPUT_MS = 100


class Streams:
    """Routes what is said between an operator and a node while an invoke is in flight.

    Args:
        now_ms: gives Unix milliseconds.
    """

    def __init__(self, invokes: Invokes, now_ms: Callable[[], int]) -> None:
        self._invokes = invokes
        self._now_ms = now_ms

    def progress(
        self,
        link: NodeLink,
        node_id: str,
        params: NodeInvokeProgressParams,
        answer: Callable[[bytes | RpcError], None],
    ) -> None:
        """`node.invoke.progress`: to the operator that asked for it, else ignored.

        Args:
            answer: called once; late while the operator is slow, which is the back-pressure.

        Raises:
            InvalidRequestError: the chunk names another node.
        """
        if params.node_id != node_id:
            raise InvalidRequestError("nodeId mismatch", {"nodeId": params.node_id})
        flight = self._invokes.find(params.invoke_id)
        if flight is None or flight.link is not link or not flight.at_node or flight.stream is None:
            answer(IGNORED)
        else:
            flight.stream.take(params.invoke_id, params.seq, params.chunk, answer)

    def cancel(self, caller: Caller, node_id: str, idempotency_key: str) -> dict[str, Any]:
        """`node.invoke.cancel`: the node stops the work, and everybody who waits is told.

        Raises:
            ForbiddenError: it is somebody else's, and the caller is no admin.
        """
        flight = self._invokes.find_by_key(node_id, idempotency_key)
        answer = {"ok": True, "nodeId": node_id, "idempotencyKey": idempotency_key}
        if flight is None:
            return {**answer, "cancelled": False, "reason": "not-in-flight"}
        _require_own(flight, caller)
        outcome = flight.outcome
        if not self._invokes.cancel(flight, actor_of(caller)):
            return {**answer, "cancelled": False, "reason": "not-in-flight"}
        return {**answer, "cancelled": True, "outcome": outcome}

    def send_input(self, caller: Caller, params: NodeInvokeInputParams) -> dict[str, Any]:
        """`node.invoke.input`: to the node, in the order of `seq`; a repeated one is ignored.

        Raises:
            UnavailableError: nothing is in flight under the key, or the node takes no more now.
            InvalidRequestError: `seq` is ahead.
            ForbiddenError: as for `cancel`.
        """
        flight = self._invokes.find_by_key(params.node_id, params.idempotency_key)
        if flight is None:
            raise UnavailableError(
                "no invoke is in flight under this key; see what is: openclaw nodes invokes",
                {"code": "NOT_IN_FLIGHT", "nodeId": params.node_id},
                retryable=False,
            )
        _require_own(flight, caller)
        if params.seq < flight.next_input:
            return {"ok": True, "ignored": True, "nextSeq": flight.next_input}
        if params.seq > flight.next_input:
            raise InvalidRequestError(
                f"input {params.seq} came before input {flight.next_input}; send that one first",
                {"code": "INPUT_OUT_OF_ORDER", "nextSeq": flight.next_input},
            )
        if not _pass_on(flight, params):
            raise UnavailableError(
                f"the node takes no input at the moment; send input {params.seq} again",
                {"code": "INPUT_PAUSED", "nextSeq": flight.next_input},
                retryable=True,
                retry_after_ms=RETRY_INPUT_MS,
            )
        flight.next_input += 1
        return {"ok": True, "ignored": False, "nextSeq": flight.next_input}

    def list_for(self, caller: Caller, node_id: str | None) -> dict[str, Any]:
        """`node.invoke.list`: what is in flight and the caller may see, oldest first."""
        seen = [
            flight
            for flight in self._invokes
            if node_id in (None, flight.node_id) and _may_touch(flight, caller)
        ]
        now = self._now_ms()
        return {"ts": now, "invokes": [_row(flight) for flight in sorted(seen, key=_age)]}


def _age(flight: Flight) -> int:
    return flight.started_at_ms


def _pass_on(flight: Flight, params: NodeInvokeInputParams) -> bool:
    link = flight.link
    if not flight.at_node or link.buffered_bytes > STREAM_BUFFER_BYTES:
        return False
    payload = {
        "id": flight.id,
        "nodeId": flight.node_id,
        "seq": params.seq,
        "payloadJSON": params.payload_json,
    }
    return link.send(encode_event("node.invoke.input", payload))


def _may_touch(flight: Flight, caller: Caller) -> bool:
    return flight.belongs_to(caller) or scopes.holds(caller.scopes, scopes.ADMIN)


def _require_own(flight: Flight, caller: Caller) -> None:
    if not flight.belongs_to(caller):
        scopes.require(caller.scopes, scopes.ADMIN)


def _row(flight: Flight) -> dict[str, Any]:
    caller = flight.invocation.caller
    state = "at-node" if flight.at_node else "retrying" if flight.sent else "recording"
    row = {
        "invokeId": flight.id,
        "nodeId": flight.node_id,
        "command": flight.command,
        "idempotencyKey": flight.fields["idempotencyKey"],
        "state": state,
        "startedAtMs": flight.started_at_ms,
        "timeoutMs": flight.fields["timeoutMs"],
        "progress": flight.stream is not None,
        "waiting": 1 + len(flight.joined or ()),
        "clientId": caller.client_id,
    }
    return {**row, "deviceId": caller.device_id} if caller.device_id is not None else row

"""`node.invoke`: admit, send, wait, answer (PROTOCOL 11).

The hot path: no task, no database read, no loop over plugins, nothing decoded twice. What
was resolved once per command is in its `Route`; `Routes` decides, this file keeps what is in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson

from openclaw_core.bus.base import NodeLink
from openclaw_core.errors import InvalidRequestError, RpcError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.protocol import limits
from openclaw_core.protocol.nodes import NodeInvokeParams, NodeInvokeResultParams
from openclaw_core.services import outcomes
from openclaw_core.services.audit import Audit, actor_of
from openclaw_core.services.events import encode_event
from openclaw_core.services.nodes import Nodes
from openclaw_core.services.routes import ABSENT, Route, Routes

__all__ = ["Invokes", "Reply"]

Reply = Callable[[bytes | RpcError], None]
"""Takes the encoded result object, or the error."""


class Flight:
    """One invoke on its way; replaced ids of readiness retries share it."""

    __slots__ = (
        "attempt",
        "command",
        "deadline",
        "fields",
        "id",
        "invocation",
        "link",
        "node_id",
        "pause",
        "reply",
        "route",
        "timer",
    )

    def __init__(self, invocation: Invocation, route: Route, link: NodeLink, reply: Reply) -> None:
        self.invocation = invocation
        self.node_id = invocation.node_id
        self.command = invocation.command
        self.route = route
        self.link = link
        self.reply = reply
        self.attempt = 0
        self.id = ""
        self.deadline: float | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.pause: asyncio.TimerHandle | None = None  # until the next readiness retry
        self.fields: dict[str, Any] = {}


class Invokes:
    """Every invoke in flight, by invoke id and by node."""

    def __init__(
        self,
        routes: Routes,
        nodes: Nodes,
        audit: Audit,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._routes = routes
        self._nodes = nodes
        self._audit = audit
        self._loop = loop
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def start(
        self,
        caller: Caller,
        params: NodeInvokeParams,
        reply: Reply,
        *,
        sent_params: bool = True,
        family: str | None = None,
    ) -> None:
        """Admit an invoke and send it, or refuse; `reply` is called exactly once.

        Args:
            sent_params: the request had a `params` field, though it may be null.
            family: the family whose own method asks; its private commands are open to it.
        """
        try:
            node, route = self._routes.admit(caller, params, family)
            data = params.params if sent_params else ABSENT
            invocation = Invocation(params.node_id, params.command, _object(data), caller)
            data = self._routes.check_params(invocation, route, data)
            timeout = params.timeout_ms if params.timeout_ms is not None else route.timeout_ms
            timeout = min(timeout, limits.MAX_INVOKE_TIMEOUT_MS)
            fields = _event_fields(params, data, timeout)
        except Exception as error:
            refusal = outcomes.expected(error, params.command)
            self._note(caller, params.node_id, params.command, "refused", refusal)
            reply(refusal)
            return
        flight = Flight(invocation, route, node.link, reply)
        flight.fields = fields
        if timeout:
            flight.deadline = self._loop.time() + timeout / 1000
            flight.timer = self._loop.call_later(timeout / 1000, self._time_out, flight)
        self._send(flight)

    async def call(self, caller: Caller, params: NodeInvokeParams, *, family: str | None = None) -> Any:
        """Invoke and wait; the node's payload.

        Raises:
            RpcError: as `node.invoke` answers.
        """
        waiting: asyncio.Future[bytes] = self._loop.create_future()

        def settle(answer: bytes | RpcError) -> None:
            if waiting.done():
                return
            if isinstance(answer, RpcError):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)

        self.start(caller, params, settle, family=family)
        return orjson.loads(await waiting).get("payload")

    def result(self, link: NodeLink, node_id: str, params: NodeInvokeResultParams) -> dict[str, Any]:
        """`node.invoke.result` (11.3): late, repeated and unknown ids are ignored.

        Raises:
            InvalidRequestError: the result names another node.
        """
        if params.node_id != node_id:
            raise InvalidRequestError("nodeId mismatch", {"nodeId": params.node_id})
        flight = self._flights.get(params.id)
        if flight is None or flight.link is not link or flight.pause is not None:
            return {"ok": True, "ignored": True}
        del self._flights[params.id]
        if params.ok:
            self._succeed(flight, params)
        elif not self._retry(flight, params):
            self._finish(flight, outcomes.node_error(params.error))
        return {"ok": True}

    def disconnected(self, link: NodeLink, *, replaced: bool) -> None:
        """Fail what was in flight on a socket that is gone or was replaced (8.6)."""
        for flight in [item for item in self._flights.values() if item.link is link]:
            del self._flights[flight.id]
            made = outcomes.route_changed if replaced else outcomes.disconnected
            self._finish(flight, made(flight.command, flight.route.idempotent))

    def withdraw(self) -> None:
        """Fail what a changed policy no longer allows."""
        for flight in list(self._flights.values()):
            node = self._nodes.find(flight.node_id)
            if node is not None and flight.command not in node.commands:
                del self._flights[flight.id]
                self._cancel(flight)
                self._finish(flight, outcomes.policy_changed(flight.command))

    def close(self) -> None:
        """The gateway stops: every caller gets an answer."""
        for flight in list(self._flights.values()):
            del self._flights[flight.id]
            self._finish(flight, outcomes.disconnected(flight.command, flight.route.idempotent))

    # On the way

    def _send(self, flight: Flight) -> None:
        flight.id = str(uuid4())
        payload = {"id": flight.id, "nodeId": flight.node_id, "command": flight.command, **flight.fields}
        self._flights[flight.id] = flight
        if not flight.link.send(encode_event("node.invoke.request", payload)):
            del self._flights[flight.id]
            self._finish(flight, outcomes.send_failed())

    def _retry(self, flight: Flight, params: NodeInvokeResultParams) -> bool:
        """Deliver again after NODE_NOT_READY, with a new id, inside the budget."""
        code = params.error.code if params.error is not None else None
        if code != "NODE_NOT_READY" or flight.attempt >= len(limits.READINESS_RETRY_MS):
            return False
        pause = limits.READINESS_RETRY_MS[flight.attempt] / 1000
        if flight.deadline is not None and self._loop.time() + pause >= flight.deadline:
            return False
        flight.attempt += 1
        # Kept under its old id while it waits, so that a lost socket or the deadline finds it.
        self._flights[flight.id] = flight
        flight.pause = self._loop.call_later(pause, self._redeliver, flight)
        return True

    def _redeliver(self, flight: Flight) -> None:
        del self._flights[flight.id]
        flight.pause = None
        if flight.deadline is not None:
            left = flight.deadline - self._loop.time()
            flight.fields["timeoutMs"] = max(1, int(left * 1000 + 0.999))
        self._send(flight)

    def _time_out(self, flight: Flight) -> None:
        if self._flights.pop(flight.id, None) is flight:
            self._cancel(flight)
            self._finish(flight, outcomes.timed_out())

    def _cancel(self, flight: Flight) -> None:
        cancel = {"invokeId": flight.id, "nodeId": flight.node_id}
        flight.link.send(encode_event("node.invoke.cancel", cancel))

    # The answer

    def _succeed(self, flight: Flight, params: NodeInvokeResultParams) -> None:
        try:
            payload = self._routes.check_result(flight.invocation, flight.route, params)
            answer: dict[str, Any] = {"ok": True, "nodeId": flight.node_id, "command": flight.command}
            if payload is not ABSENT:
                answer["payload"] = payload
            answer["payloadJSON"] = params.payload_json
            encoded = orjson.dumps(answer)
        except Exception as error:
            self._finish(flight, outcomes.expected(error, flight.command))
            return
        self._finish(flight, encoded)

    def _finish(self, flight: Flight, answer: bytes | RpcError) -> None:
        for timer in (flight.timer, flight.pause):
            if timer is not None:
                timer.cancel()
        invocation = flight.invocation
        error = answer if isinstance(answer, RpcError) else None
        self._note(invocation.caller, flight.node_id, flight.command, "failed" if error else "ok", error)
        flight.reply(answer)

    def _note(self, caller: Caller, node_id: str, command: str, outcome: Any, error: RpcError | None) -> None:
        details: dict[str, Any] = {"command": command}
        if error is not None:
            details["code"] = outcomes.code_of(error)
        self._audit.note("invoke", actor_of(caller), node_id, outcome, **details)


def _object(data: Any) -> Any:
    return {} if data is ABSENT or data is None else data


def _encode(data: Any, params: NodeInvokeParams) -> str:
    try:
        return orjson.dumps(data).decode()
    except TypeError as error:
        if data is not params.params:
            raise  # a hook's own params, not the caller's
        raise InvalidRequestError(f"invalid {params.command} params: {error}") from None


def _event_fields(params: NodeInvokeParams, data: Any, timeout: int) -> dict[str, Any]:
    """The part of the event that readiness retries repeat (11.2)."""
    fields: dict[str, Any] = {"timeoutMs": timeout, "idempotencyKey": params.idempotency_key}
    if data is not ABSENT:
        # Absent, not null, when the caller sent none: the published schema wants a string.
        fields["paramsJSON"] = _encode(data, params)
    if params.session_key is not None:
        fields["sessionKey"] = params.session_key
    return fields

"""`node.invoke`: admit, send, wait, answer (PROTOCOL 11).

The hot path: no task, no database read, no loop over plugins, nothing decoded twice. What
was resolved once per command is in its `Route`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
from pydantic import BaseModel, ValidationError

from openclaw_core.auth import scopes
from openclaw_core.auth.command_policy import to_error
from openclaw_core.bus.base import NodeLink
from openclaw_core.commands import Command
from openclaw_core.errors import InvalidRequestError, RpcError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.plugins import Plugins
from openclaw_core.protocol import limits
from openclaw_core.protocol.nodes import NodeInvokeParams, NodeInvokeResultParams
from openclaw_core.protocol.problems import describe_problems
from openclaw_core.services import outcomes
from openclaw_core.services.audit import Audit, actor_of
from openclaw_core.services.events import encode_event
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.registry import Registry

__all__ = ["Invokes", "Reply"]

Reply = Callable[[bytes | RpcError], None]
"""Takes the encoded result object, or the error."""

_ABSENT: Any = object()


class Route(NamedTuple):
    """Everything about one command that its invokes need."""

    command: Command | None
    family: str | None
    validate_invoke: Callable[..., Any] | None
    validate_result: Callable[..., Any] | None
    idempotent: bool
    timeout_ms: int


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
        registry: Registry,
        nodes: Nodes,
        plugins: Plugins,
        audit: Audit,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._registry = registry
        self._nodes = nodes
        self._plugins = plugins
        self._audit = audit
        self._loop = loop
        self._flights: dict[str, Flight] = {}
        self._routes: dict[str, Route] = {}

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
            node, route = self._admit(caller, params, family)
            data = params.params if sent_params else _ABSENT
            invocation = Invocation(params.node_id, params.command, _object(data), caller)
            data = self._check_params(invocation, route, data)
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

    # Admission

    def _admit(self, caller: Caller, params: NodeInvokeParams, family: str | None) -> tuple[LiveNode, Route]:
        name = params.command
        if not name.strip() or not params.node_id.strip():
            raise InvalidRequestError("nodeId and command required")
        route = self._routes.get(name) or self._resolve(name)
        within = family is not None and family == route.family
        if route.command is not None and not within:
            if route.command.private is not None:
                raise InvalidRequestError(route.command.private, {"command": name})
            if route.command.admin_invoke:
                scopes.require(caller.scopes, scopes.ADMIN)
        node = self._nodes.find(params.node_id)
        if node is None or not node.approved:
            raise self._unreachable(params.node_id)
        if name not in node.commands:
            raise self._refusal(node, name, within)
        return node, route

    def _resolve(self, name: str) -> Route:
        command = self._plugins.table.get(name)
        if command is None:
            # Not cached: a caller can invent names without end.
            return Route(None, None, None, None, False, limits.DEFAULT_INVOKE_TIMEOUT_MS)
        route = Route(
            command,
            self._plugins.table.owner(name),
            self._plugins.owned_hook("openclaw_validate_invoke", name),
            self._plugins.owned_hook("openclaw_validate_result", name),
            command.idempotent or command.read_only,
            command.timeout_ms,
        )
        self._routes[name] = route
        return route

    def _unreachable(self, node_id: str) -> RpcError:
        surface = self._registry.surfaces.get(node_id)
        if not self._nodes.is_known(node_id):
            return outcomes.unknown_node(node_id)
        if surface is None or surface.approved_at_ms is None:
            request = self._registry.surface_requests.get(node_id)
            return outcomes.awaiting_approval(node_id, request.request_id if request else None)
        return outcomes.not_connected()

    def _refusal(self, node: LiveNode, name: str, within: bool) -> RpcError:
        policy, platform_text = self._nodes.policy, node.client.platform
        refusal = policy.refuse(name, node.platform, platform_text, within_family=within)
        if refusal is None:
            refusal = policy.explain_missing(name, node.commands, platform_text)
        error = to_error(refusal, name)
        request = self._registry.surface_requests.get(node.node_id)
        if request is not None and name in request.commands:
            assert error.details is not None
            error.details["pendingRequestId"] = request.request_id
            error.details["hint"] = f"openclaw nodes approve {request.request_id}"
        return error

    def _check_params(self, invocation: Invocation, route: Route, data: Any) -> Any:
        """The params to send: as the caller wrote them unless a hook changed them."""
        if route.command is not None:
            _validate(route.command.params, invocation.params, invocation.command)
            if route.validate_invoke is not None:
                changed = route.validate_invoke(invocation=invocation)
                data = changed if changed is not None else data
        for authorize in self._plugins.authorizers:
            denial = authorize(invocation=invocation)
            if denial is not None:
                raise denial
        return data

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
            payload = self._check_result(flight, params)
            answer: dict[str, Any] = {"ok": True, "nodeId": flight.node_id, "command": flight.command}
            if payload is not _ABSENT:
                answer["payload"] = payload
            answer["payloadJSON"] = params.payload_json
            encoded = orjson.dumps(answer)
        except Exception as error:
            self._finish(flight, outcomes.expected(error, flight.command))
            return
        self._finish(flight, encoded)

    def _check_result(self, flight: Flight, params: NodeInvokeResultParams) -> Any:
        """The payload to answer with; text that was only checked passes through as it came."""
        text, route = params.payload_json, flight.route
        payload: Any
        if text is not None:
            try:
                data = orjson.loads(text)
                payload = orjson.Fragment(text)
            except orjson.JSONDecodeError:
                data = payload = {"payloadJSON": text}
        else:
            data = params.payload
            payload = data if "payload" in params.model_fields_set else _ABSENT
        if route.command is None:
            return payload
        try:
            _read(route.command.result, data if data is not None else {})
        except ValidationError as error:
            raise outcomes.bad_result(flight.node_id, flight.command, describe_problems(error)) from None
        if route.validate_result is not None:
            changed = route.validate_result(invocation=flight.invocation, result=data)
            return payload if changed is None else changed
        return payload

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


def _read(model: type[BaseModel], data: Any) -> None:
    """Check wire data; a model's Python names are not names on the wire."""
    model.__pydantic_validator__.validate_python(data, by_alias=True, by_name=False)


def _validate(model: type[BaseModel], data: Any, command: str) -> None:
    try:
        _read(model, data)
    except ValidationError as error:
        raise InvalidRequestError(
            f"invalid {command} params: {describe_problems(error)}", {"command": command}
        ) from None


def _object(data: Any) -> Any:
    return {} if data is _ABSENT or data is None else data


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
    if data is not _ABSENT:
        # Absent, not null, when the caller sent none: the published schema wants a string.
        fields["paramsJSON"] = _encode(data, params)
    if params.session_key is not None:
        fields["sessionKey"] = params.session_key
    return fields

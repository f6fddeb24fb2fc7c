"""Whether an invoke may go, and whether what it carries is what its command declares (PROTOCOL 9, 11.1)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ValidationError

from openclaw_core.auth import scopes
from openclaw_core.auth.command_policy import to_error
from openclaw_core.commands import Command
from openclaw_core.errors import InvalidRequestError, RpcError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.plugins import Plugins
from openclaw_core.protocol.arguments import explain_arguments
from openclaw_core.protocol.limits import DEFAULT_INVOKE_TIMEOUT_MS
from openclaw_core.protocol.nodes import NodeInvokeParams, NodeInvokeResultParams
from openclaw_core.protocol.pending import PendingResult
from openclaw_core.services import outcomes
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.registry import Registry

__all__ = ["ABSENT", "Route", "Routes"]

_TOO_DEEP = "it is nested too deep to be passed on; let the node answer with fewer levels"
_log = logging.getLogger(__name__)

ABSENT: Any = object()
"""Stands for params or a payload that was not sent, as null is something to send."""


class Route(NamedTuple):
    """Everything about one command that its invokes need."""

    command: Command | None
    family: str | None
    validate_invoke: Callable[..., Any] | None
    validate_result: Callable[..., Any] | None
    succeeded: Callable[..., Any] | None
    idempotent: bool
    timeout_ms: int


class Routes:
    """The routes of every command, resolved once, over the nodes that are there now."""

    def __init__(self, registry: Registry, nodes: Nodes, plugins: Plugins) -> None:
        self._registry = registry
        self._nodes = nodes
        self._plugins = plugins
        self._known: dict[str, Route] = {}

    def admit(self, caller: Caller, params: NodeInvokeParams, family: str | None) -> tuple[LiveNode, Route]:
        """The node and the command's route; the checks of 11.1 in their order.

        Args:
            family: the family whose own method asks; its private commands are open to it.

        Raises:
            RpcError: the first check that refuses.
        """
        route = self.permit(caller, params, family)
        return self.reach(params, route, family), route

    def permit(self, caller: Caller, params: NodeInvokeParams, family: str | None) -> Route:
        """The command's route, if this caller may use it on whatever node.

        Raises:
            RpcError: it may not.
        """
        name = params.command
        if not name.strip() or not params.node_id.strip():
            raise InvalidRequestError("nodeId and command required")
        route = self.find(name)
        if route.command is not None and not _is_within(route, family):
            refused = _refused(route.command, params.params)
            if refused is not None:
                raise InvalidRequestError(refused, {"command": name})
            if route.command.admin_invoke:
                scopes.require(caller.scopes, scopes.ADMIN)
        return route

    def reach(self, params: NodeInvokeParams, route: Route, family: str | None) -> LiveNode:
        """The connected node, if the command may run on it now.

        Raises:
            RpcError: it may not.
        """
        node = self._nodes.find(params.node_id)
        if node is None or not node.approved:
            raise self._unreachable(params.node_id)
        if params.command not in node.commands:
            raise self._refusal(node, params.command, _is_within(route, family))
        return node

    def forget(self) -> None:
        """Families came or went: what was resolved before no longer counts."""
        self._known.clear()

    def find(self, name: str) -> Route:
        """What there is to know about a command, on any node."""
        return self._known.get(name) or self._resolve(name)

    def _resolve(self, name: str) -> Route:
        command = self._plugins.table.get(name)
        if command is None:
            # Not cached: a caller can invent names without end.
            return Route(None, None, None, None, None, False, DEFAULT_INVOKE_TIMEOUT_MS)
        route = Route(
            command,
            self._plugins.table.owner(name),
            self._plugins.owned_hook("openclaw_validate_invoke", name),
            self._plugins.owned_hook("openclaw_validate_result", name),
            self._plugins.owned_hook("openclaw_invoke_succeeded", name),
            command.idempotent or command.read_only,
            command.timeout_ms,
        )
        self._known[name] = route
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

    def check_params(self, invocation: Invocation, route: Route, data: Any) -> Any:
        """The params to send: as the caller wrote them unless a hook changed them.

        Raises:
            InvalidRequestError: the model or a hook refuses them.
            RpcError: a plugin denies the invoke.
        """
        if route.command is not None:
            _validate(route.command.params, invocation.params, invocation.command)
            if route.validate_invoke is not None:
                changed = route.validate_invoke(invocation=invocation)
                data = changed if changed is not None else data
        denial = self.denial(invocation)
        if denial is not None:
            raise denial
        return data

    def denial(self, invocation: Invocation) -> RpcError | None:
        """The first denial of a plugin; none can grant."""
        for authorize in self._plugins.authorizers:
            denial: RpcError | None = authorize(invocation=invocation)
            if denial is not None:
                return denial
        return None

    @property
    def may_deny(self) -> bool:
        """True when a plugin has a say in who may invoke what."""
        return bool(self._plugins.authorizers)

    def check_result(
        self, invocation: Invocation, route: Route, params: NodeInvokeResultParams | PendingResult
    ) -> Any:
        """The payload to answer with; text that was only checked passes through as it came.

        Raises:
            UnavailableError: the node's result is not what the command declares.
        """
        text = params.payload_json
        payload: Any
        if text is not None:
            try:
                data = orjson.loads(text)
                payload = orjson.Fragment(text)
            except orjson.JSONDecodeError:
                data = payload = {"payloadJSON": text}
        else:
            data = params.payload
            payload = ABSENT
            if "payload" in params.model_fields_set:
                payload = _encoded(invocation, data)
        if route.command is None:
            return payload
        try:
            _read(route.command.result, data if data is not None else {})
        except ValidationError as error:
            text, problems = explain_arguments(error, route.command.result)
            raise outcomes.bad_result(invocation.node_id, invocation.command, text, problems) from None
        if route.validate_result is not None:
            changed = route.validate_result(invocation=invocation, result=data)
            if changed is not None:
                data = payload = changed
        if route.succeeded is not None:
            _tell(route.succeeded, invocation, data)
        return payload


def _encoded(invocation: Invocation, data: Any) -> orjson.Fragment:
    try:
        return orjson.Fragment(orjson.dumps(data))
    except TypeError:  # a message can be nested deeper than what is made of it
        raise outcomes.bad_result(invocation.node_id, invocation.command, _TOO_DEEP, []) from None


def _tell(succeeded: Callable[..., Any], invocation: Invocation, result: Any) -> None:
    try:
        succeeded(invocation=invocation, result=result)
    except Exception:
        _log.exception("openclaw_invoke_succeeded of the family of %s raised", invocation.command)


def _refused(command: Command, params: Any) -> str | None:
    if command.private is not None or command.refuses is None:
        return command.private
    return command.refuses(params)


def _is_within(route: Route, family: str | None) -> bool:
    return family is not None and family == route.family


def _read(model: type[BaseModel], data: Any) -> None:
    """Check wire data; a model's Python names are not names on the wire."""
    model.__pydantic_validator__.validate_python(data, by_alias=True, by_name=False)


def _validate(model: type[BaseModel], data: Any, command: str) -> None:
    try:
        _read(model, data)
    except ValidationError as error:
        text, problems = explain_arguments(error, model)
        raise InvalidRequestError(
            f"invalid {command} params: {text}", {"command": command, "problems": problems}
        ) from None

"""What may wait for a node, judged when it is left and again when it is delivered (PROTOCOL 9, 14)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from openclaw_core.auth import scopes
from openclaw_core.auth.command_policy import to_error
from openclaw_core.auth.platforms import resolve_platform
from openclaw_core.commands import Platform
from openclaw_core.errors import InvalidRequestError, RpcError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.protocol.pending import PendingResult
from openclaw_core.services import outcomes
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.pending_item import Item, caller_of, digest_of
from openclaw_core.services.registry import Registry
from openclaw_core.services.routes import ABSENT, Routes

__all__ = ["MAX_PARAMS_BYTES", "MAX_RESULT_BYTES", "Admission", "Admitted"]

MAX_PARAMS_BYTES: Final = 262_144
MAX_RESULT_BYTES: Final = 4 * 1024**2


class Admitted(NamedTuple):
    """A command that may wait: what will be sent, and what makes the request this one."""

    params_json: str | None
    digest: str


class Admission:
    """The checks of pending work; it changes nothing."""

    def __init__(self, registry: Registry, nodes: Nodes, routes: Routes) -> None:
        self._registry = registry
        self._nodes = nodes
        self._routes = routes

    def pairing_of(self, node_id: str) -> int | None:
        """What identifies the node's present pairing; None for a node that is not paired."""
        token = self._registry.tokens.get((node_id, "node"))
        return token.created_at_ms if token is not None and token.revoked_at_ms is None else None

    def require_node(self, node_id: str) -> int:
        """The node's present pairing.

        Raises:
            UnavailableError: `PAIRING_CHANGED`: unknown, revoked or not approved.
        """
        if not self._nodes.is_known(node_id):
            raise outcomes.unknown_node(node_id)
        pairing = self.pairing_of(node_id)
        if pairing is None:
            raise outcomes.pairing_changed(
                f"node {node_id} was revoked: pair it again before it can be given work",
                "revoked",
                retryable=False,
                nodeId=node_id,
            )
        surface = self._registry.surfaces.get(node_id)
        if surface is None or surface.approved_at_ms is None:
            request = self._registry.surface_requests.get(node_id)
            raise outcomes.awaiting_approval(node_id, request.request_id if request else None)
        return pairing

    def admit(self, caller: Caller, node_id: str, command: str, data: Any) -> Admitted:
        """Judge a command that is left for a node.

        Args:
            data: the params, `ABSENT` when none were sent.

        Raises:
            RpcError: scope, policy, approval, the command's own model or a family refuses it.
        """
        route = self._routes.find(command)
        if route.command is None or not route.command.queueable:
            raise _not_queueable(command, known=route.command is not None)
        if route.command.private is not None:
            raise InvalidRequestError(route.command.private, {"command": command})
        self.require_scope(caller, command)
        refusal = self._refusal(node_id, command)
        if refusal is not None:
            raise refusal
        invocation = Invocation(node_id, command, {} if data in (ABSENT, None) else data, caller)
        checked = self._routes.check_params(invocation, route, data)
        text = None if checked is ABSENT else _encode(checked, command)
        if text is not None and len(text) > MAX_PARAMS_BYTES:
            raise InvalidRequestError(
                f"{command} params weigh {len(text)} bytes; at most {MAX_PARAMS_BYTES} may wait: send less, "
                "or invoke it while the node is connected",
                {"command": command, "bytes": len(text), "limit": MAX_PARAMS_BYTES},
            )
        return Admitted(text, self.digest(command, data))

    def require_scope(self, caller: Caller, command: str | None) -> None:
        """Refuse a caller who may not invoke the command.

        Raises:
            ForbiddenError: names the scope.
        """
        known = self._routes.find(command).command if command is not None else None
        if known is not None and known.admin_invoke:
            scopes.require(caller.scopes, scopes.ADMIN)

    def digest(self, command: str, data: Any) -> str:
        """What makes two requests the same."""
        try:
            return digest_of(command, None if data is ABSENT else data)
        except TypeError as error:
            raise InvalidRequestError(f"invalid {command} params: {error}", {"command": command}) from None

    def recheck(self, node: LiveNode, row: Item) -> RpcError | None:
        """Why an item may no longer be delivered, or None."""
        command, caller = row.command or "", caller_of(row.caller)
        route = self._routes.find(command)
        if caller.by_device_token and caller.device_id not in self._registry.devices:
            return InvalidRequestError(
                f"device {caller.device_id}, which left this work, was removed; leave it again",
                {"reason": "enqueuer-removed", "command": command},
            )
        if row.kind == "node.invoke" and (route.command is None or not route.command.queueable):
            return _not_queueable(command, known=route.command is not None)
        refusal = self._refusal(node.node_id, command)
        if refusal is not None:
            return refusal
        return self._routes.denial(_invocation(row)) if self._routes.may_deny else None

    def awaits_approval(self, node_id: str, command: str | None) -> bool:
        """True while a person has yet to decide about the command: its work is kept, not failed."""
        request = self._registry.surface_requests.get(node_id)
        return request is not None and command in request.commands

    def read_result(self, row: Item, result: PendingResult) -> str | None:
        """The payload to keep, as JSON text.

        Raises:
            RpcError: it is not what the command declares.
        """
        route = self._routes.find(row.command or "")
        try:
            payload = self._routes.check_result(_invocation(row), route, result)
            return None if payload is ABSENT else orjson.dumps(payload).decode()
        except Exception as error:
            raise outcomes.expected(error, row.command or "") from error

    def _refusal(self, node_id: str, command: str) -> RpcError | None:
        policy, surface = self._nodes.policy, self._registry.surfaces.get(node_id)
        platform, text = self._platform_of(node_id)
        refusal = policy.refuse(command, platform, text)
        if refusal is not None:
            return to_error(refusal, command)
        node = self._nodes.find(node_id)
        approved = surface.commands if surface is not None else []
        held = node.commands if node is not None else approved
        if command in held:
            return None
        return to_error(policy.explain_missing(command, frozenset(held), text), command)

    def _platform_of(self, node_id: str) -> tuple[Platform, str]:
        node = self._nodes.find(node_id)
        if node is not None:
            return node.platform, node.client.platform
        device = self._registry.devices.get(node_id)
        if device is None:
            return "unknown", "unknown"
        platform = device.platform or "unknown"
        return resolve_platform(platform, device.device_family, device.client_id or ""), platform


def _invocation(row: Item) -> Invocation:
    data = orjson.loads(row.params_json) if row.params_json is not None else None
    return Invocation(row.node_id, row.command or "", {} if data is None else data, caller_of(row.caller))


def _not_queueable(command: str, *, known: bool) -> InvalidRequestError:
    why = "its family does not let it wait" if known else "no installed family knows it"
    return InvalidRequestError(
        f"{command} cannot be queued: {why}; invoke it while the node is connected",
        {"reason": "not-queueable", "command": command},
    )


def _encode(data: Any, command: str) -> str:
    try:
        return orjson.dumps(data).decode()
    except TypeError as error:
        raise InvalidRequestError(f"invalid {command} params: {error}", {"command": command}) from None

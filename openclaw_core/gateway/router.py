"""Which methods exist, who may call them, and how a call runs (PROTOCOL 2.4, 16)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ValidationError

from openclaw_core.auth import scopes
from openclaw_core.bus.base import NodeLink
from openclaw_core.errors import InvalidRequestError
from openclaw_core.protocol.problems import describe_problems
from openclaw_core.services.events import Subscriber
from openclaw_core.services.knock import Knock

__all__ = ["DEFERRED", "Call", "Handler", "Method", "Requester", "Router"]

DEFERRED: Any = object()
"""What a handler returns when it will answer through `Call.reply` later."""


class Requester(Subscriber, NodeLink, Protocol):
    """An open connection as its requests see it.

    Attributes:
        device_id: the proven device, empty for a client without one.
        base_url: scheme, host and port by which the client reached the gateway.
        alive: False from a ping until its pong.
        knock: an operator's device as it came in; None for a client without one, and for nodes.
    """

    device_id: str
    alive: bool
    knock: Knock | None

    @property
    def base_url(self) -> str: ...

    def reply(self, request_id: str, answer: bytes | Exception) -> None:
        """Send the response: an encoded payload, or an error."""

    def note_unauthorized(self) -> None:
        """Count a call that the role may not make."""

    def ping(self) -> None:
        """Ask for a sign of life."""

    def abort(self) -> None:
        """Drop the socket."""


@dataclass(slots=True)
class Call:
    """One request: `params` is what the method's model made of it."""

    connection: Requester
    request_id: str
    params: Any
    raw_params: Any

    def reply(self, answer: bytes | Exception) -> None:
        """Answer a deferred call: the encoded payload, or an error."""
        self.connection.reply(self.request_id, answer)


Handler = Callable[[Call], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC method.

    Attributes:
        name: on the wire.
        handler: takes the call; returns the payload, an awaitable of it, or `DEFERRED`.
        role: who may call it; `any` for both.
        scope: what an operator needs; None for nothing beyond the connection.
        params: model of the params; None leaves them unread.
    """

    name: str
    handler: Handler
    role: Literal["operator", "node", "any"] = "operator"
    scope: str | None = None
    params: type[BaseModel] | None = None


class Router:
    """Name → method; refuses by role, then scope, then params."""

    def __init__(self, methods: Iterable[Method]) -> None:
        self._methods = {method.name: method for method in methods}

    def __iter__(self) -> Iterator[Method]:
        return iter(self._methods.values())

    def names_for(self, role: str) -> list[str]:
        """The methods a role can call, for hello-ok."""
        return sorted(item.name for item in self._methods.values() if item.role in (role, "any"))

    def dispatch(self, connection: Requester, request_id: str, name: str, raw: Any) -> Any:
        """Run a method up to its first await.

        Raises:
            RpcError: role, scope or params refuse it, or the method does.
        """
        method, role = self._methods.get(name), connection.role
        if method is None or method.role not in (role, "any"):
            raise self._refusal(connection, name, method)
        if method.scope is not None and role == "operator":
            held = connection.caller.scopes
            # One set lookup decides the common case.
            if method.scope not in held:
                scopes.require(held, method.scope)
        params = None if method.params is None else _validate(name, method.params, raw)
        return method.handler(Call(connection, request_id, params, raw))

    def _refusal(self, connection: Requester, name: str, method: Method | None) -> Exception:
        if connection.role == "node":
            if method is None and name.startswith("node."):
                # An app that is newer than this gateway, not one that oversteps its role.
                return InvalidRequestError(f"unknown method: {name}", {"code": "UNKNOWN_METHOD"})
            connection.note_unauthorized()
            return InvalidRequestError("unauthorized role: node", {"code": "UNAUTHORIZED_ROLE"})
        if method is not None:
            connection.note_unauthorized()
            return InvalidRequestError("unauthorized role: operator", {"code": "UNAUTHORIZED_ROLE"})
        # Unknown names count as admin methods, so that their existence stays private.
        scopes.require(connection.caller.scopes, scopes.ADMIN)
        return InvalidRequestError(f"unknown method: {name}", {"code": "UNKNOWN_METHOD"})


def _validate(name: str, model: type[BaseModel], raw: Any) -> Any:
    try:
        return model.model_validate({} if raw is None else raw)
    except ValidationError as error:
        raise InvalidRequestError(f"invalid {name} params: {describe_problems(error)}") from None

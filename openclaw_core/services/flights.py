"""One invoke on its way, as everybody who deals with it sees it (PROTOCOL 11)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson

from openclaw_core.bus.base import NodeLink
from openclaw_core.errors import InvalidRequestError, RpcError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.protocol.nodes import NodeInvokeParams
from openclaw_core.services.outcomes import FAILED, NOT_DISPATCHED, UNKNOWN
from openclaw_core.services.progress import Stream
from openclaw_core.services.routes import ABSENT, Route

__all__ = ["Deferrals", "Flight", "FlightKey", "Reply", "digest_of", "event_fields"]

Reply = Callable[[bytes | RpcError], None]
"""Takes the encoded result object, or the error."""

_SHORT_BYTES = 256

FlightKey = tuple[str, str]
"""Node id and idempotency key."""


class Flight:
    """One invoke on its way; the new ids of readiness retries and repeats of its key share it.

    Attributes:
        id: of the delivery now or next on its way.
        digest: of the request, to tell a repetition of its key from another request.
        started: when it began, in seconds of the event loop's clock.
        sent: an event with the invoke was handed to the node's socket.
        pause: the timer until the next readiness retry; the node has nothing to do meanwhile.
        over: it was answered, or its outcome is being stored before that.
        stream: progress to the caller, if it asked for it.
        next_input: `seq` of the next input to the node.
        joined: repeats of the same request that wait for the same answer.
    """

    __slots__ = (
        "attempt",
        "command",
        "deadline",
        "digest",
        "fields",
        "id",
        "invocation",
        "joined",
        "key",
        "link",
        "next_input",
        "node_id",
        "over",
        "pause",
        "reply",
        "route",
        "sent",
        "started",
        "started_at_ms",
        "stream",
        "timer",
    )

    def __init__(
        self,
        invocation: Invocation,
        route: Route,
        link: NodeLink,
        reply: Reply,
        key: FlightKey,
        digest: bytes,
    ) -> None:
        self.invocation = invocation
        self.node_id = invocation.node_id
        self.command = invocation.command
        self.route = route
        self.link = link
        self.reply = reply
        self.key = key
        self.digest = digest
        self.attempt = 0
        self.id = ""
        self.sent = False
        self.over = False
        self.started = 0.0
        self.started_at_ms = 0
        self.next_input = 0
        self.deadline: float | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.pause: asyncio.TimerHandle | None = None
        self.stream: Stream | None = None
        self.joined: list[tuple[Caller, Reply]] | None = None
        self.fields: dict[str, Any] = {}

    @property
    def at_node(self) -> bool:
        """The node may be working on it now."""
        return self.sent and self.pause is None

    @property
    def outcome(self) -> str:
        """What is to be said of it if it ends now without the node's word."""
        if not self.sent:
            return NOT_DISPATCHED
        return UNKNOWN if self.pause is None else FAILED

    def join(self, caller: Caller, reply: Reply) -> None:
        """Answer one more caller; it shares this flight's budget."""
        if self.joined is None:
            self.joined = []
        self.joined.append((caller, reply))

    def belongs_to(self, caller: Caller) -> bool:
        """True for the connection that asked, and for any other of the same proven device."""
        mine = self.invocation.caller
        return mine.conn_id == caller.conn_id or (
            mine.device_id is not None and mine.device_id == caller.device_id
        )


class Deferrals(Protocol):
    """Who may turn a failure into work for later (chapter 14); None leaves the failure as it is.

    The awaitables may raise `RpcError` and `StoreError`.
    """

    def offline(
        self, caller: Caller, params: NodeInvokeParams, refusal: RpcError
    ) -> Awaitable[bytes | RpcError] | None:
        """An invoke was refused before anything was sent."""

    def background(self, flight: Flight, error: RpcError) -> Awaitable[bytes | RpcError] | None:
        """The node answered that it failed."""


def digest_of(command: str, data: Any, *, stored: bool) -> bytes:
    """What stands for the command and its params, whatever the order of their keys.

    Args:
        stored: it goes to disk, where a hash tells nothing of the params; in memory a short
            request stands for itself, which is cheaper.

    Raises:
        InvalidRequestError: the params are nested too deeply to be handed on.
    """
    try:
        request = b"" if data is ABSENT else orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InvalidRequestError(f"invalid {command} params: {error}") from None
    request = b"%b\0%b" % (command.encode(), request)
    if not stored and len(request) <= _SHORT_BYTES:
        return request
    return hashlib.blake2b(request, digest_size=16).digest()


def event_fields(params: NodeInvokeParams, data: Any, timeout: int) -> dict[str, Any]:
    """The part of `node.invoke.request` that readiness retries repeat (11.2)."""
    fields: dict[str, Any] = {"timeoutMs": timeout, "idempotencyKey": params.idempotency_key}
    if data is not ABSENT:
        # Absent, not null, when the caller sent none: the published schema wants a string.
        fields["paramsJSON"] = orjson.dumps(data).decode()
    if params.session_key is not None:
        fields["sessionKey"] = params.session_key
    return fields

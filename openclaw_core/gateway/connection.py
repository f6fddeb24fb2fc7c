"""One socket from challenge to close: handshake, then requests (PROTOCOL 2, 3)."""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import orjson
import structlog
from pydantic import ValidationError
from uvicorn.config import Config
from uvicorn.server import ServerState

from openclaw_core.auth.pairing_rules import pair_close_reason
from openclaw_core.errors import InvalidRequestError, RpcError, to_wire_error
from openclaw_core.gateway.arrival import Arrival
from openclaw_core.gateway.hello import hello_ok
from openclaw_core.gateway.router import DEFERRED
from openclaw_core.gateway.witness import reason_of, subject_of
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol import limits
from openclaw_core.protocol.connect import ConnectParams
from openclaw_core.protocol.frames import RequestFrame
from openclaw_core.protocol.problems import describe_problems
from openclaw_core.services.audit import actor_of
from openclaw_core.services.events import encode_event
from openclaw_core.services.knock import Knock
from openclaw_core.services.nodes import LiveNode
from openclaw_core.services.presence import Guest
from openclaw_core.services.scoped_urls import Holder

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway
    from openclaw_core.gateway.handshake import Admission

__all__ = ["Connection"]

_REQUEST_KEYS = frozenset(("type", "id", "method", "params"))
_NOBODY = Caller("", "", "", None, frozenset())

State = Literal["challenged", "deciding", "open"]


class Connection(Arrival):
    """A client; `role`, `caller` and `device_id` mean something once it is open."""

    __slots__ = (
        "_deadline",
        "_nonce",
        "_queued",
        "_seq",
        "_state",
        "_unauthorized",
        "_unparsable",
        "caller",
        "conn_id",
        "device_id",
        "knock",
        "role",
    )

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        del app_state
        gateway: Gateway = config.app.state.gateway  # type: ignore[union-attr]
        super().__init__(gateway, server_state)
        self._state: State = "challenged"
        self._nonce = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._queued: list[bytes] = []
        self._seq = 0
        self._unauthorized = 0
        self._unparsable = 0
        self.conn_id = str(uuid.uuid4())
        self.role: Literal["operator", "node"] = "operator"
        self.caller = _NOBODY
        self.device_id = ""
        self.knock: Knock | None = None

    # The socket

    def on_open(self) -> None:
        """Challenge the client; it has 15 s."""
        runtime = self._gateway.runtime
        self._nonce = str(uuid.uuid4())
        self.send(encode_event("connect.challenge", {"nonce": self._nonce, "ts": runtime.now_ms()}))
        timeout = runtime.config.handshake_timeout_ms / 1000
        self._deadline = self._loop.call_later(timeout, self._drop, "HANDSHAKE_TIMEOUT", limits.CLOSE_NORMAL)

    def on_lost(self) -> None:
        """Leave nothing behind."""
        self._leave_handshake()
        self._queued.clear()
        if self._state == "open":
            self._gateway.leave(self)
            self._gateway.witness.left(self.role, self.caller)

    def on_broken(self, close_code: int) -> None:
        """Audited: a frame too large for its stage (1.3), or bytes that are no frame."""
        code = "FRAME_TOO_LARGE" if close_code == limits.CLOSE_TOO_BIG else "INVALID_FRAME"
        kind, actor = ("frame", self._actor()) if self._state == "open" else ("connect", "unknown")
        ip, conn_id = self._peer.remote_ip, self.conn_id
        self._gateway.witness.refused(kind, code, actor, None, ip=ip, conn_id=conn_id)

    def on_message(self, data: bytes) -> None:
        """A frame of whatever stage the connection is in."""
        if self._state == "open":
            self._on_request(data)
        elif self._state == "deciding":
            self._queue(data)
        else:
            self._on_first_frame(data)

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops."""
        self.close(limits.CLOSE_RESTART, "service restart")

    # Handshake

    def _on_first_frame(self, data: bytes) -> None:
        try:
            frame = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._drop("INVALID_JSON", limits.CLOSE_NORMAL)
            return
        request = _as_request(frame)
        if request is None:
            self._drop("INVALID_FRAME", limits.CLOSE_POLICY, "invalid request frame")
            return
        request_id, method, raw = request
        if method != "connect":
            text = "invalid handshake: first request must be connect"
            self._refuse(request_id, InvalidRequestError(text), None)
            return
        try:
            params = ConnectParams.model_validate({} if raw is None else raw)
        except ValidationError as error:
            text = f"invalid connect params: {describe_problems(error)}"
            self._refuse(request_id, InvalidRequestError(text), None)
            return
        if params.client.id == "openclaw-worker":
            self._drop("WORKER_CLIENT", limits.CLOSE_POLICY, "invalid-handshake")
            return
        self._state = "deciding"
        self._gateway.spawn(self._decide(request_id, params))

    async def _decide(self, request_id: str, params: ConnectParams) -> None:
        device_id = params.device.id if params.device is not None else self.conn_id
        async with self._gateway.runtime.registry.lock(device_id):
            if self.closing:
                return  # gone while it waited: nothing may be approved for nobody
            try:
                admission = await self._gateway.handshake.admit(self.conn_id, self._nonce, self._peer, params)
                node = await self._prepare_node(admission)
            except Exception as error:
                self._refuse(request_id, error, params)
                return
            if not self.closing:
                self._open(request_id, params, admission, node)
            if admission.code is not None:
                codes = self._gateway.runtime.setup_codes
                codes.answered(admission.code, delivered=self._state == "open" and not self.closing)
        for data in self._take_queued():
            if not self.closing:
                self._on_request(data)

    async def _prepare_node(self, admission: Admission) -> LiveNode | None:
        knock = admission.knock
        if admission.role != "node" or knock is None:
            return None
        runtime = self._gateway.runtime
        node = LiveNode(knock.asked.device_id, self, knock.params, knock.remote_ip, runtime.now_ms())
        await runtime.surfaces.reconcile(node, silent=admission.silent)
        return node

    def _open(
        self, request_id: str, params: ConnectParams, admission: Admission, node: LiveNode | None
    ) -> None:
        self._leave_handshake()
        self.role = admission.role
        self.caller = replace(admission.caller, remote_ip=self._peer.remote_ip)
        self.device_id = admission.caller.device_id or ""
        self.knock = admission.knock if node is None else None  # a node's is in its LiveNode
        self.allow_message_size(limits.MAX_PAYLOAD_BYTES)
        self._state = "open"
        gateway = self._gateway
        holder = Holder(self.conn_id, self.base_url, node)
        features = gateway.features_for(admission.role)
        self.reply(request_id, hello_ok(gateway.runtime, features, admission, holder))
        gateway.join(self, node)
        gateway.witness.admitted(self.role, self.caller, self._peer)
        if node is None:
            now_ms = gateway.runtime.now_ms()
            gateway.runtime.presence.entered(Guest(self.caller, params.client, self._peer.remote_ip, now_ms))

    def _note_refusal(
        self, code: str, actor: str = "unknown", subject: str | None = None, reason: str | None = None
    ) -> None:
        ip, conn_id = self._peer.remote_ip, self.conn_id
        self._gateway.witness.refused("connect", code, actor, subject, ip=ip, conn_id=conn_id, reason=reason)

    def _drop(self, code: str, close_code: int, reason: str = "") -> None:
        """Close a client that does not get as far as a connect request."""
        if not self.closing:
            self._note_refusal(code)
            self.close(close_code, reason)

    def _refuse(self, request_id: str, error: Exception, params: ConnectParams | None) -> None:
        """Answer a failed connect and close with its message (1.4)."""
        with structlog.contextvars.bound_contextvars(conn=self.conn_id):
            wire = to_wire_error(error)
        details = wire.get("details") or {}
        code = details.get("code") if isinstance(details, dict) else None
        close_code, reason = limits.CLOSE_POLICY, wire["message"]
        if code == "PROTOCOL_MISMATCH":
            close_code = limits.CLOSE_PROTOCOL_ERROR
        elif code == "PAIRING_REQUIRED":
            reason = pair_close_reason(reason, details["requestId"])
        elif not isinstance(error, RpcError):
            close_code = limits.CLOSE_INTERNAL
        device = params.device.id if params is not None and params.device is not None else None
        actor = f"client:{params.client.id}" if params is not None else "client:unknown"
        self._note_refusal(code or wire["code"], actor, device, reason_of(error))
        self.send(_error_frame(request_id, wire))
        self.close(close_code, reason)

    def _queue(self, data: bytes) -> None:
        if len(self._queued) >= limits.MAX_PENDING_HANDSHAKE_FRAMES:
            self._drop("TOO_MANY_HANDSHAKE_FRAMES", limits.CLOSE_POLICY, "too many pending handshake frames")
            return
        self._queued.append(data)

    def _take_queued(self) -> list[bytes]:
        queued, self._queued = self._queued, []
        return queued

    def _leave_handshake(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.give_place_back()

    # Requests

    def _on_request(self, data: bytes) -> None:
        try:
            frame = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._unparsable += 1
            if self._unparsable > limits.MAX_UNPARSABLE_FRAMES:
                self.close(limits.CLOSE_POLICY, "too many frames that are not JSON")
            return
        request = _as_request(frame)
        if request is None:
            self._answer_invalid_frame(frame)
            return
        request_id, method, raw = request
        try:
            answer = self._gateway.router.dispatch(self, request_id, method, raw)
            if answer is DEFERRED:
                return
            # Most answers are plain objects; asked first, as `isawaitable` is slow.
            if type(answer) is dict or not inspect.isawaitable(answer):
                self._send_result(request_id, answer)
            else:
                self._gateway.spawn(self._answer_later(request_id, method, raw, answer))
        except Exception as error:
            self._fail(request_id, method, raw, error)

    async def _answer_later(self, request_id: str, method: str, raw: Any, answer: Awaitable[Any]) -> None:
        try:
            # Encoded inside: what a family's method returns may not be JSON data.
            self._send_result(request_id, await answer)
        except Exception as error:
            self._fail(request_id, method, raw, error)

    def _answer_invalid_frame(self, frame: Any) -> None:
        try:
            RequestFrame.model_validate(frame)
            problem = "unexpected frame"
        except ValidationError as error:
            problem = describe_problems(error)
        frame_id = frame.get("id") if isinstance(frame, dict) else None
        request_id = frame_id if isinstance(frame_id, str) and frame_id else "invalid"
        self.reply(request_id, InvalidRequestError(f"invalid request frame: {problem}"))

    def _fail(self, request_id: str, method: str, raw: Any, error: Exception) -> None:
        with structlog.contextvars.bound_contextvars(conn=self.conn_id, method=method):
            wire = to_wire_error(error)
        details = wire.get("details")
        code = details.get("code") if isinstance(details, dict) else None
        self._gateway.witness.refused(
            method,
            code or wire["code"],
            self._actor(),
            subject_of(raw, self._gateway.runtime.registry),
            ip=self.caller.remote_ip,
            conn_id=self.conn_id,
            reason=reason_of(error),
        )
        self.send(_error_frame(request_id, wire))
        if self._unauthorized > limits.MAX_UNAUTHORIZED_CALLS:
            self.close(limits.CLOSE_POLICY, "repeated unauthorized calls")

    def _actor(self) -> str:
        return f"node:{self.device_id}" if self.role == "node" else actor_of(self.caller)

    def note_unauthorized(self) -> None:
        """Count a call the role may not make; the eleventh closes the socket (1.3)."""
        self._unauthorized += 1

    # Answers and events

    def reply(self, request_id: str, answer: bytes | Exception) -> None:
        """Send the response: an encoded payload, or an error."""
        if isinstance(answer, Exception):
            self.send(_error_frame(request_id, to_wire_error(answer)))
            return
        head = b'{"type":"res","id":' + orjson.dumps(request_id) + b',"ok":true,"payload":'
        self.send(head + answer + b"}")

    def _send_result(self, request_id: str, payload: Any) -> None:
        self.send(orjson.dumps({"type": "res", "id": request_id, "ok": True, "payload": payload}))

    def send(self, message: bytes) -> bool:
        """Send a frame; a client that lets too much pile up is closed, never waited for (1.3)."""
        if self.buffered_bytes > limits.MAX_BUFFERED_BYTES:
            self.close(limits.CLOSE_POLICY, "slow consumer")
            return False
        return super().send(message)

    def send_numbered(self, frame: bytes, *, droppable: bool) -> None:
        """Send a broadcast with this connection's next `seq`; a dropped one leaves a gap (2.2)."""
        self._seq += 1
        if droppable and self.buffered_bytes > limits.MAX_BUFFERED_BYTES:
            return
        self.send(b'%b,"seq":%d}' % (frame[:-1], self._seq))


def _as_request(frame: Any) -> tuple[str, str, Any] | None:
    """Id, method and params of a valid request frame; None for anything else."""
    if not isinstance(frame, dict) or frame.get("type") != "req":
        return None
    if not frame.keys() <= _REQUEST_KEYS:
        try:
            RequestFrame.model_validate(frame)
        except ValidationError:
            return None
    request_id, method = frame.get("id"), frame.get("method")
    if not (isinstance(request_id, str) and request_id and isinstance(method, str) and method):
        return None
    return request_id, method, frame.get("params")


def _error_frame(request_id: str, wire: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": "res", "id": request_id, "ok": False, "error": wire})

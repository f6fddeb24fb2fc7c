"""One authenticated WebSocket to a gateway: requests out, answers and events in (PROTOCOL 2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from openclaw_core.client.handshake import HandshakeRefusedError, open_socket, shake_hands
from openclaw_core.client.options import ConnectOptions
from openclaw_core.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotPairedError,
    RpcError,
    UnavailableError,
)
from openclaw_core.protocol.connect import HelloOk
from openclaw_core.protocol.limits import CLOSE_NORMAL

__all__ = ["ConnectOptions", "Connection", "EventHandler", "HandshakeRefusedError", "connect"]

_log = logging.getLogger(__name__)

EventHandler = Callable[[str, Any], None]

CLOSE_TICK_TIMEOUT = 4000
_ERRORS: dict[str, type[RpcError]] = {
    error.code: error for error in (InvalidRequestError, NotPairedError, ForbiddenError, UnavailableError)
}


async def connect(options: ConnectOptions, on_event: EventHandler | None = None) -> Connection:
    """Reach a gateway and authenticate.

    Args:
        options: address, credentials and what the client declares.
        on_event: called with (event, payload) for each event, in order, on the loop.

    Raises:
        GatewayUnreachableError: nobody answers at the address.
        HandshakeRefusedError: the gateway refused (3.5, 5.4, 6.2).
        ConfigError: the URL, the TLS pin or the certificate is wrong.
    """
    socket = await open_socket(options)
    try:
        hello = await shake_hands(socket, options)
    except BaseException:
        await socket.close(CLOSE_NORMAL)
        raise
    return Connection(socket, hello, on_event)


class Connection:
    """An open connection; `hello` is what the gateway granted.

    It closes itself with 4000 when nothing arrived for two of the gateway's tick intervals.
    """

    def __init__(self, socket: ClientConnection, hello: HelloOk, on_event: EventHandler | None) -> None:
        self.hello = hello
        self._socket = socket
        self._handlers = [] if on_event is None else [on_event]
        self._ids = count(1)
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._reader = self._loop.create_task(self._read())
        self._watchdog = self._loop.create_task(self._watch(hello.policy.tick_interval_ms / 1000))

    async def request(self, method: str, params: Any = None, *, timeout_ms: int | None = 30_000) -> Any:
        """Call a method and return its payload.

        Args:
            method: wire name.
            params: JSON data; None sends no params.
            timeout_ms: how long to wait for the answer; None waits as long as the socket lives.

        Raises:
            RpcError: the subclass of the error's code, with its details (2.3).
            UnavailableError: no answer in time (details.code `REQUEST_TIMEOUT`) or the socket
                is gone (`CONNECTION_LOST`).
            InvalidRequestError: the frame exceeds the gateway's maxPayload (`PAYLOAD_TOO_LARGE`).
        """
        request_id = str(next(self._ids))
        data = self._encode(request_id, method, params)
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting[request_id] = answer
        try:
            async with asyncio.timeout(None if timeout_ms is None else timeout_ms / 1000):
                await self._socket.send(data, text=True)
                return await answer
        except TimeoutError:
            raise UnavailableError(
                f"the gateway did not answer {method} within {timeout_ms} ms",
                {"code": "REQUEST_TIMEOUT", "method": method},
            ) from None
        except ConnectionClosed:
            raise self._lost() from None
        finally:
            del self._waiting[request_id]
            # An error nobody awaits any more would be reported as lost by the event loop.
            if not answer.cancel() and not answer.cancelled():
                answer.exception()

    @contextmanager
    def listening(self, handler: EventHandler) -> Iterator[None]:
        """Call one more handler for each event, for as long as the context lasts."""
        self._handlers.append(handler)
        try:
            yield
        finally:
            self._handlers.remove(handler)

    async def close(self, code: int = CLOSE_NORMAL, reason: str = "") -> None:
        """Close the socket; requests in flight fail with `CONNECTION_LOST`."""
        await self._socket.close(code, reason)
        await self.wait_closed()

    async def wait_closed(self) -> tuple[int, str]:
        """Wait for the end of the socket; its close code (1006 without a close frame) and reason."""
        await asyncio.shield(self._reader)
        self._watchdog.cancel()
        return self._socket.close_code or 1006, self._socket.close_reason or ""

    def _encode(self, request_id: str, method: str, params: Any) -> bytes:
        frame: dict[str, Any] = {"type": "req", "id": request_id, "method": method}
        if params is not None:
            frame["params"] = params
        data = orjson.dumps(frame)
        limit = self.hello.policy.max_payload
        if len(data) > limit:
            raise InvalidRequestError(
                f"{method} weighs {len(data)} bytes, the gateway takes {limit}; send less",
                {"code": "PAYLOAD_TOO_LARGE", "bytes": len(data), "limit": limit},
            )
        return data

    async def _read(self) -> None:
        try:
            with suppress(ConnectionClosed):
                while True:
                    self._dispatch(await self._socket.recv())
        finally:
            self._watchdog.cancel()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(self._lost())

    def _dispatch(self, message: str | bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            frame = orjson.loads(message)
        except ValueError:
            _log.warning("the gateway sent %d bytes that are not JSON; ignored", len(message))
            return
        kind = frame.get("type") if isinstance(frame, dict) else None
        if kind == "res":
            self._settle(frame)
        elif kind == "event":
            self._tell(str(frame.get("event")), frame.get("payload"))

    def _tell(self, event: str, payload: Any) -> None:
        for handler in tuple(self._handlers):
            try:
                handler(event, payload)
            except Exception:
                _log.exception("the handler of event %r failed", event)

    def _settle(self, frame: dict[str, Any]) -> None:
        answer = self._waiting.get(str(frame.get("id")))
        if answer is None or answer.done():
            return  # its caller gave up
        if frame.get("ok") is True:
            answer.set_result(frame.get("payload"))
        else:
            answer.set_exception(_error_from_wire(frame.get("error")))

    def _lost(self) -> UnavailableError:
        code, reason = self._socket.close_code or 1006, self._socket.close_reason or ""
        return UnavailableError(
            f"the connection to the gateway is closed ({code}{f' {reason}' if reason else ''})",
            {"code": "CONNECTION_LOST", "closeCode": code, "closeReason": reason},
            retryable=True,
        )

    async def _watch(self, interval_s: float) -> None:
        while True:
            silence = self._loop.time() - self._heard_at
            if silence >= 2 * interval_s:
                await self._socket.close(CLOSE_TICK_TIMEOUT, "tick timeout")
                return
            await asyncio.sleep(2 * interval_s - silence)


def _error_from_wire(error: Any) -> RpcError:
    shape = error if isinstance(error, dict) else {}
    code = str(shape.get("code") or "UNAVAILABLE")
    details = shape.get("details")
    return _ERRORS.get(code, RpcError)(
        str(shape.get("message") or "the gateway gave no reason"),
        details if isinstance(details, dict) else None,
        code=code,
        retryable=shape.get("retryable"),
        retry_after_ms=shape.get("retryAfterMs"),
    )

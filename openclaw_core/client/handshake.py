"""From a URL to an answered `connect`: reach the gateway, prove who we are, get hello-ok (PROTOCOL 3)."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from openclaw_core.client.options import ConnectOptions, connect_params
from openclaw_core.client.tls import normalize_fingerprint, pinned_connection, pinned_context
from openclaw_core.errors import ConfigError, GatewayUnreachableError, RpcError
from openclaw_core.protocol.connect import Challenge, HelloOk
from openclaw_core.protocol.limits import MAX_PAYLOAD_BYTES
from openclaw_core.protocol.problems import describe_problems

__all__ = ["HandshakeRefusedError", "open_socket", "shake_hands"]

_CLOSE_WAIT_S = 1.0
_CONNECT_ID = "connect"


class HandshakeRefusedError(RpcError):
    """The gateway is there and said no: to the upgrade, to `connect`, or by closing the socket.

    Args:
        error: the `error` object of the response, or one made from what was seen.
        close_code, close_reason: of the close that followed; code None when there was none.
    """

    def __init__(self, error: dict[str, Any], close_code: int | None = None, close_reason: str = "") -> None:
        details = error.get("details")
        super().__init__(
            str(error.get("message") or "the gateway refused the connection"),
            details if isinstance(details, dict) else None,
            code=str(error.get("code") or "UNAVAILABLE"),
            retryable=error.get("retryable"),
            retry_after_ms=error.get("retryAfterMs"),
        )
        self.close_code = close_code
        self.close_reason = close_reason

    @property
    def detail_code(self) -> str:
        """`details.code`, which programs key on; empty when there is none."""
        return str((self.details or {}).get("code") or "")


async def open_socket(options: ConnectOptions) -> ClientConnection:
    """Open the WebSocket; a pinned certificate is checked before the first HTTP byte.

    Raises:
        GatewayUnreachableError: nobody answers, or something that is no gateway.
        HandshakeRefusedError: the upgrade was refused with an HTTP status.
        ConfigError: impossible URL or fingerprint; `CertificateMismatchError` for a wrong pin.
    """
    try:
        return await open_websocket(
            options.url,
            proxy=None,
            compression=None,
            max_size=MAX_PAYLOAD_BYTES,
            open_timeout=options.timeout_ms / 1000,
            ping_interval=20,
            ping_timeout=20,
            close_timeout=2,
            user_agent_header=f"openclaw-core/{options.client_version}",
            **_tls_arguments(options),
            **_fixed_address(options.url),
        )
    except InvalidStatus as error:
        raise _refused_upgrade(options.url, error) from None
    except InvalidURI as error:
        raise ConfigError(f"gateway URL {options.url!r} is wrong: {error.msg}; use ws://host:port") from None
    except ssl.SSLCertVerificationError as error:
        raise ConfigError(
            f"the certificate of {options.url} is not trusted ({error.verify_message}); if it is your "
            "gateway's own, pin it with --tls-fingerprint and its SHA-256"
        ) from None
    except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed, ValueError) as error:
        raise _unreachable(options.url, _cause(error)) from None


async def shake_hands(socket: ClientConnection, options: ConnectOptions) -> HelloOk:
    """Answer the challenge and wait for hello-ok.

    Raises:
        HandshakeRefusedError: the gateway refused, closed, or sent a hello-ok that is none.
        GatewayUnreachableError: it stays silent for `options.timeout_ms`.
    """
    try:
        async with asyncio.timeout(options.timeout_ms / 1000):
            challenge = await _read_challenge(socket)
            request = {
                "type": "req",
                "id": _CONNECT_ID,
                "method": "connect",
                "params": connect_params(options, challenge),
            }
            await socket.send(orjson.dumps(request), text=True)
            answer = await _read_answer(socket)
    except TimeoutError:
        silence = f"the handshake had no answer within {options.timeout_ms} ms"
        raise _unreachable(options.url, silence) from None
    except ConnectionClosed:
        raise _closed_early(socket) from None
    if answer.get("ok") is not True:
        raise await _refusal(socket, answer.get("error"))
    return _parse_hello(answer.get("payload"))


async def _read_challenge(socket: ClientConnection) -> Challenge:
    while True:
        frame = _parse(await socket.recv())
        if frame.get("event") == "connect.challenge":
            try:
                return Challenge.model_validate(frame.get("payload"))
            except ValidationError as error:
                raise HandshakeRefusedError(
                    {"message": f"the gateway's challenge is unusable: {describe_problems(error)}"}
                ) from None


async def _read_answer(socket: ClientConnection) -> dict[str, Any]:
    while True:
        frame = _parse(await socket.recv())
        if frame.get("type") == "res" and frame.get("id") == _CONNECT_ID:
            return frame


def _parse(message: str | bytes) -> dict[str, Any]:
    with suppress(ValueError):
        frame = orjson.loads(message)
        if isinstance(frame, dict):
            return frame
    return {}


async def _refusal(socket: ClientConnection, error: Any) -> HandshakeRefusedError:
    # The close that follows carries a code of its own; it is near, but never waited for long.
    with suppress(TimeoutError):
        await asyncio.wait_for(socket.wait_closed(), _CLOSE_WAIT_S)
    shape = error if isinstance(error, dict) else {}
    return HandshakeRefusedError(shape, socket.close_code, socket.close_reason or "")


def _closed_early(socket: ClientConnection) -> HandshakeRefusedError:
    code, reason = socket.close_code, socket.close_reason or ""
    message = f"the gateway closed the socket during the handshake ({code}{f' {reason}' if reason else ''})"
    return HandshakeRefusedError({"code": "UNAVAILABLE", "message": message, "retryable": True}, code, reason)


def _parse_hello(payload: Any) -> HelloOk:
    try:
        return HelloOk.model_validate(payload)
    except ValidationError as error:
        raise HandshakeRefusedError(
            {"message": f"the gateway's hello-ok is unusable: {describe_problems(error)}"}
        ) from None


def _tls_arguments(options: ConnectOptions) -> dict[str, Any]:
    if not options.tls_fingerprint:
        return {}
    if not options.url.lower().startswith("wss://"):
        raise ConfigError(f"a TLS fingerprint is pinned but {options.url} is not TLS; use wss:// (--tls)")
    fingerprint = normalize_fingerprint(options.tls_fingerprint)
    return {"ssl": pinned_context(), "create_connection": pinned_connection(options.url, fingerprint)}


def _fixed_address(url: str) -> dict[str, Any]:
    """Name host and port outright: the library then follows no redirect to another gateway."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"gateway URL {url!r} is wrong: {error}; use ws://host:port") from None
    if not parts.hostname or parts.username is not None:
        raise ConfigError(f"gateway URL {url!r} is wrong; use ws://host:port, credentials go into flags")
    return {"host": parts.hostname, "port": port or (443 if parts.scheme == "wss" else 80)}


def _refused_upgrade(url: str, error: InvalidStatus) -> HandshakeRefusedError:
    status = error.response.status_code
    body = bytes(error.response.body or b"")[:200].decode("utf-8", "replace").strip()
    shape = {
        "code": "UNAVAILABLE",
        "message": f"{url} refused the WebSocket with HTTP {status}{f': {body}' if body else ''}",
        "details": {"code": "UPGRADE_REFUSED", "status": status},
        "retryable": status in (429, 503),
    }
    return HandshakeRefusedError(shape)


def _unreachable(url: str, cause: str) -> GatewayUnreachableError:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    place = "" if local else f" on {parts.hostname}"
    port = f" --port {parts.port}" if parts.port else ""
    return GatewayUnreachableError(
        f"no gateway answers at {url} ({cause}); start one{place} with: openclaw gateway run{port}"
    )


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error).rstrip(".") or type(error).__name__

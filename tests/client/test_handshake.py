"""Handshake from the client's side: what is sent and signed, and every way it can fail."""

from __future__ import annotations

import asyncio
import http
import socket
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from openclaw_core.auth.signing import SignedFields, decode_base64, decode_public_key, payload_v3, verify
from openclaw_core.client import ConnectOptions, HandshakeRefusedError, Identity, connect
from openclaw_core.errors import ConfigError, GatewayUnreachableError
from openclaw_core.protocol.connect import ConnectParams
from tests.client.stub import CHALLENGE_TS, NONCE, RefusalError, StubGateway, hello

pytestmark = pytest.mark.anyio
IDENTITY = Identity(bytes(range(1, 33)))


async def _sent(**options: Any) -> dict[str, Any]:
    async with StubGateway() as gateway:
        connection = await connect(ConnectOptions(url=gateway.url, **options))
        await connection.close()
        return gateway.connects[0]


@pytest.mark.parametrize(
    ("credentials", "signed"),
    [
        ({"token": "tok|with|pipes", "device_token": "dt", "password": "pw"}, "tok|with|pipes"),
        ({"device_token": "dt", "bootstrap_token": "bt", "password": "pw"}, "dt"),
        ({"bootstrap_token": "bt", "password": "pw"}, "bt"),
        ({"password": "pw"}, ""),
        ({}, ""),
    ],
)
async def test_the_signature_binds_what_is_sent(credentials: dict[str, str], signed: str) -> None:
    params = await _sent(
        identity=IDENTITY, role="node", client_id="node-host", client_mode="node", platform="iOS 18.4.0",
        device_family="iPhone", **credentials,
    )  # fmt: skip
    ConnectParams.model_validate(params)
    device = params["device"]
    assert (device["signedAt"], device["nonce"]) == (CHALLENGE_TS, NONCE)
    who = (IDENTITY.device_id, "node-host", "node", "node")
    fields = SignedFields(*who, (), CHALLENGE_TS, signed, NONCE, "iOS 18.4.0", "iPhone")
    key, signature = decode_public_key(device["publicKey"]), decode_base64(device["signature"])
    assert key is not None
    assert signature is not None
    assert verify(key, payload_v3(fields), signature)


async def test_without_identity_and_credentials_neither_is_sent() -> None:
    params = await _sent(scopes=("operator.read",))
    ConnectParams.model_validate(params)
    assert "device" not in params
    assert "auth" not in params
    assert (params["role"], params["scopes"]) == ("operator", ["operator.read"])


async def test_a_node_declares_its_surface() -> None:
    params = await _sent(
        identity=IDENTITY, role="node", caps=("demo",), commands=("demo.echo",), permissions={"demo": False},
        path_env="/bin", instance_id="i-1", display_name="Desk", min_protocol=3, max_protocol=3,
    )  # fmt: skip
    ConnectParams.model_validate(params)
    assert (params["caps"], params["commands"], params["permissions"]) == (
        ["demo"],
        ["demo.echo"],
        {"demo": False},
    )
    assert (params["pathEnv"], params["minProtocol"], params["maxProtocol"]) == ("/bin", 3, 3)
    assert (params["client"]["instanceId"], params["client"]["displayName"]) == ("i-1", "Desk")


async def test_a_refusal_keeps_all_that_the_gateway_said() -> None:
    details = {"code": "AUTH_RATE_LIMITED", "recommendedNextStep": "wait_then_retry"}

    def refuse(_params: dict[str, Any]) -> dict[str, Any]:
        raise RefusalError("INVALID_REQUEST", "too many", details, retryable=True, retryAfterMs=9_000)

    async with StubGateway(refuse) as gateway:
        with pytest.raises(HandshakeRefusedError) as caught:
            await connect(ConnectOptions(url=gateway.url, token="t"))
    error = caught.value
    assert (error.code, error.message, error.details) == ("INVALID_REQUEST", "too many", details)
    assert (error.retryable, error.retry_after_ms) == (True, 9_000)
    assert (error.close_code, error.close_reason, error.detail_code) == (
        1008,
        "too many",
        "AUTH_RATE_LIMITED",
    )


async def test_a_hello_that_is_none_is_refused() -> None:
    async with StubGateway(lambda _params: {**hello(), "policy": {}}) as gateway:
        with pytest.raises(HandshakeRefusedError, match="maxPayload"):
            await connect(ConnectOptions(url=gateway.url))


async def _connect_to(handler: Any, **options: Any) -> None:
    async with serve(handler, "127.0.0.1", 0, compression=None, **options.pop("server", {})) as server:
        port = server.sockets[0].getsockname()[1]
        await connect(ConnectOptions(url=f"ws://127.0.0.1:{port}", **options))


async def test_a_close_without_an_answer() -> None:
    async def close(peer: ServerConnection) -> None:
        await peer.close(1013, "gateway restart")

    with pytest.raises(HandshakeRefusedError, match="1013 gateway restart") as caught:
        await _connect_to(close)
    assert (caught.value.close_code, caught.value.retryable) == (1013, True)


async def test_a_refused_upgrade_names_its_status() -> None:
    def full(peer: ServerConnection, _request: Any) -> Any:
        return peer.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "too many sockets")

    with pytest.raises(HandshakeRefusedError, match="HTTP 503: too many sockets") as caught:
        await _connect_to(ServerConnection.wait_closed, server={"process_request": full})
    assert caught.value.details == {"code": "UPGRADE_REFUSED", "status": 503}
    assert caught.value.retryable is True


async def test_a_redirect_is_not_followed() -> None:
    """Credentials would follow it to another gateway."""
    async with StubGateway() as other:

        def redirect(peer: ServerConnection, _request: Any) -> Any:
            response = peer.respond(http.HTTPStatus.FOUND, "")
            response.headers["Location"] = other.url
            return response

        with pytest.raises(GatewayUnreachableError, match="redirect"):
            await _connect_to(ServerConnection.wait_closed, server={"process_request": redirect})
        assert other.upgrades == 0


async def test_a_peer_that_stays_silent() -> None:
    with pytest.raises(GatewayUnreachableError, match="no answer within 30 ms"):
        await _connect_to(ServerConnection.wait_closed, timeout_ms=30)


async def test_nobody_there_names_url_and_command() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        port = held.getsockname()[1]
        with pytest.raises(GatewayUnreachableError) as caught:
            await connect(ConnectOptions(url=f"ws://127.0.0.1:{port}"))
    assert f"ws://127.0.0.1:{port} (connection refused)" in str(caught.value)
    assert f"openclaw gateway run --port {port}" in str(caught.value)


async def test_something_else_than_a_gateway() -> None:
    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(chatter, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(GatewayUnreachableError, match="no gateway answers"):
            await connect(ConnectOptions(url=f"ws://127.0.0.1:{port}"))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "ws://", "ws://host:port", "ws://u:p@127.0.0.1", "127.0.0.1:18789"]
)
async def test_an_impossible_url(url: str) -> None:
    with pytest.raises(ConfigError, match="use ws://host:port"):
        await connect(ConnectOptions(url=url))

"""From the challenge to the first decision: PROTOCOL 1.3, 1.4, 3.1."""

from __future__ import annotations

import uuid

import pytest
from websockets.exceptions import InvalidStatus

from openclaw_core.testing import FakeDevice, node_params, operator_params

from .leftovers import assert_nothing_left, holdings, until
from .raw_socket import Opcode, RawSocket, encode_frame, encode_request

pytestmark = pytest.mark.anyio


async def test_the_challenge(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        frame = await raw.receive_json()
    assert frame["type"] == "event"
    assert frame["event"] == "connect.challenge"
    assert "seq" not in frame
    assert uuid.UUID(frame["payload"]["nonce"])
    assert abs(frame["payload"]["ts"] - gateway.server.gateway.runtime.now_ms()) < 10_000


@pytest.mark.parametrize("path", ["/", "/ws", "/foo/bar?x=1"])
async def test_any_path(start, path):
    gateway = await start()
    async with RawSocket.open(gateway, path) as raw:
        assert raw.head.startswith(b"HTTP/1.1 101 ")
        assert (await raw.receive_json())["event"] == "connect.challenge"


async def test_the_first_offered_subprotocol_is_echoed(start):
    gateway = await start()
    async with RawSocket.open(gateway, Sec_WebSocket_Protocol="openclaw, other") as raw:
        assert b"\r\nSec-WebSocket-Protocol: openclaw\r\n" in raw.head
    async with RawSocket.open(gateway) as raw:
        assert b"Sec-WebSocket-Protocol" not in raw.head


async def test_compression_is_never_negotiated(start):
    gateway = await start()
    async with RawSocket.open(gateway, Sec_WebSocket_Extensions="permessage-deflate") as raw:
        assert raw.head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Extensions" not in raw.head


@pytest.mark.parametrize(
    ("frame", "close"),
    [
        ("not json", (1000, "")),
        (b"\xff\xfe", (1000, "")),
        ("", (1000, "")),
        ("[" * 5000, (1000, "")),
        ("[]", (1008, "invalid request frame")),
        ("42", (1008, "invalid request frame")),
        ({"type": "event", "event": "tick"}, (1008, "invalid request frame")),
        ({"type": "req", "id": "1"}, (1008, "invalid request frame")),
        ({"type": "req", "id": "", "method": "connect"}, (1008, "invalid request frame")),
        ({"type": "req", "id": 1, "method": "connect"}, (1008, "invalid request frame")),
        ({"type": "req", "id": "1", "method": "connect", "extra": 1}, (1008, "invalid request frame")),
    ],
)
async def test_closed_without_an_answer(start, frame, close):
    gateway = await start()
    before = holdings(gateway)
    wire = await gateway.wire()
    await wire.send(frame)
    assert await wire.closed() == close
    assert wire.events == []
    await assert_nothing_left(gateway, before)


@pytest.mark.parametrize("method", ["health", "node.invoke", "Connect"])
async def test_another_method_first(start, method):
    gateway = await start()
    before = holdings(gateway)
    wire = await gateway.wire()
    response = await wire.request(method)
    text = "invalid handshake: first request must be connect"
    assert response["error"] == {"code": "INVALID_REQUEST", "message": text}
    assert await wire.closed() == (1008, text)
    await assert_nothing_left(gateway, before)


async def test_a_worker_has_no_business_here(start):
    gateway = await start()
    wire = await gateway.wire()
    await wire.post("connect", node_params(client={"id": "openclaw-worker", "mode": "worker"}))
    assert await wire.closed() == (1008, "invalid-handshake")
    assert wire.events == []


async def test_the_deadline(start):
    gateway = await start({"handshakeTimeoutMs": 1})
    before = holdings(gateway)
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        assert await raw.receive() == (Opcode.CLOSE, b"\x03\xe8")
        await raw.send(encode_frame(Opcode.CLOSE, b"\x03\xe8"))
        assert await raw.hung_up() == b""
    await assert_nothing_left(gateway, before)


async def test_the_deadline_is_over_with_the_hello(start):
    gateway = await start()
    operator = await gateway.operator()
    (connection,) = gateway.server.gateway.connections
    assert connection._deadline is None
    assert await operator.call("health")


async def deciding(gateway, device, frames):
    """Have frames arrive while the connect is being decided; the wire."""
    held = gateway.server.gateway
    wire = await gateway.wire()
    async with held.runtime.registry.lock(device.device_id):
        params = node_params()
        params["device"] = device.prove(params, wire.nonce, wire.challenged_at)
        await wire.post("connect", params)
        for _ in range(frames):
            await wire.post("health")
        await (await wire.socket.ping())  # its pong tells that everything before it was taken
        assert held._tasks
    return wire


async def test_fifteen_frames_wait_for_the_decision(start):
    gateway = await start()
    wire = await deciding(gateway, FakeDevice(), 15)
    answers = [await wire.receive() for _ in range(16)]
    assert answers[0]["payload"]["type"] == "hello-ok"
    assert [answer["id"] for answer in answers] == [str(number) for number in range(1, 17)]
    assert all(answer["ok"] for answer in answers)


async def test_a_sixteenth_frame_is_too_many(start):
    gateway = await start()
    wire = await gateway.wire()
    before = holdings(gateway)
    device = FakeDevice()
    async with gateway.server.gateway.runtime.registry.lock(device.device_id):
        params = node_params()
        params["device"] = device.prove(params, wire.nonce, wire.challenged_at)
        await wire.post("connect", params)
        for _ in range(16):
            await wire.post("health")
        assert await wire.closed() == (1008, "too many pending handshake frames")
    assert wire.events == []
    await assert_nothing_left(gateway, before)


async def test_frames_behind_a_refused_connect_are_dropped(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        refused = encode_request("connect", operator_params(token=None))
        await raw.send(refused + encode_request("health", request_id="2"))
        assert (await raw.receive_json())["ok"] is False
        opcode, data = await raw.receive()
        assert (opcode, data[:2]) == (Opcode.CLOSE, (1008).to_bytes(2, "big"))


async def test_too_many_unauthenticated_sockets(start, monkeypatch):
    monkeypatch.setenv("OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP", "2")
    gateway = await start()
    held = gateway.server.gateway
    await gateway.operator()  # authenticated: takes no place
    first, second = await gateway.wire(), await gateway.wire()
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire()
    response = refusal.value.response
    assert response.status_code == 503
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.body == b"Too many unauthenticated sockets"
    assert (await first.connect(operator_params()))["ok"]
    third = await gateway.wire()
    await second.socket.close()
    await third.connect(operator_params(token=None))
    await until(lambda: not held.door, "places are given back on hello, loss and refusal")


async def test_the_default_is_32_sockets(start):
    gateway = await start()
    wires = [await gateway.wire() for _ in range(32)]
    with pytest.raises(InvalidStatus):
        await gateway.wire()
    assert (await wires[0].connect(operator_params()))["ok"]
    assert await gateway.wire()


async def test_frames_in_the_segment_of_the_upgrade_are_not_lost(start):
    """A client with nothing to sign need not wait for the challenge, nor for the 101."""
    gateway = await start()
    both = encode_request("connect", operator_params()) + encode_request("health", request_id="2")
    async with RawSocket.open(gateway, behind=both) as raw:
        assert (await raw.receive_json())["event"] == "connect.challenge"
        assert [await raw.receive_answer(), await raw.receive_answer()] == [("1", True), ("2", True)]


async def test_half_a_frame_behind_the_upgrade_is_completed_later(start):
    gateway = await start()
    frame = encode_request("connect", operator_params())
    async with RawSocket.open(gateway, behind=frame[:7]) as raw:
        assert (await raw.receive_json())["event"] == "connect.challenge"
        await raw.send(frame[7:])
        assert await raw.receive_answer() == ("1", True)

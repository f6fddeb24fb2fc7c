"""Frames of every form on an open socket: PROTOCOL 1.1, 1.3, 2.4."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from openclaw_core.testing import FakeDevice, node_params, operator_params

from .leftovers import assert_nothing_left, holdings, until
from .raw_socket import Opcode, RawSocket, encode_frame, encode_request

pytestmark = pytest.mark.anyio

KIB_64, MIB_25 = 65_536, 26_214_400


def padded_request(size, **body):
    """A request frame of exactly this many bytes."""
    bare = orjson.dumps({"type": "req", "id": "1", **body})
    return bare + b" " * (size - len(bare))


def padded_connect(size):
    return padded_request(size, method="connect", params=operator_params())


@pytest.mark.parametrize(("size", "accepted"), [(KIB_64, True), (KIB_64 + 1, False)])
async def test_the_cap_before_the_hello(start, size, accepted):
    gateway = await start()
    before = holdings(gateway)
    wire = await gateway.wire()
    await wire.send(padded_connect(size).decode())
    if accepted:
        assert (await wire.receive())["payload"]["type"] == "hello-ok"
        return
    assert (await wire.closed())[0] == 1009
    assert wire.events == []
    await assert_nothing_left(gateway, before)


async def test_the_cap_after_the_hello(start):
    gateway = await start()
    operator = await gateway.operator()
    await operator.send(padded_request(MIB_25, method="health").decode())
    answer = await operator.receive()
    assert (answer["id"], answer["ok"]) == ("1", True)


async def test_a_frame_beyond_the_cap_is_refused_by_its_header(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        await raw.send(encode_request("connect", operator_params()))
        assert (await raw.receive_json())["ok"] is True
        await raw.send(b"\x81\xff" + (MIB_25 + 1).to_bytes(8, "big") + bytes(4))
        opcode, data = await raw.receive()
        assert (opcode, data[:2]) == (Opcode.CLOSE, (1009).to_bytes(2, "big"))
        await raw.send(b" " * 100_000)  # what was on its way disturbs nobody
    await until(lambda: not gateway.server.gateway.connections, "it is gone")
    assert await gateway.operator()


async def test_binary_frames(start):
    gateway = await start()
    wire = await gateway.wire()
    body = {"type": "req", "id": "b", "method": "connect", "params": operator_params()}
    await wire.send(orjson.dumps(body))
    assert (await wire.receive())["payload"]["type"] == "hello-ok"
    await wire.send(b'{"type":"req","id":"h","method":"health"}')
    assert (await wire.receive())["id"] == "h"


async def test_one_message_in_fragments_with_pings_between(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        message = orjson.dumps({"type": "req", "id": "1", "method": "connect", "params": operator_params()})
        await raw.send(encode_frame(Opcode.TEXT, message[:10], fin=False))
        await raw.send(encode_frame(Opcode.PING, b"one"))
        await raw.send(encode_frame(Opcode.CONT, message[10:50], fin=False))
        await raw.send(encode_frame(Opcode.PING, b"two"))
        await raw.send(encode_frame(Opcode.CONT, message[50:]))
        assert await raw.receive() == (Opcode.PONG, b"one")
        assert await raw.receive() == (Opcode.PONG, b"two")
        assert (await raw.receive_json())["payload"]["type"] == "hello-ok"


async def test_several_frames_in_one_segment(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        connect = encode_request("connect", operator_params(), "0")
        calls = [encode_request("health", request_id=str(number)) for number in range(1, 6)]
        await raw.send(connect + b"".join(calls))
        assert [(await raw.receive_json())["id"] for _ in range(6)] == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("pad", [0, 200, 60_000])
async def test_one_frame_in_many_segments(start, pad):
    # Every border once: inside the header, the length, the mask and the data.
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        params = operator_params()
        body = orjson.dumps({"type": "req", "id": "1", "method": "connect", "params": params})
        data = encode_frame(Opcode.TEXT, body + b" " * pad)
        for byte in data[:20]:
            await raw.send(bytes((byte,)))
            for _ in range(3):  # the gateway reads in between, and sees the bytes apart
                await asyncio.sleep(0)
        await raw.send(data[20:-1])
        assert not gateway.server.gateway.connections
        await raw.send(data[-1:])
        assert (await raw.receive_json())["payload"]["type"] == "hello-ok"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (encode_frame(Opcode.CONT, b"x"), 1002),  # continues nothing
        (b"\xf1" + encode_frame(Opcode.TEXT, b"x")[1:], 1002),  # reserved bits
        (encode_frame(Opcode.TEXT, b"x", fin=False) + encode_frame(Opcode.TEXT, b"y"), 1002),
    ],
    ids=["unmasked", "stray continuation", "reserved bits", "text amid fragments"],
)
async def test_frames_against_the_rules_close_that_socket_only(start, frame, code):
    gateway = await start()
    bystander = await gateway.operator()
    before = holdings(gateway)
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        await raw.send(frame)
        opcode, data = await raw.receive()
        assert (opcode, data[:2]) == (Opcode.CLOSE, code.to_bytes(2, "big"))
    await assert_nothing_left(gateway, before)
    assert await bystander.call("health")


# Frames that are no requests, on an open socket (2.4)


async def test_unparsable_frames_are_ignored_up_to_a_limit(start):
    gateway = await start()
    operator = await gateway.operator()
    for _ in range(64):
        await operator.send("not json")
    assert await operator.call("health")
    await operator.send("not json")
    assert await operator.closed() == (1008, "too many frames that are not JSON")
    assert operator.events == []


@pytest.mark.parametrize(
    ("frame", "request_id", "problem"),
    [
        ({"type": "req", "id": "7"}, "7", "must have required property 'method'"),
        ({"type": "req", "method": "health"}, "invalid", "must have required property 'id'"),
        ({"type": "req", "id": "", "method": "x"}, "invalid", "at /id: must not have fewer than 1"),
        ({"type": "req", "id": 5, "method": "x"}, "invalid", "at /id: must be string"),
        ({"type": "res", "id": "7", "ok": True}, "7", "at /type: must be equal to one of the allowed values"),
        ({"type": "req", "id": "7", "method": "x", "y": 1}, "7", "at root: unexpected property 'y'"),
        ([], "invalid", "at root: must be object"),
        ("null", "invalid", "at root: must be object"),
    ],
)
async def test_other_frames_are_answered(start, frame, request_id, problem):
    gateway = await start()
    operator = await gateway.operator()
    await operator.send(frame)
    answer = await operator.receive()
    assert (answer["id"], answer["ok"]) == (request_id, False)
    assert answer["error"]["code"] == "INVALID_REQUEST"
    assert f"invalid request frame: {problem}"[:40] in answer["error"]["message"]
    assert await operator.call("health")


async def test_known_optional_fields_of_a_request(start):
    gateway = await start()
    operator = await gateway.operator()
    extra = {"traceparent": "00-abc", "expectedProfileId": "gateway-owner"}
    await operator.send({"type": "req", "id": "t", "method": "health", **extra})
    assert (await operator.receive())["ok"] is True


@pytest.mark.parametrize("params", [None, {}])
async def test_absent_params_are_an_empty_object(start, params):
    gateway = await start()
    operator = await gateway.operator()
    for method in ("health", "node.list", "device.pair.list", "node.pair.list", "status"):
        assert await operator.call(method, params) is not None


# Methods and roles (2.4, 1.3)


async def test_unknown_methods(start):
    gateway = await start()
    admin = await gateway.operator()
    reader = await gateway.operator(["operator.read"])
    node, _ = await gateway.node()
    for method in ("no.such.method", "connect"):
        error = (await admin.request(method))["error"]
        assert (error["code"], error["message"]) == ("INVALID_REQUEST", f"unknown method: {method}")
        error = (await reader.request(method))["error"]
        assert (error["code"], error["message"]) == ("FORBIDDEN", "missing scope: operator.admin")
        assert error["details"]["missingScope"] == "operator.admin"
        error = (await node.request(method))["error"]
        assert (error["code"], error["message"]) == ("INVALID_REQUEST", "unauthorized role: node")
    # A node app that is newer than the gateway oversteps nothing.
    error = (await node.request("node.fromTheFuture"))["error"]
    assert error["message"] == "unknown method: node.fromTheFuture"


async def test_a_second_connect_changes_nothing(start):
    gateway, device = await start(), FakeDevice()
    node, node_id = await gateway.node(device=device)
    params = operator_params()
    params["device"] = device.prove(params, node.nonce, node.challenged_at)
    assert (await node.request("connect", params))["error"]["message"] == "unauthorized role: node"
    (connection,) = [item for item in gateway.server.gateway.connections if item.role == "node"]
    assert connection.device_id == node_id


@pytest.mark.parametrize("role", ["node", "operator"])
async def test_the_eleventh_call_beyond_the_role_closes(start, role):
    gateway = await start()
    if role == "node":
        (wire, _), method = await gateway.node(), "node.list"
    else:
        wire, method = await gateway.operator(), "node.invoke.result"
    for _ in range(11):
        error = (await wire.request(method))["error"]
        assert error == {
            "code": "INVALID_REQUEST",
            "message": f"unauthorized role: {role}",
            "details": {"code": "UNAUTHORIZED_ROLE"},
        }
    assert await wire.closed() == (1008, "repeated unauthorized calls")


async def test_a_missing_scope_is_no_unauthorized_call(start):
    gateway = await start()
    reader = await gateway.operator(["operator.read"])
    for _ in range(12):
        assert (await reader.request("device.pair.list"))["error"]["code"] == "FORBIDDEN"
    assert await reader.call("node.list")


async def test_node_params_are_those_of_a_node(start):
    gateway, device = await start(), FakeDevice()
    wire = await gateway.wire()
    assert (await wire.connect(node_params(caps=["never.heard.of"]), device))["ok"]

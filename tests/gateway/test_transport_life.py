"""An open socket's life: numbers, slow readers, silent peers, the end: PROTOCOL 1.3, 1.4, 2.2."""

from __future__ import annotations

import asyncio

import pytest

from openclaw_core.gateway import websocket
from openclaw_core.gateway.clockwork import Clockwork
from openclaw_core.testing import FakeDevice, TestGateway, node_params, operator_params

from .leftovers import until
from .raw_socket import Opcode, RawSocket, encode_frame, encode_request

pytestmark = pytest.mark.anyio

MIB = 2**20
MAX_BUFFERED = 52_428_800


def broadcast(gateway, event="device.pair.changed", payload=None):
    gateway.server.gateway.runtime.events.broadcast(event, payload or {})


async def open_operator(raw):
    """Take a raw socket through the handshake."""
    await raw.receive_json()
    await raw.send(encode_request("connect", operator_params()))
    assert (await raw.receive_json())["ok"] is True


# seq (2.2)


async def test_seq_counts_from_one_on_each_connection(start):
    gateway = await start()
    first = await gateway.operator()
    broadcast(gateway)
    broadcast(gateway)
    second = await gateway.operator()
    broadcast(gateway)
    assert [(await first.receive())["seq"] for _ in range(3)] == [1, 2, 3]
    assert (await second.receive())["seq"] == 1


async def test_what_a_client_may_not_see_costs_it_no_number(start):
    gateway = await start()
    reader = await gateway.operator(["operator.read"])
    broadcast(gateway)
    broadcast(gateway, "tick", {"ts": 1})
    frame = await reader.receive()
    assert (frame["event"], frame["seq"]) == ("tick", 1)


async def test_direct_events_have_no_seq(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    resolved = await node.event("node.pair.resolved")
    assert "seq" not in resolved
    operator = await gateway.operator()
    await operator.post(
        "node.invoke", {"nodeId": node_id, "command": "demo.any", "params": {}, "idempotencyKey": "k"}
    )
    assert "seq" not in await node.event("node.invoke.request")
    broadcast(gateway, "tick", {"ts": 1})
    assert (await node.event("tick"))["seq"] == 1


# Slow consumers (1.3)


async def fill(gateway, connection, limit):
    """Broadcast until this many bytes wait for a peer that reads nothing."""
    for _ in range(200):
        if connection.closing or connection.buffered_bytes > limit:
            return
        broadcast(gateway, payload={"x": "x" * MIB})
        await asyncio.sleep(0)
    raise AssertionError(f"{connection.buffered_bytes} bytes wait; the peer seems to read")


async def test_a_slow_consumer_is_closed_and_nobody_else(start):
    gateway = await start()
    held = gateway.server.gateway
    bystander = await gateway.operator(["operator.read"])
    async with RawSocket.open(gateway) as raw:
        await open_operator(raw)
        (slow,) = [item for item in held.connections if "operator.admin" in item.caller.scopes]
        await fill(gateway, slow, MAX_BUFFERED)
        assert not slow.closing, "one frame may exceed the limit"
        broadcast(gateway)
        assert slow.closing
        while (frame := await raw.receive())[0] == Opcode.TEXT:
            pass
        assert frame == (Opcode.CLOSE, (1008).to_bytes(2, "big") + b"slow consumer")
        await raw.send(encode_frame(Opcode.CLOSE, frame[1]))
        assert await raw.hung_up() == b""
    await until(lambda: slow not in held.connections, "it is gone")
    assert await bystander.call("health")


async def test_a_consumer_that_never_reads_again_is_dropped(start, monkeypatch):
    monkeypatch.setattr(websocket, "_CLOSE_GRACE_SECONDS", 0.01)
    gateway = await start()
    held = gateway.server.gateway
    async with RawSocket.open(gateway) as raw:
        await open_operator(raw)
        (slow,) = held.connections
        await fill(gateway, slow, MAX_BUFFERED)
        broadcast(gateway)
        await until(lambda: not held.connections, "the grace of the closing handshake ends")
        assert len(held.runtime.events) == 0


async def test_droppable_events_leave_a_gap_instead(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await open_operator(raw)
        (slow,) = gateway.server.gateway.connections
        await fill(gateway, slow, MAX_BUFFERED)
        broadcast(gateway, "tick", {"ts": 1})
        assert not slow.closing
        sent = slow._seq
        numbers = [(await raw.receive_json())["seq"] for _ in range(sent - 1)]
        assert numbers == list(range(1, sent))
        broadcast(gateway)
        assert (await raw.receive_json())["seq"] == sent + 1, "the dropped tick's number is missing"


# Pings (1.3)


async def test_a_peer_that_answers_pings_stays(start):
    gateway = await start()
    held = gateway.server.gateway
    operator = await gateway.operator()
    (connection,) = held.connections
    clockwork = Clockwork(held)
    for _ in range(3):
        await clockwork._ping()
        assert connection.alive is False
        await until(lambda: connection.alive, "the pong came")
    assert await operator.call("health")


async def test_a_silent_peer_is_dropped_without_a_close_frame(start):
    gateway = await start()
    held = gateway.server.gateway
    async with RawSocket.open(gateway) as raw:
        await open_operator(raw)
        clockwork = Clockwork(held)
        await clockwork._ping()
        assert (await raw.receive())[0] == Opcode.PING
        await clockwork._ping()
        assert await raw.hung_up() == b""
    await until(lambda: not held.connections, "it is gone")


async def test_a_dead_node_is_offline(start):
    gateway, device = await start(), FakeDevice()
    held = gateway.server.gateway
    async with RawSocket.open(gateway) as raw:
        challenge = (await raw.receive_json())["payload"]
        params = node_params()
        params["device"] = device.prove(params, challenge["nonce"], challenge["ts"])
        await raw.send(encode_request("connect", params))
        assert (await raw.receive_json())["ok"] is True
        clockwork = Clockwork(held)
        await clockwork._ping()
        await clockwork._ping()
        await until(lambda: not held.connections, "it is gone")
    operator = await gateway.operator()
    nodes = (await operator.call("node.list"))["nodes"]
    assert [node["connected"] for node in nodes] == [False]


# The end (1.4)


async def test_shutdown_is_announced_then_1012(tmp_path):
    async with TestGateway(tmp_path) as gateway:
        operator, (node, _) = await gateway.operator(), await gateway.node()
        fresh = await gateway.wire()
        await gateway.server.stop()
        for wire in (operator, node):
            assert await wire.closed() == (1012, "service restart")
            last = wire.events[-1]
            assert last["event"] == "shutdown"
            assert last["payload"] == {"reason": "gateway stopping"}
            assert last["seq"] >= 1
        assert await fresh.closed() == (1012, "service restart")
        assert fresh.events == []


async def test_the_port_is_free_after_the_stop(tmp_path):
    async with TestGateway(tmp_path) as gateway:
        port = gateway.server.port
        await gateway.operator()
    async with TestGateway(tmp_path, overrides={"port": port}) as gateway:
        assert gateway.server.port == port
        assert await gateway.operator()

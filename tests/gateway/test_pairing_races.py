"""Handshakes and decisions about one device at the same moment: they take turns."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from openclaw_core.testing import PATIENCE_SECONDS, FakeDevice, node_params, operator_params

from .leftovers import assert_nothing_left, holdings

pytestmark = pytest.mark.anyio

BY_HAND = {"nodes.pairing.autoApproveLocal": False}


@asynccontextmanager
async def held_still(gateway, device):
    """Nothing about this device is decided until the end of the block; then in order of arrival."""
    async with gateway.server.gateway.runtime.registry.lock(device.device_id):
        yield


async def post_connect(gateway, params, device):
    """Send a connect and wait until the gateway has it; the wire."""
    wire = await gateway.wire()
    params = {**params, "device": device.prove(params, wire.nonce, wire.challenged_at)}
    await wire.post("connect", params)
    await taken(wire)
    return wire


async def taken(wire):
    """What was sent so far has been read: the pong comes after it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await (await wire.socket.ping())


async def test_connects_at_once_share_one_request(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    watcher = await gateway.operator()
    async with held_still(gateway, device):
        wires = [await post_connect(gateway, node_params(), device) for _ in range(5)]
    ids = {(await wire.receive())["error"]["details"]["requestId"] for wire in wires}
    assert len(ids) == 1
    await watcher.event("device.pair.requested")
    await watcher.call("health")
    assert not [frame for frame in watcher.events if frame["event"].startswith("device.")]


async def test_first_pairings_at_once_share_one_token(start):
    gateway, device = await start(), FakeDevice()
    async with held_still(gateway, device):
        wires = [await post_connect(gateway, operator_params(), device) for _ in range(5)]
    tokens = {(await wire.receive())["payload"]["auth"]["deviceToken"] for wire in wires}
    assert len(tokens) == 1


@pytest.mark.parametrize(
    ("method", "more", "close"),
    [
        ("device.token.rotate", {"role": "node"}, "device token rotated"),
        ("device.token.revoke", {"role": "node"}, "device token revoked"),
        ("device.pair.remove", {}, "device removed"),
    ],
)
async def test_a_connect_just_before_a_withdrawal_is_closed_by_it(start, method, more, close):
    gateway, device = await start(), FakeDevice()
    first, node_id = await gateway.node(device=device)
    admin = await gateway.operator()
    await first.socket.close()
    async with held_still(gateway, device):
        node = await post_connect(gateway, node_params(), device)
        await admin.post(method, {"deviceId": node_id, **more})
        await taken(admin)
    assert (await node.receive())["ok"] is True
    assert await node.closed() == (4001, close)


async def test_a_connect_just_after_a_rotation_needs_the_new_token(start):
    gateway, device = await start(), FakeDevice()
    wire = await gateway.wire()
    old = (await wire.connect(node_params(), device))["payload"]["auth"]["deviceToken"]
    admin = await gateway.operator()
    async with held_still(gateway, device):
        await admin.post("device.token.rotate", {"deviceId": device.device_id, "role": "node"})
        await taken(admin)
        node = await post_connect(gateway, node_params(auth={"deviceToken": old}), device)
    error = (await node.receive())["error"]
    assert error["details"]["code"] == "AUTH_DEVICE_TOKEN_MISMATCH"


async def test_two_decisions_about_one_request(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    wire = await gateway.wire()
    error = (await wire.connect(node_params(), device))["error"]
    request = {"requestId": error["details"]["requestId"]}
    one, two = await gateway.operator(), await gateway.operator()
    async with held_still(gateway, device):
        for admin, method in ((one, "device.pair.reject"), (two, "device.pair.approve")):
            await admin.post(method, request)
            await taken(admin)
    rejected = await one.event("device.pair.resolved")
    assert rejected["payload"]["decision"] == "rejected"
    late = await two.receive()
    while late["type"] != "res":
        late = await two.receive()
    assert late["error"]["message"] == "unknown requestId"
    assert not gateway.server.gateway.runtime.registry.devices


async def test_a_client_that_leaves_while_it_waits_is_not_paired(start):
    gateway, device = await start(), FakeDevice()
    before = holdings(gateway)
    async with held_still(gateway, device):
        wire = await post_connect(gateway, node_params(), device)
        await wire.socket.close()
    await assert_nothing_left(gateway, before)


@pytest.mark.parametrize(
    ("method", "more"), [("device.token.revoke", {"role": "operator"}), ("device.pair.remove", {})]
)
async def test_who_lost_its_pairing_decides_nothing_any_more(start, method, more):
    gateway, approver, stranger = await start(), FakeDevice(), FakeDevice()
    evil = await gateway.wire()
    assert (await evil.connect(operator_params(), approver))["ok"]
    admin = await gateway.operator()
    node, _ = await gateway.node(["demo.any"], device=stranger, approve=False)
    (waiting,) = (await admin.call("node.pair.list"))["pending"]
    async with held_still(gateway, stranger):
        await evil.post("node.pair.approve", {"requestId": waiting["requestId"]})
        await evil.post("device.pair.remove", {"deviceId": stranger.device_id})
        await taken(evil)
        await admin.call(method, {"deviceId": approver.device_id, **more})
    assert (await evil.closed())[0] == 4001
    assert (await admin.call("node.pair.list"))["pending"] == [waiting]
    assert (await node.request("node.pending.pull", {}))["error"]["details"]["reason"] == "awaiting-approval"

"""What survives a restart of the gateway: everything a person decided, and every token."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager

import pytest

from openclaw_core.store.backup import DATABASE
from openclaw_core.testing import FakeDevice, TestGateway, node_params, operator_params, plugins_of

from .conftest import DEMO
from .test_pairing_races import taken

pytestmark = pytest.mark.anyio

BY_HAND = {"nodes.pairing.autoApproveLocal": False}


def gateway_in(directory, overrides=None):
    return TestGateway(directory, plugins_of(DEMO), overrides)


async def connect(gateway, params, device):
    wire = await gateway.wire()
    return await wire.connect(params, device)


async def test_tokens_and_approvals(tmp_path):
    device = FakeDevice()
    async with gateway_in(tmp_path) as gateway:
        await gateway.node(["demo.echo"], device=device)
        before = (await connect(gateway, node_params(["demo.echo"]), device))["payload"]
    async with gateway_in(tmp_path) as gateway:
        offer = {"deviceToken": before["auth"]["deviceToken"]}
        after = (await connect(gateway, node_params(["demo.echo"], auth=offer), device))["payload"]
        assert after["auth"] == before["auth"]
        assert after["server"]["bootId"] != before["server"]["bootId"]
        operator = await gateway.operator()
        row = await operator.call("node.describe", {"nodeId": device.device_id})
        assert row["commands"] == ["demo.echo"]
        assert row["connected"] is True


async def test_a_pending_request_keeps_its_id(tmp_path):
    device = FakeDevice()
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        first = (await connect(gateway, node_params(), device))["error"]["details"]["requestId"]
        (listed,) = (await (await gateway.operator()).call("device.pair.list"))["pending"]
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        admin = await gateway.operator()
        assert (await admin.call("device.pair.list"))["pending"] == [listed]
        again = (await connect(gateway, node_params(), device))["error"]["details"]["requestId"]
        assert again == first
        await admin.call("device.pair.approve", {"requestId": first})
        assert (await connect(gateway, node_params(), device))["ok"]


async def test_a_pending_surface_keeps_its_id(tmp_path):
    device = FakeDevice()
    async with gateway_in(tmp_path) as gateway:
        await gateway.node(["demo.echo"], device=device, approve=False)
        (before,) = (await (await gateway.operator()).call("node.pair.list"))["pending"]
    async with gateway_in(tmp_path) as gateway:
        (after,) = (await (await gateway.operator()).call("node.pair.list"))["pending"]
        assert after == before


async def test_rotation_revocation_removal_and_names(tmp_path):
    rotated, revoked, removed = FakeDevice(), FakeDevice(), FakeDevice()
    old = {}
    async with gateway_in(tmp_path) as gateway:
        for device in (rotated, revoked, removed):
            hello = await connect(gateway, node_params(), device)
            old[device] = {"deviceToken": hello["payload"]["auth"]["deviceToken"]}
        admin = await gateway.operator()
        await admin.call("device.token.rotate", {"deviceId": rotated.device_id, "role": "node"})
        await admin.call("device.token.revoke", {"deviceId": revoked.device_id, "role": "node"})
        await admin.call("device.pair.remove", {"deviceId": removed.device_id})
        await admin.call("device.pair.rename", {"deviceId": rotated.device_id, "label": "Kitchen"})
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        for device in (rotated, revoked, removed):
            error = (await connect(gateway, node_params(auth=old[device]), device))["error"]
            assert error["details"]["code"] == "AUTH_DEVICE_TOKEN_MISMATCH"
        assert (await connect(gateway, node_params(), rotated))["ok"]
        reasons = [
            (await connect(gateway, node_params(), device))["error"]["details"]["reason"]
            for device in (revoked, removed)
        ]
        assert reasons == ["role-upgrade", "not-paired"]
        rows = (await (await gateway.operator()).call("device.pair.list"))["paired"]
        labels = {row["deviceId"]: row.get("operatorLabel") for row in rows}
        assert labels == {rotated.device_id: "Kitchen", revoked.device_id: None}


@asynccontextmanager
async def slow_disk(gateway, monkeypatch):
    """What is written in the block is on the disk at once; that it is, is known at the block's end."""
    store, told = gateway.server.gateway.runtime.store, asyncio.Event()
    write = store.write

    async def slowly(*changes):
        await write(*changes)
        await told.wait()

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", slowly)
        yield
        told.set()


def is_gone(node_id, rows):
    return any(row.get("deviceId") == node_id and row["reason"] == "disconnect" for row in rows)


@pytest.mark.parametrize(
    ("method", "more", "left"),
    [
        ("device.pair.rename", {"label": "Kitchen"}, ["Kitchen"]),
        ("device.pair.remove", {}, []),
        ("node.pair.remove", {}, []),
    ],
)
async def test_a_decision_outlives_a_socket_that_goes_while_it_is_stored(
    tmp_path, monkeypatch, method, more, left
):
    async with gateway_in(tmp_path) as gateway:
        node, node_id = await gateway.node()
        admin = await gateway.operator()
        key = "nodeId" if method.startswith("node.") else "deviceId"
        async with slow_disk(gateway, monkeypatch):
            await admin.post(method, {key: node_id, **more})
            await node.socket.close()
            await admin.event("presence", lambda told: is_gone(node_id, told["presence"]))
        while (await admin.receive())["type"] != "res":
            pass
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        rows = (await (await gateway.operator()).call("device.pair.list"))["paired"]
        assert [row.get("operatorLabel") for row in rows] == left


@contextmanager
def locked_database(directory):
    """Another program keeps the database to itself until the end of the block."""
    with closing(sqlite3.connect(directory / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("method", ["device.pair.remove", "node.pair.remove"])
async def test_a_removal_outlives_a_stop_while_it_is_stored(tmp_path, method):
    async with gateway_in(tmp_path) as gateway:
        _, node_id = await gateway.node()
        admin = await gateway.operator()
        with locked_database(tmp_path):
            await admin.post(method, {"nodeId" if method.startswith("node.") else "deviceId": node_id})
            await taken(admin)
            stopping = asyncio.create_task(gateway.server.stop())
            await admin.event("shutdown")
        answer = await admin.receive()
        while answer["type"] != "res":
            answer = await admin.receive()
        assert answer["ok"] is True
        await stopping
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        assert (await (await gateway.operator()).call("device.pair.list"))["paired"] == []


async def test_a_stop_waits_only_so_long_for_a_database_that_stands_still(tmp_path, monkeypatch):
    monkeypatch.setattr("openclaw_core.gateway.gateway._STOP_SECONDS", 0.01)
    async with gateway_in(tmp_path) as gateway:
        node, node_id = await gateway.node()
        admin = await gateway.operator()
        with locked_database(tmp_path):
            await admin.post("device.pair.remove", {"deviceId": node_id})
            await taken(admin)
            stopping = asyncio.create_task(gateway.server.stop())
            assert await node.closed() == (1012, "service restart")
        await stopping
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        assert (await (await gateway.operator()).call("device.pair.list"))["paired"] == []


async def test_what_is_refused_during_a_stop_is_audited(tmp_path):
    async with gateway_in(tmp_path) as gateway:
        _, node_id = await gateway.node()
        admin = await gateway.operator()
        with locked_database(tmp_path):
            await admin.post("device.pair.rename", {"deviceId": node_id, "label": "Kitchen"})
            await taken(admin)
            stopping = asyncio.create_task(gateway.server.stop())
            await admin.event("shutdown")
            for _ in range(3):
                await admin.post("no.such.method")
            await taken(admin)
        await stopping
    async with gateway_in(tmp_path) as gateway:
        rows = await (await gateway.operator()).call("audit.list", {"kinds": ["no.such.method"]})
        assert [row["details"].get("times", 1) for row in rows["events"]] == [2, 1]


async def test_a_rejected_request_stays_rejected(tmp_path):
    device = FakeDevice()
    params = operator_params(["operator.read"])
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        first = (await connect(gateway, params, device))["error"]["details"]["requestId"]
        await (await gateway.operator()).call("device.pair.reject", {"requestId": first})
    async with gateway_in(tmp_path, BY_HAND) as gateway:
        assert (await (await gateway.operator()).call("device.pair.list"))["pending"] == []
        again = (await connect(gateway, params, device))["error"]["details"]["requestId"]
        assert again != first

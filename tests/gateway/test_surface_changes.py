"""`node.pair.remove` and `node.rename`: PROTOCOL 8.4."""

import pytest

from openclaw_core.store.models import (
    AuditEvent,
    Device,
    DeviceToken,
    NodeSurface,
    SurfaceRequest,
)
from openclaw_core.testing import FakeDevice, node_params, operator_params

from .invoking import add_node_role, assert_settled, failure, finish, post_invoke

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.pair.remove", "node.rename", "node.pair.resolved")]


async def rows_of(gateway, node_id):
    """What the database holds about a device, by table."""
    store = gateway.server.gateway.runtime.store
    found = {}
    for model, key in (
        (Device, "device_id"),
        (DeviceToken, "device_id"),
        (NodeSurface, "node_id"),
        (SurfaceRequest, "node_id"),
    ):
        found[model.__name__] = [row for row in await store.load(model) if getattr(row, key) == node_id]
    return found


# Remove


@pytest.mark.parametrize("approve", [True, False])
async def test_remove_a_node(start, approve):
    gateway = await start()
    device = FakeDevice()
    node, node_id = await gateway.node(["demo.any"], device=device, approve=approve)
    operator = await gateway.operator()
    assert await operator.call("node.pair.remove", {"nodeId": node_id}) == {"nodeId": node_id}
    resolved = (await operator.event("node.pair.resolved"))["payload"]
    assert {**resolved, "ts": 0} == {"requestId": "", "nodeId": node_id, "decision": "removed", "ts": 0}
    assert await node.closed() == (4001, "device removed")
    assert await rows_of(gateway, node_id) == {
        "Device": [],
        "DeviceToken": [],
        "NodeSurface": [],
        "SurfaceRequest": [],
    }
    assert (await operator.call("node.list"))["nodes"] == []
    assert await operator.call("node.pair.list") == {"pending": [], "paired": []}
    trail = await gateway.server.gateway.runtime.store.load(AuditEvent)
    assert [row.actor for row in trail if row.kind == "node.remove"] == ["client:cli"]
    again = await operator.request("node.pair.remove", {"nodeId": node_id})
    assert failure(again) == ("INVALID_REQUEST", "unknown nodeId", {"nodeId": node_id}, None)


async def test_remove_ends_what_is_in_flight(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    await node.event("node.invoke.request")
    await operator.call("node.pair.remove", {"nodeId": node_id})
    assert (await node.closed())[0] == 4001
    code, _, details, _ = failure(await finish(operator, request_id))
    assert (code, details["nodeError"]["code"]) == ("UNAVAILABLE", "DISCONNECTED")
    assert_settled(gateway)


async def test_remove_leaves_the_other_role_of_a_device(start):
    gateway = await start()
    device = FakeDevice()
    own = await gateway.wire()
    assert (await own.connect(operator_params(["operator.read"]), device))["ok"] is True
    await add_node_role(gateway, device)
    node, node_id = await gateway.node(["demo.any"], device=device)
    operator = await gateway.operator()
    await operator.call("node.pair.remove", {"nodeId": node_id})
    assert (await node.closed())[0] == 4001
    assert (await own.call("node.list"))["nodes"] == []  # the operator's socket stays
    held = await rows_of(gateway, node_id)
    assert [row.roles for row in held["Device"]] == [["operator"]]
    assert [row.role for row in held["DeviceToken"]] == ["operator"]
    assert held["NodeSurface"] == []
    assert failure(await operator.request("node.pair.remove", {"nodeId": node_id}))[1] == "unknown nodeId"


async def test_removed_node_starts_over(start):
    gateway = await start()
    device = FakeDevice()
    node, node_id = await gateway.node(["demo.any"], device=device)
    operator = await gateway.operator()
    await operator.call("node.rename", {"nodeId": node_id, "displayName": "Old name"})
    await operator.call("node.pair.remove", {"nodeId": node_id})
    await node.closed()
    await gateway.node(["demo.any"], device=device, approve=False)
    entry = await operator.call("node.describe", {"nodeId": node_id})
    assert (entry["approvalState"], entry["commands"]) == ("pending-approval", [])
    assert entry["displayName"] == "Test Node"


async def test_remove_takes_the_pairing_scope(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator(["operator.write"])
    refused = await operator.request("node.pair.remove", {"nodeId": node_id})
    assert failure(refused)[2]["missingScope"] == "operator.pairing"


# Rename


@pytest.mark.parametrize("approve", [True, False])
async def test_rename(start, approve):
    gateway = await start()
    device = FakeDevice()
    _, node_id = await gateway.node(["demo.any"], device=device, approve=approve)
    operator = await gateway.operator()
    answer = await operator.call("node.rename", {"nodeId": node_id, "displayName": "  Küche  "})
    assert answer == {"nodeId": node_id, "displayName": "Küche"}
    state = "approved" if approve else "pending-approval"

    async def check(connected):
        entry = await operator.call("node.describe", {"nodeId": node_id})
        assert (entry["displayName"], entry["connected"]) == ("Küche", connected)
        assert entry["approvalState"] == state

    await check(True)
    wire = await gateway.wire()
    await wire.connect(node_params(["demo.any"], client={"displayName": "Its own"}), device)
    await check(True)
    await gateway.__aexit__()
    gateway = await start()
    operator = await gateway.operator()
    await check(False)
    await gateway.approve_surface(node_id)
    state = "approved"
    await check(False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("   ", "displayName required"),
        ("x" * 65, "displayName has 65 characters; use at most 64"),
    ],
)
async def test_names_that_are_refused(start, name, message):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    refused = await operator.request("node.rename", {"nodeId": node_id, "displayName": name})
    assert failure(refused) == ("INVALID_REQUEST", message, None, None)
    entry = await operator.call("node.describe", {"nodeId": node_id})
    assert entry["displayName"] == "Test Node"


async def test_longest_name(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await operator.call("node.rename", {"nodeId": node_id, "displayName": "é" * 64})


async def test_rename_of_an_unknown_node(start):
    gateway = await start()
    operator = await gateway.operator()
    refused = await operator.request("node.rename", {"nodeId": "nobody", "displayName": "x"})
    assert failure(refused) == ("INVALID_REQUEST", "unknown nodeId", {"nodeId": "nobody"}, None)
    assert await rows_of(gateway, "nobody") == {
        "Device": [],
        "DeviceToken": [],
        "NodeSurface": [],
        "SurfaceRequest": [],
    }

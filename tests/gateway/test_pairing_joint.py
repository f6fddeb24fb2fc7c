"""One approval for device and surface: ours, `device.pair.approve {surface: true}`."""

from __future__ import annotations

import pytest

from openclaw_core.testing import FakeDevice, node_params, operator_params

pytestmark = pytest.mark.anyio

BY_HAND = {"nodes.pairing.autoApproveLocal": False}
WITHHELD = 'node command not allowed: "nobody.knows" is not in the allowlist for platform "linux"'
HELPER = ["operator.pairing", "operator.read", "operator.write"]


async def knock(gateway, params, device):
    wire = await gateway.wire()
    answer = await wire.connect(params, device)
    return answer["error"]["details"]["requestId"]


async def listed(admin):
    (row,) = (await admin.call("device.pair.list"))["pending"]
    return row["declaredSurface"]


async def test_both_in_one_stroke(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    admin = await gateway.operator()
    params = node_params(["demo.echo", "demo.admin", "nobody.knows"], permissions={"camera": True})
    request_id = await knock(gateway, params, device)
    assert await listed(admin) == {
        "caps": ["demo"],
        "commands": ["demo.admin", "demo.echo"],
        "permissions": {"camera": True},
        "requiredApproveScopes": ["operator.pairing", "operator.admin"],
        "withheld": [{"command": "nobody.knows", "message": WITHHELD}],
    }
    answer = await admin.call("device.pair.approve", {"requestId": request_id, "surface": True})
    assert answer["device"]["nodeSurface"]["commands"] == ["demo.admin", "demo.echo"]
    resolved = (await admin.event("node.pair.resolved"))["payload"]
    assert (resolved["nodeId"], resolved["decision"]) == (device.device_id, "approved")
    wire = await gateway.wire()
    assert (await wire.connect(params, device))["ok"]
    row = await admin.call("node.describe", {"nodeId": device.device_id})
    assert (row["approvalState"], row["commands"]) == ("approved", ["demo.admin", "demo.echo"])
    assert (await admin.call("node.pair.list"))["pending"] == []


async def test_without_the_word_only_the_device(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    admin = await gateway.operator()
    request_id = await knock(gateway, node_params(["demo.echo"]), device)
    answer = await admin.call("device.pair.approve", {"requestId": request_id, "surface": False})
    assert "nodeSurface" not in answer["device"]


async def test_what_it_offers_beyond_what_was_shown_waits(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    admin = await gateway.operator()
    request_id = await knock(gateway, node_params(["demo.echo"]), device)
    # The same request id, but the device now offers more than the approver was shown.
    assert await knock(gateway, node_params(["demo.echo", "demo.any"]), device) == request_id
    assert (await listed(admin))["commands"] == ["demo.echo"]
    await admin.call("device.pair.approve", {"requestId": request_id, "surface": True})
    wire = await gateway.wire()
    assert (await wire.connect(node_params(["demo.echo", "demo.any"]), device))["ok"]
    row = await admin.call("node.describe", {"nodeId": device.device_id})
    assert (row["approvalState"], row["commands"]) == ("pending-reapproval", ["demo.echo"])
    assert row["pendingDeclaredCommands"] == ["demo.any", "demo.echo"]


async def test_an_approver_without_the_scope_gives_neither(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    helper = await gateway.operator(HELPER)
    request_id = await knock(gateway, node_params(["demo.echo"]), device)
    refused = await helper.request("device.pair.approve", {"requestId": request_id, "surface": True})
    assert refused["error"]["message"] == "device pairing approval denied"
    registry = gateway.server.gateway.runtime.registry
    assert device.device_id not in registry.devices
    assert device.device_id not in registry.surfaces


async def test_an_operators_request_has_no_surface(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    admin = await gateway.operator()
    request_id = await knock(gateway, operator_params(["operator.read"]), device)
    refused = await admin.request("device.pair.approve", {"requestId": request_id, "surface": True})
    assert f"openclaw devices approve {request_id}" in refused["error"]["message"]
    assert len((await admin.call("device.pair.list"))["pending"]) == 1, "nothing was half done"


async def test_the_offer_outlives_a_merged_request(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    admin = await gateway.operator()
    await knock(gateway, node_params(["demo.echo"]), device)
    request_id = await knock(gateway, operator_params(["operator.read"]), device)
    answer = await admin.call("device.pair.approve", {"requestId": request_id, "surface": True})
    assert answer["device"]["roles"] == ["node", "operator"]
    assert answer["device"]["nodeSurface"]["commands"] == ["demo.echo"]

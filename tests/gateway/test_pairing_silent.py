"""What a local client gets without a person, and when it does not: PROTOCOL 6.4."""

from __future__ import annotations

import pytest

from openclaw_core.testing import FakeDevice, node_params, operator_params

pytestmark = pytest.mark.anyio

READ, ADMIN = ["operator.read"], ["operator.admin"]


async def knock(gateway, params, device, **options):
    """The reason it must wait, or None when it got in; its socket."""
    wire = await gateway.wire(**options)
    response = await wire.connect(params, device)
    return None if response["ok"] else response["error"]["details"].get("reason"), wire


async def devices_of(gateway):
    return await (await gateway.operator()).call("device.pair.list")


@pytest.mark.parametrize("params", [node_params(), operator_params(READ)])
async def test_a_first_pairing(start, params):
    gateway, device = await start(), FakeDevice()
    watcher = await gateway.operator()
    assert (await knock(gateway, params, device))[0] is None
    listed = await watcher.call("device.pair.list")
    assert listed["pending"] == []
    (row,) = listed["paired"]
    assert row["deviceId"] == device.device_id
    assert row["approvedVia"] == "silent"
    assert (row["roles"], row["scopes"]) == ([params["role"]], params["scopes"])
    assert row["connected"] is True
    assert [token["role"] for token in row["tokens"]] == [params["role"]]
    assert "deviceToken" not in str(listed)
    assert not [frame for frame in watcher.events if frame["event"].startswith("device.pair")]


async def test_a_silent_device_still_has_no_approved_surface(start):
    gateway = await start()
    watcher = await gateway.operator()
    _, node_id = await gateway.node(["demo.echo"], approve=False)
    request = (await watcher.event("node.pair.requested"))["payload"]
    assert (request["nodeId"], request["silent"]) == (node_id, True)


async def test_mode_none_pairs_local_devices(start):
    gateway, device = await start({"auth.mode": "none"}), FakeDevice()
    assert (await knock(gateway, operator_params(ADMIN, token=None), device))[0] is None


async def test_more_scopes_with_the_shared_secret(start):
    gateway, device = await start(), FakeDevice()
    await knock(gateway, operator_params(READ), device)
    assert (await knock(gateway, operator_params(ADMIN), device))[0] is None
    (row,) = (await devices_of(gateway))["paired"]
    assert row["scopes"] == ["operator.admin", "operator.read"]


async def test_wider_scopes_bring_a_new_token(start):
    gateway, device = await start(), FakeDevice()
    tokens = []
    for scopes in (READ, ADMIN, READ):
        wire = await gateway.wire()
        hello = await wire.connect(operator_params(scopes), device)
        tokens.append(hello["payload"]["auth"]["deviceToken"])
    assert tokens[0] != tokens[1] == tokens[2]


async def test_other_metadata_with_the_shared_secret(start):
    gateway, device = await start(), FakeDevice()
    await knock(gateway, node_params(), device)
    moved = node_params(client={"platform": "windows", "deviceFamily": "Windows"})
    assert (await knock(gateway, moved, device))[0] is None
    (row,) = (await devices_of(gateway))["paired"]
    assert row["platform"] == "windows"


@pytest.mark.parametrize(
    ("overrides", "options"),
    [
        ({"nodes.pairing.autoApproveLocal": False}, {}),
        ({"controlUi.allowedOrigins": ["https://ui.example"]}, {"origin": "https://ui.example"}),
        ({"trustedProxies": ["127.0.0.1"]}, {"additional_headers": {"X-Forwarded-For": "127.0.0.1"}}),
    ],
)
@pytest.mark.parametrize("params", [node_params(), operator_params(READ)])
async def test_not_silent(start, overrides, options, params):
    gateway, device = await start(overrides), FakeDevice()
    reason, _ = await knock(gateway, params, device, **options)
    assert reason == "not-paired"
    (request,) = (await devices_of(gateway))["pending"]
    assert request.get("browserOrigin") == options.get("origin")


async def test_a_device_token_alone_widens_nothing(start):
    gateway, device = await start(), FakeDevice()
    wire = await gateway.wire()
    token = (await wire.connect(node_params(), device))["payload"]["auth"]["deviceToken"]
    offer = {"deviceToken": token}
    asked = node_params(scopes=READ, auth=offer)
    assert (await knock(gateway, asked, device))[0] == "scope-upgrade"
    moved = node_params(client={"platform": "windows", "deviceFamily": "Windows"}, auth=offer)
    assert (await knock(gateway, moved, device))[0] == "metadata-upgrade"


async def test_scopes_of_a_node_give_it_nothing(start):
    gateway, device = await start(), FakeDevice()
    reason, wire = await knock(gateway, node_params(scopes=ADMIN), device)
    assert reason is None
    refused = await wire.request("device.pair.list")
    assert refused["error"]["message"] == "unauthorized role: node"


async def test_a_silent_approval_ends_the_request_that_waited(start):
    gateway, device = await start({"controlUi.allowedOrigins": ["https://ui.example"]}), FakeDevice()
    watcher = await gateway.operator()
    await knock(gateway, operator_params(READ), device, origin="https://ui.example")
    request = (await watcher.event("device.pair.requested"))["payload"]
    assert (await knock(gateway, operator_params(READ), device))[0] is None
    resolved = (await watcher.event("device.pair.resolved"))["payload"]
    assert (resolved["requestId"], resolved["decision"]) == (request["requestId"], "approved")
    assert (await watcher.call("device.pair.list"))["pending"] == []


async def test_a_silent_approval_leaves_a_request_for_more_in_place(start):
    gateway, device = await start(), FakeDevice()
    await knock(gateway, operator_params(READ), device)
    assert (await knock(gateway, node_params(), device))[0] == "role-upgrade"
    assert (await knock(gateway, operator_params(ADMIN), device))[0] is None
    (request,) = (await devices_of(gateway))["pending"]
    assert request["roles"] == ["node"]

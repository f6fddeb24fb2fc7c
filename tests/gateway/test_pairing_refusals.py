"""Connects that need an approval: PROTOCOL 6.2, and 7.3 for revoked roles."""

from __future__ import annotations

import pytest

from openclaw_core.testing import FakeDevice, node_params, operator_params

from .leftovers import assert_refused

pytestmark = pytest.mark.anyio

BY_HAND = {"nodes.pairing.autoApproveLocal": False}
READ = ["operator.read"]
NEXT = {"recommendedNextStep": "wait_then_retry", "retryable": True, "pauseReconnect": False}

TEXTS = {
    "not-paired": (
        "pairing required: device is not approved yet",
        "Approve this device from the pending pairing requests.",
    ),
    "role-upgrade": (
        "pairing required: device is asking for a higher role than currently approved",
        "Review the requested role upgrade, then approve the pending request.",
    ),
    "scope-upgrade": (
        "pairing required: device is asking for more scopes than currently approved",
        "Review the requested scopes, then approve the pending upgrade.",
    ),
    "metadata-upgrade": (
        "pairing required: device identity changed and must be re-approved",
        "Review the refreshed device details, then approve the pending request.",
    ),
}


async def assert_waits(gateway, params, device, reason, **details):
    message, hint = TEXTS[reason]
    expected = {
        "code": "PAIRING_REQUIRED",
        "reason": reason,
        "remediationHint": hint,
        "deviceId": device.device_id,
        "requestedRole": params["role"],
        **details,
        **NEXT,
    }
    error = await assert_refused(
        gateway, params, device, code="NOT_PAIRED", details=expected, begins=message, waits=True
    )
    assert error["message"] == message
    assert error["retryable"] is True
    return error["details"]["requestId"]


async def pair(gateway, params, device):
    """Knock, let a person approve, knock again; the hello."""
    wire = await gateway.wire()
    request_id = (await wire.connect(params, device))["error"]["details"]["requestId"]
    operator = await gateway.operator()
    await operator.call("device.pair.approve", {"requestId": request_id})
    wire = await gateway.wire()
    response = await wire.connect(params, device)
    assert response["ok"], response
    await wire.socket.close()
    return response["payload"]


@pytest.mark.parametrize(
    ("params", "more"),
    [
        (node_params(), {}),
        (operator_params(READ), {"requestedScopes": READ}),
        (operator_params([]), {}),
    ],
)
async def test_not_paired(start, params, more):
    gateway, device = await start(BY_HAND), FakeDevice()
    await assert_waits(gateway, params, device, "not-paired", **more)


async def test_role_upgrade(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    await pair(gateway, operator_params(READ), device)
    await assert_waits(
        gateway, node_params(), device, "role-upgrade", approvedRoles=["operator"], approvedScopes=READ
    )


async def test_role_upgrade_to_node_even_where_local_clients_are_approved(start):
    gateway, device = await start(), FakeDevice()
    wire = await gateway.wire()
    assert (await wire.connect(operator_params(READ), device))["ok"]
    await assert_waits(
        gateway, node_params(), device, "role-upgrade", approvedRoles=["operator"], approvedScopes=READ
    )


@pytest.mark.parametrize("overrides", [{}, BY_HAND])
async def test_role_upgrade_after_revocation(start, overrides):
    gateway, device = await start(overrides), FakeDevice()
    if overrides:
        await pair(gateway, node_params(), device)
    node, _ = await gateway.node(device=device)
    operator = await gateway.operator()
    await operator.call("device.token.revoke", {"deviceId": device.device_id, "role": "node"})
    assert await node.closed() == (4001, "device token revoked")
    await assert_waits(
        gateway, node_params(), device, "role-upgrade", approvedRoles=["node"], approvedScopes=[]
    )


async def test_scope_upgrade(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    await pair(gateway, operator_params(READ), device)
    more = ["operator.admin", *READ]
    await assert_waits(
        gateway,
        operator_params(more),
        device,
        "scope-upgrade",
        requestedScopes=more,
        approvedRoles=["operator"],
        approvedScopes=READ,
    )


async def test_scope_upgrade_of_a_node(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    await pair(gateway, node_params(), device)
    await assert_waits(
        gateway,
        node_params(scopes=READ),
        device,
        "scope-upgrade",
        requestedScopes=READ,
        approvedRoles=["node"],
        approvedScopes=[],
    )


@pytest.mark.parametrize(
    "client",
    [
        {"platform": "windows", "deviceFamily": "Linux"},
        {"platform": "linux", "deviceFamily": "Mac"},
        {"platform": "linux 6.1"},
    ],
)
async def test_metadata_upgrade(start, client):
    gateway, device = await start(BY_HAND), FakeDevice()
    await pair(gateway, node_params(), device)
    params = node_params(client=client)
    await assert_waits(gateway, params, device, "metadata-upgrade", approvedRoles=["node"], approvedScopes=[])


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"platform": "linux", "deviceFamily": "Linux"}, {"platform": " LINUX ", "deviceFamily": "linux"}),
        ({"platform": "darwin", "deviceFamily": "Mac"}, {"platform": "macos", "deviceFamily": "Mac"}),
        (
            {"platform": "win32", "deviceFamily": "Windows"},
            {"platform": "windows", "deviceFamily": "Windows"},
        ),
        (
            {"platform": "iOS 18.4.0", "deviceFamily": "iPhone"},
            {"platform": "iOS 18.5.0", "deviceFamily": "iPhone"},
        ),
        ({"displayName": "Kitchen"}, {"displayName": "Bedroom"}),
        ({"id": "node-host"}, {"id": "another-host"}),
    ],
)
async def test_changes_that_need_no_approval(start, first, then):
    gateway, device = await start(BY_HAND), FakeDevice()
    await pair(gateway, node_params(client=first), device)
    wire = await gateway.wire()
    assert (await wire.connect(node_params(client=then), device))["ok"]


async def test_a_family_left_out_later_is_the_usual_one(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    await pair(gateway, node_params(), device)
    params = node_params()
    del params["client"]["deviceFamily"]
    wire = await gateway.wire()
    assert (await wire.connect(params, device))["ok"]


async def test_a_new_os_version_is_stored(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    phone = {"platform": "iOS 18.4.0", "deviceFamily": "iPhone"}
    await pair(gateway, node_params(client=phone), device)
    wire = await gateway.wire()
    await wire.connect(node_params(client={**phone, "platform": "iOS 18.5.0"}), device)
    operator = await gateway.operator()
    (row,) = (await operator.call("device.pair.list"))["paired"]
    assert row["platform"] == "iOS 18.5.0"

"""Rotation, revocation, removal, and what live sockets and next connects feel: PROTOCOL 7."""

from __future__ import annotations

import pytest

from openclaw_core.testing import ADMIN, FakeDevice, node_params, operator_params

from .leftovers import until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("device.token.rotate", "device.token.revoke", "device.pair.changed"),
]

READ, PAIRING = ["operator.read"], ["operator.pairing"]
BASELINE = [*PAIRING, *READ]


async def connect(gateway, params, device):
    wire = await gateway.wire()
    response = await wire.connect(params, device)
    return wire, response


async def token_of(gateway, params, device):
    wire, response = await connect(gateway, params, device)
    assert response["ok"], response
    return wire, response["payload"]["auth"]["deviceToken"]


async def code_of(gateway, params, device):
    """The failure of a connect, or None when it got in."""
    _, response = await connect(gateway, params, device)
    return None if response["ok"] else response["error"]["details"]["code"]


async def own_session(gateway, scopes, device):
    """An operator connected by the token of its device; its wire and that token."""
    first, token = await token_of(gateway, operator_params(scopes), device)
    await first.socket.close()
    wire, again = await token_of(gateway, operator_params(scopes, auth={"deviceToken": token}), device)
    assert again == token
    return wire, token


async def test_rotation_by_an_operator(start):
    gateway, device = await start(), FakeDevice()
    node, node_id = await gateway.node(["demo.echo"], device=device)
    _, old = await token_of(gateway, node_params(["demo.echo"]), device)
    node, _ = await connect(gateway, node_params(["demo.echo"]), device)
    admin = await gateway.operator()
    answer = await admin.call("device.token.rotate", {"deviceId": node_id, "role": "node"})
    assert set(answer) == {"deviceId", "role", "scopes", "rotatedAtMs", "tokenDelivery"}
    assert answer["tokenDelivery"] == "withheld-cross-device"
    assert await node.closed() == (4001, "device token rotated")
    assert (await admin.event("device.pair.changed"))["payload"] == {}
    explicit, plain = node_params(auth={"deviceToken": old}), node_params(auth={"token": old})
    assert await code_of(gateway, explicit, device) == "AUTH_DEVICE_TOKEN_MISMATCH"
    assert await code_of(gateway, plain, device) == "AUTH_TOKEN_MISMATCH"
    _, response = await connect(gateway, node_params(["demo.echo"]), device)
    auth = response["payload"]["auth"]
    assert auth["deviceToken"] != old
    assert auth["issuedAtMs"] == answer["rotatedAtMs"]
    row = await admin.call("node.describe", {"nodeId": node_id})
    assert row["commands"] == ["demo.echo"], "the surface stays approved"


async def test_rotation_in_band(start):
    gateway, device = await start(), FakeDevice()
    own, old = await own_session(gateway, BASELINE, device)
    answer = await own.call("device.token.rotate", {"deviceId": device.device_id, "role": "operator"})
    assert answer["tokenDelivery"] == "in-band"
    assert answer["scopes"] == BASELINE
    assert await own.closed() == (4001, "device token rotated"), "the answer came first"
    old_offer = operator_params(READ, auth={"deviceToken": old})
    assert await code_of(gateway, old_offer, device) is None, "a lost answer locks nobody out"
    _, token = await token_of(gateway, operator_params(READ, auth={"deviceToken": answer["token"]}), device)
    assert token == answer["token"] != old


async def test_the_old_token_ends_with_the_first_use_of_the_new_one(start):
    gateway, device = await start(), FakeDevice()
    own, old = await own_session(gateway, BASELINE, device)
    answer = await own.call("device.token.rotate", {"deviceId": device.device_id, "role": "operator"})
    new_offer = operator_params(READ, auth={"deviceToken": answer["token"]})
    assert await code_of(gateway, new_offer, device) is None
    old_offer = operator_params(READ, auth={"deviceToken": old})
    assert await code_of(gateway, old_offer, device) == "AUTH_DEVICE_TOKEN_MISMATCH"


async def test_the_same_device_by_shared_secret_gets_no_token_in_band(start):
    gateway, device = await start(), FakeDevice()
    wire, _ = await token_of(gateway, operator_params(ADMIN), device)
    answer = await wire.call("device.token.rotate", {"deviceId": device.device_id, "role": "operator"})
    assert answer["tokenDelivery"] == "withheld-cross-device"
    assert "token" not in answer


async def test_rotation_with_fewer_scopes(start):
    gateway, device = await start(), FakeDevice()
    own, _ = await own_session(gateway, BASELINE, device)
    asked = {"deviceId": device.device_id, "role": "operator", "scopes": READ}
    answer = await own.call("device.token.rotate", asked)
    assert answer["scopes"] == READ
    offer = {"deviceToken": answer["token"]}
    assert await code_of(gateway, operator_params(READ, auth=offer), device) is None
    assert await code_of(gateway, operator_params(PAIRING, auth=offer), device) == "AUTH_SCOPE_MISMATCH"


ROTATE, REVOKE = "device.token.rotate", "device.token.revoke"


@pytest.mark.parametrize(
    ("method", "whose", "role", "more"),
    [
        (ROTATE, "nobody", "node", {}),
        (ROTATE, "node", "operator", {}),
        (ROTATE, "node", "king", {}),
        (ROTATE, "node", "node", {"scopes": ["operator.admin"]}),
        (REVOKE, "nobody", "node", {}),
        (REVOKE, "node", "operator", {}),
    ],
)
async def test_denials_even_for_an_admin(start, method, whose, role, more):
    gateway = await start()
    node, node_id = await gateway.node()
    admin = await gateway.operator()
    params = {"deviceId": node_id if whose == "node" else "f" * 64, "role": role, **more}
    await assert_denied(admin, method, params)
    assert await node.call("health"), "its socket stays"


async def assert_denied(wire, method, params):
    action = "rotation" if method == ROTATE else "revocation"
    refused = await wire.request(method, params)
    assert refused["error"] == {"code": "INVALID_REQUEST", "message": f"device token {action} denied"}


@pytest.mark.parametrize("method", [ROTATE, REVOKE])
async def test_denials_without_admin(start, method):
    gateway, device = await start(), FakeDevice()
    _, node_id = await gateway.node()
    own, _ = await own_session(gateway, BASELINE, device)
    await assert_denied(own, method, {"deviceId": node_id, "role": "node"})
    shared = await gateway.operator(BASELINE)
    await assert_denied(shared, method, {"deviceId": node_id, "role": "node"})
    await assert_denied(shared, method, {"deviceId": device.device_id, "role": "operator"})
    both = {"deviceId": device.device_id, "role": "node"}
    await assert_denied(own, method, both)
    if method == ROTATE:
        more = {"deviceId": device.device_id, "role": "operator", "scopes": ["operator.write"]}
        await assert_denied(own, method, more)


async def test_no_rotation_of_a_revoked_token(start):
    gateway, device = await start(), FakeDevice()
    await gateway.node(device=device)
    admin = await gateway.operator()
    params = {"deviceId": device.device_id, "role": "node"}
    first = await admin.call(REVOKE, params)
    await assert_denied(admin, ROTATE, params)
    assert await admin.call(REVOKE, params) == first, "revoking again changes nothing"


async def test_revocation(start):
    gateway, device = await start(), FakeDevice()
    node, node_id = await gateway.node(["demo.echo"], device=device)
    _, old = await token_of(gateway, node_params(["demo.echo"]), device)
    node, _ = await connect(gateway, node_params(["demo.echo"]), device)
    admin = await gateway.operator()
    answer = await admin.call(REVOKE, {"deviceId": node_id, "role": "node"})
    assert set(answer) == {"deviceId", "role", "revokedAtMs"}
    assert await node.closed() == (4001, "device token revoked")
    explicit = node_params(auth={"deviceToken": old})
    assert await code_of(gateway, explicit, device) == "AUTH_DEVICE_TOKEN_MISMATCH"
    _, response = await connect(gateway, node_params(["demo.echo"]), device)
    details = response["error"]["details"]
    assert (details["reason"], details["approvedRoles"]) == ("role-upgrade", ["node"])
    (row,) = (await admin.call("device.pair.list"))["paired"]
    assert row["tokens"][0]["revokedAtMs"] == answer["revokedAtMs"]
    await admin.call("device.pair.approve", {"requestId": details["requestId"]})
    _, response = await connect(gateway, node_params(["demo.echo"]), device)
    assert response["payload"]["auth"]["deviceToken"] != old
    row = await admin.call("node.describe", {"nodeId": node_id})
    assert row["commands"] == ["demo.echo"], "re-approval restores the surface"


async def test_only_the_role_concerned_is_closed(start):
    gateway, device = await start(), FakeDevice()
    node, _ = await gateway.node(device=device)
    operator, _ = await token_of(gateway, operator_params(READ), device)
    admin = await gateway.operator()
    await admin.call(ROTATE, {"deviceId": device.device_id, "role": "node"})
    assert await node.closed() == (4001, "device token rotated")
    assert await operator.call("health")


async def test_removal_closes_every_role_and_forgets_everything(start):
    gateway, device = await start(), FakeDevice()
    node, node_id = await gateway.node(["demo.echo"], device=device)
    operator, token = await token_of(gateway, operator_params(READ), device)
    admin = await gateway.operator()
    await admin.call("device.pair.remove", {"deviceId": node_id})
    for wire in (node, operator):
        assert await wire.closed() == (4001, "device removed")
    offer = operator_params(READ, auth={"deviceToken": token})
    assert await code_of(gateway, offer, device) == "AUTH_DEVICE_TOKEN_MISMATCH"
    held = gateway.server.gateway
    await until(lambda: len(held.connections) == 1, "only the admin is connected")
    registry = held.runtime.registry
    held_rows = (registry.devices, registry.tokens, registry.surfaces, registry.surface_requests)
    assert held_rows == ({}, {}, {}, {})


async def test_tokens_of_a_device_paired_anew_are_new(start):
    gateway, device = await start(), FakeDevice()
    _, old = await token_of(gateway, operator_params(READ), device)
    admin = await gateway.operator()
    await admin.call("device.pair.remove", {"deviceId": device.device_id})
    _, new = await token_of(gateway, operator_params(READ), device)
    assert new != old, "what a removal took away must not come back"

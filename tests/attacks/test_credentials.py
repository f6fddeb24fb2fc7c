"""Credentials that are stolen, spent, revoked, or stretched beyond what they gave (PROTOCOL 5, 6.6, 7)."""

from __future__ import annotations

import pytest

from openclaw_core.protocol.setup import decode_setup_code
from openclaw_core.testing import FakeClock, FakeDevice, node_params, operator_params
from tests.gateway.leftovers import assert_refused, auth_details

from .evidence import assert_in_trail, assert_wait_in_trail, error_of, session_of

pytestmark = pytest.mark.anyio

COUNTED = {"auth.rateLimit.exemptLoopback": False, "auth.rateLimit.maxAttempts": 1000}
READ, PAIRING = ["operator.read"], ["operator.pairing"]


TOKEN_RETRY = auth_details("AUTH_TOKEN_MISMATCH", "token_mismatch", "retry_with_device_token", retry=True)
DEVICE_TOKEN = auth_details("AUTH_DEVICE_TOKEN_MISMATCH", "device_token_mismatch", "update_auth_credentials")
SPENT = auth_details("AUTH_BOOTSTRAP_TOKEN_INVALID", "bootstrap_token_invalid", "review_auth_configuration")

WRONG = "unauthorized: gateway token mismatch ("
WRONG_DEVICE_TOKEN = "unauthorized: device token mismatch (rotate/reissue device token)"
USED_CODE = "unauthorized: setup code invalid, expired, revoked, or already used ("


async def token_of(gateway, params, device):
    wire = await gateway.wire()
    return (await wire.connect(params, device))["payload"]["auth"]["deviceToken"]


# Device tokens


@pytest.mark.parametrize(
    ("field", "details", "begins"),
    [("deviceToken", DEVICE_TOKEN, WRONG_DEVICE_TOKEN), ("token", TOKEN_RETRY, WRONG)],
)
async def test_token_of_another_device(start, field, details, begins):
    gateway = await start(COUNTED)
    stolen = await token_of(gateway, node_params(), FakeDevice())
    await assert_refused(
        gateway, node_params(auth={field: stolen}), FakeDevice(), details=details, begins=begins
    )


async def test_token_of_another_role(start):
    gateway, device = await start(COUNTED), FakeDevice()
    token = await token_of(gateway, node_params(), device)
    params = operator_params(auth={"deviceToken": token})
    await assert_refused(gateway, params, device, details=DEVICE_TOKEN, begins=WRONG_DEVICE_TOKEN)


async def test_device_token_without_its_key(start):
    """The token alone, as a plain shared secret would be sent."""
    gateway = await start(COUNTED)
    stolen = await token_of(gateway, operator_params(READ), FakeDevice())
    missing = {"code": "DEVICE_IDENTITY_REQUIRED"}
    offer = operator_params(READ, auth={"deviceToken": stolen})
    await assert_refused(gateway, offer, code="NOT_PAIRED", details=missing, begins="device identity")


async def test_wider_scope_at_connect(start):
    gateway, device = await start(COUNTED), FakeDevice()
    offer = {"deviceToken": await token_of(gateway, operator_params(READ), device)}
    await assert_refused(
        gateway,
        operator_params(["operator.read", "operator.write"], auth=offer),
        device,
        details=auth_details("AUTH_SCOPE_MISMATCH", "scope_mismatch", "review_auth_configuration"),
        begins="unauthorized: device token scope mismatch (re-pair or approve scope upgrade)",
    )


@pytest.mark.parametrize("wider", [["operator.write"], ["operator.admin"], ["operator.pairing", "x.y"]])
async def test_wider_scope_at_rotate(start, wider):
    gateway, device = await start(), FakeDevice()
    own = await session_of(gateway, device, [*PAIRING, *READ])
    asked = {"deviceId": device.device_id, "role": "operator", "scopes": wider}
    refused = await own.request("device.token.rotate", asked)
    assert error_of(refused) == ("INVALID_REQUEST", "device token rotation denied", None)
    await assert_in_trail(
        gateway,
        "device.token.rotate",
        "INVALID_REQUEST",
        actor=f"device:{device.device_id}",
        subject=device.device_id,
        reason="wider-scopes",
    )
    assert await own.call("health"), "its token is the old one"


@pytest.mark.parametrize("method", ["device.token.rotate", "device.token.revoke"])
async def test_token_of_somebody_else_rotated_or_revoked(start, method):
    gateway, device = await start(), FakeDevice()
    victim, victim_id = await gateway.node()
    own = await session_of(gateway, device, [*PAIRING, *READ])
    refused = await own.request(method, {"deviceId": victim_id, "role": "node"})
    action = "rotation" if method.endswith("rotate") else "revocation"
    assert error_of(refused) == ("INVALID_REQUEST", f"device token {action} denied", None)
    await assert_in_trail(
        gateway,
        method,
        "INVALID_REQUEST",
        actor=f"device:{device.device_id}",
        subject=victim_id,
        reason="foreign-token",
    )
    assert await victim.call("health"), "its socket stays"


@pytest.mark.parametrize("how", ["device.token.revoke", "device.token.rotate", "device.pair.remove"])
async def test_revoked_token(start, how):
    """Revoked, rotated by an operator, or gone with its device: the old token is worth nothing."""
    gateway, device = await start(COUNTED), FakeDevice()
    _, node_id = await gateway.node(device=device)
    stolen = await token_of(gateway, node_params(), device)
    live = await gateway.wire()
    assert (await live.connect(node_params(auth={"deviceToken": stolen}), device))["ok"]
    target = {"deviceId": node_id} | ({} if how == "device.pair.remove" else {"role": "node"})
    await (await gateway.operator()).call(how, target)
    assert (await live.closed())[0] == 4001, "who holds it is thrown out at once"
    params = node_params(auth={"deviceToken": stolen})
    await assert_refused(gateway, params, device, details=DEVICE_TOKEN, begins=WRONG_DEVICE_TOKEN)


async def test_revoked_device_with_the_shared_secret(start):
    """A person took the role away: even a local program with the right secret waits for a person."""
    gateway, device = await start(), FakeDevice()
    _, node_id = await gateway.node(device=device)
    await (await gateway.operator()).call("device.token.revoke", {"deviceId": node_id, "role": "node"})
    wire = await gateway.wire()
    code, _, details = error_of(await wire.connect(node_params(), device))
    assert (code, details["reason"]) == ("NOT_PAIRED", "role-upgrade")
    assert (await wire.closed())[0] == 1008
    await assert_wait_in_trail(gateway, device, "role-upgrade")


# Setup codes


async def issued(gateway):
    admin = await gateway.operator()
    params = {"publicUrl": "wss://gw.example", "bootstrapProfile": "node"}
    code = (await admin.call("device.pair.setupCode", params))["setupCode"]
    return {"bootstrapToken": decode_setup_code(code).bootstrap_token}


async def test_spent_setup_code(start):
    gateway = await start(COUNTED)
    offer = await issued(gateway)
    assert (await (await gateway.wire()).connect(node_params(auth=offer), FakeDevice()))["ok"]
    thief = FakeDevice()
    await assert_refused(gateway, node_params(auth=offer), thief, details=SPENT, begins=USED_CODE)


async def test_expired_setup_code(start):
    clock = FakeClock()
    gateway = await start(COUNTED, now_ms=clock)
    offer = await issued(gateway)
    clock.advance(600_000)
    await assert_refused(gateway, node_params(auth=offer), FakeDevice(), details=SPENT, begins=USED_CODE)


async def test_setup_code_of_a_node_for_an_operator(start):
    """A code that lets a node in gives nobody an operator; the request waits for a person."""
    gateway, device = await start(COUNTED), FakeDevice()
    offer = await issued(gateway)
    wire = await gateway.wire()
    code, _, details = error_of(await wire.connect(operator_params(READ, auth=offer), device))
    assert (code, details["reason"]) == ("NOT_PAIRED", "not-paired")
    await assert_wait_in_trail(gateway, device, "not-paired", client="cli")

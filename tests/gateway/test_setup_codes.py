"""Setup codes: issued, redeemed once, never a way around an approval: PROTOCOL 6.6."""

from __future__ import annotations

import base64
import json

import pytest

from openclaw_core.protocol.setup import decode_setup_code
from openclaw_core.store.models import SetupCode
from openclaw_core.testing import FakeClock, FakeDevice, node_params, operator_params

pytestmark = pytest.mark.anyio

URL = "wss://gw.example/base"
TEN_MINUTES = 600_000
INVALID = "AUTH_BOOTSTRAP_TOKEN_INVALID"


async def issue(gateway, profile="node", **params):
    """A new code as `device.pair.setupCode` gives it, and the operator that asked for it."""
    admin = await gateway.operator()
    if profile != "full":
        params["bootstrapProfile"] = profile
    return await admin.call("device.pair.setupCode", {"publicUrl": URL, **params}), admin


def secret_of(issued):
    return decode_setup_code(issued["setupCode"]).bootstrap_token


async def redeem(gateway, secret, device, make=node_params, *arguments, **changes):
    wire = await gateway.wire()
    params = make(*arguments, auth={"bootstrapToken": secret}, **changes)
    return wire, await wire.connect(params, device)


def code_of(answer):
    return answer["error"]["details"]["code"]


@pytest.mark.covers("device.pair.setupCode", "device.pair.setup.completed")
async def test_what_a_code_is(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    issued, _ = await issue(gateway, publicUrl="https://gw.example/base/", includeQr=True, joinUrl=True)
    text = issued["setupCode"]
    content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert set(content) == {"url", "bootstrapToken", "expiresAtMs"}
    assert content["url"] == URL == issued["gatewayUrl"]
    assert content["expiresAtMs"] == issued["expiresAtMs"] == clock() + TEN_MINUTES
    assert issued["urlSource"] == "request.publicUrl"
    assert (issued["auth"], issued["access"]) == ("token", "node")
    assert issued["joinUrl"].startswith("https://gw.example/base/j/")
    head, _, data = issued["qrDataUrl"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert len(issued["qrDataUrl"]) <= 16_384


async def test_at_rest_there_are_only_hashes(start):
    gateway = await start()
    issued, _ = await issue(gateway, joinUrl=True)
    (row,) = await gateway.server.gateway.runtime.store.load(SetupCode)
    ticket = issued["joinUrl"].rpartition("/")[2]
    stored = repr(row.model_dump())
    assert secret_of(issued) not in stored
    assert ticket not in stored


async def test_a_node_code_pairs_device_and_surface_at_once(start):
    gateway, device = await start(), FakeDevice()
    issued, admin = await issue(gateway)
    wire, answer = await redeem(gateway, secret_of(issued), device, node_params, ["demo.echo", "demo.admin"])
    assert answer["ok"], answer
    assert answer["payload"]["auth"]["deviceToken"]
    resolved = await admin.event("device.pair.resolved")
    assert resolved["payload"]["decision"] == "approved"
    assert (await admin.event("node.pair.resolved"))["payload"]["nodeId"] == device.device_id
    completed = (await admin.event("device.pair.setup.completed"))["payload"]
    assert {**completed, "ts": 0} == {
        "setupId": issued["setupId"],
        "deviceId": device.device_id,
        "deviceName": "Test Node",
        "access": "node",
        "ts": 0,
    }
    status = await admin.call("device.pair.setupStatus", {"setupId": issued["setupId"]})
    assert status == {"completion": completed}
    row = await admin.call("node.describe", {"nodeId": device.device_id})
    assert (row["approvalState"], row["commands"]) == ("approved", ["demo.admin", "demo.echo"])
    (paired,) = (await admin.call("device.pair.list"))["paired"]
    assert paired["approvedVia"] == "bootstrap"
    assert not [frame for frame in admin.events if frame["event"].endswith("pair.requested")]
    await wire.socket.close()


async def test_what_the_node_offers_later_waits_as_always(start):
    gateway, device = await start(), FakeDevice()
    issued, admin = await issue(gateway)
    _, answer = await redeem(gateway, secret_of(issued), device, node_params, ["demo.echo"])
    token = answer["payload"]["auth"]["deviceToken"]
    wire = await gateway.wire()
    more = node_params(["demo.echo", "demo.any"], auth={"deviceToken": token})
    assert (await wire.connect(more, device))["ok"]
    row = await admin.call("node.describe", {"nodeId": device.device_id})
    assert (row["approvalState"], row["commands"]) == ("pending-reapproval", ["demo.echo"])


@pytest.mark.parametrize("secret", ["", "x" * 43, "eyJ1cmwiOiJ3c3M6Ly9"])
async def test_a_made_up_code(start, secret):
    gateway = await start()
    await issue(gateway)
    _, answer = await redeem(gateway, secret, FakeDevice())
    assert code_of(answer) == (INVALID if secret else "AUTH_TOKEN_MISSING")


async def test_a_code_needs_the_device_to_prove_itself(start):
    gateway, device = await start(), FakeDevice()
    issued, _ = await issue(gateway)
    wire = await gateway.wire()
    answer = await wire.connect(node_params(auth={"bootstrapToken": secret_of(issued)}))
    assert code_of(answer) == "DEVICE_IDENTITY_REQUIRED"
    _, taken = await redeem(gateway, secret_of(issued), device)
    assert taken["ok"], "the failed try did not use it up"


@pytest.mark.parametrize("profile", ["full", "limited"])
async def test_a_code_of_another_kind_leaves_a_request(start, profile):
    gateway, device = await start(), FakeDevice()
    issued, admin = await issue(gateway, profile)
    _, answer = await redeem(gateway, secret_of(issued), device)
    details = answer["error"]["details"]
    assert (details["code"], details["recommendedNextStep"]) == ("PAIRING_REQUIRED", "wait_then_retry")
    await admin.call("device.pair.approve", {"requestId": details["requestId"]})
    _, again = await redeem(gateway, secret_of(issued), device)
    assert again["ok"], "approved by a person, the code lets it in"
    _, other = await redeem(gateway, secret_of(issued), FakeDevice())
    assert code_of(other) == INVALID


@pytest.mark.parametrize(
    ("profile", "scopes", "gets_in"),
    [
        ("full", ["operator.admin"], True),
        ("full", ["operator.read", "operator.pairing"], True),
        ("limited", ["operator.read", "operator.write"], True),
        ("limited", ["operator.admin"], False),
        ("limited", ["operator.pairing"], False),
        ("node", ["operator.read"], False),
    ],
)
async def test_an_operator_gets_what_the_code_holds(start, profile, scopes, gets_in):
    gateway, device = await start(), FakeDevice()
    issued, _ = await issue(gateway, profile)
    _, answer = await redeem(gateway, secret_of(issued), device, operator_params, scopes)
    assert answer["ok"] is gets_in
    if gets_in:
        assert answer["payload"]["auth"]["scopes"] == sorted(scopes)
    else:
        assert answer["error"]["details"]["recommendedNextStep"] == "wait_then_retry"


async def test_a_native_app_becomes_node_and_operator(start):
    gateway, device = await start(), FakeDevice()
    issued, _ = await issue(gateway, "limited")
    phone = {"id": "openclaw-ios", "platform": "iOS 18.4.0", "deviceFamily": "iPhone"}
    _, answer = await redeem(gateway, secret_of(issued), device, node_params, ["demo.any"], client=phone)
    assert answer["ok"], answer
    (other,) = answer["payload"]["auth"]["deviceTokens"]
    assert other["role"] == "operator"
    assert "operator.admin" not in other["scopes"]
    wire = await gateway.wire()
    params = operator_params(["operator.read"], auth={"deviceToken": other["deviceToken"]}, client=phone)
    assert (await wire.connect(params, device))["ok"]
    admin = await gateway.operator()
    row = await admin.call("node.describe", {"nodeId": device.device_id})
    assert row["approvalState"] == "pending-approval", "only a node code approves the surface"

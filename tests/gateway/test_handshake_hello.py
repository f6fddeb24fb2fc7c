"""What a client gets when it is let in: PROTOCOL 3.7, 5.3, 7, and unknown clients."""

from __future__ import annotations

import uuid

import pytest

from openclaw_core.testing import ADMIN, FakeDevice, node_params, operator_params

pytestmark = [pytest.mark.anyio, pytest.mark.covers("connect", "connect.challenge")]

READ, WRITE = ["operator.read"], ["operator.read", "operator.write"]


async def hello_of(gateway, params, device=None, **options):
    wire = await gateway.wire(**options)
    response = await wire.connect(params, device)
    assert response["ok"], response
    return wire, response["payload"]


async def test_the_shape_for_a_node(start):
    gateway, device = await start(), FakeDevice()
    _, hello = await hello_of(gateway, node_params(), device)
    assert hello["type"] == "hello-ok"
    assert hello["protocol"] == 4
    assert uuid.UUID(hello["server"]["connId"])
    assert hello["policy"] == {
        "maxPayload": 26_214_400,
        "maxBufferedBytes": 52_428_800,
        "tickIntervalMs": 30_000,
    }
    assert set(hello["auth"]) == {"role", "scopes", "deviceToken", "issuedAtMs"}
    assert (hello["auth"]["role"], hello["auth"]["scopes"]) == ("node", [])
    assert len(hello["auth"]["deviceToken"]) == 43
    snapshot = hello["snapshot"]
    assert snapshot["presence"] == []
    assert set(snapshot["stateVersion"]) == {"presence", "health"}
    assert not {"stateDir", "configPath", "authMode"} & set(snapshot)
    methods = hello["features"]["methods"]
    assert "node.invoke.result" in methods
    assert "node.invoke" not in methods
    assert hello["features"]["capabilities"] == []


async def test_the_shape_for_an_operator(start):
    gateway = await start()
    await gateway.node()
    first, hello = await hello_of(gateway, operator_params())
    assert set(hello["auth"]) == {"role", "scopes"}
    assert hello["auth"]["scopes"] == sorted(ADMIN)
    assert {row["mode"] for row in hello["snapshot"]["presence"]} == {"gateway", "node"}
    assert hello["snapshot"]["stateDir"] == str(gateway.settings.state_dir)
    assert hello["snapshot"]["authMode"] == "token"
    assert "node.invoke" in hello["features"]["methods"]
    assert "connect.challenge" in hello["features"]["events"]
    _, second = await hello_of(gateway, operator_params(READ))
    assert not {"stateDir", "configPath", "authMode"} & set(second["snapshot"])
    assert second["server"]["bootId"] == hello["server"]["bootId"]
    assert second["server"]["connId"] != hello["server"]["connId"]
    assert first.nonce != second["server"]["connId"]


async def test_an_operator_without_read_sees_no_presence(start):
    gateway = await start()
    await gateway.node()
    _, hello = await hello_of(gateway, operator_params(["operator.pairing"]))
    assert hello["snapshot"]["presence"] == []


async def test_the_same_device_token_comes_back_whatever_the_credential(start):
    gateway, device = await start(), FakeDevice()
    _, hello = await hello_of(gateway, node_params(), device)
    issued = hello["auth"]["deviceToken"], hello["auth"]["issuedAtMs"]
    token = issued[0]
    offers = [{"deviceToken": token}, {"token": token}, {"password": gateway.config.auth.token}]
    for auth in offers:
        _, hello = await hello_of(gateway, node_params(auth=auth), device)
        assert (hello["auth"]["deviceToken"], hello["auth"]["issuedAtMs"]) == issued


async def test_each_role_and_device_has_a_token_of_its_own(start):
    gateway, one, two = await start(), FakeDevice(), FakeDevice()
    tokens = set()
    for make, device in [(node_params, one), (operator_params, one), (node_params, two)]:
        _, hello = await hello_of(gateway, make() if make is node_params else make(READ), device)
        tokens.add(hello["auth"]["deviceToken"])
    # The second connect of `one` asked for another role, which is approved silently on loopback.
    assert len(tokens) == 3


@pytest.mark.parametrize(
    ("client", "asked", "granted"),
    [
        ({"id": "cli", "mode": "cli"}, WRITE, WRITE),
        ({"id": "gateway-client", "mode": "backend"}, WRITE, WRITE),
        ({"id": "cli", "mode": "cli"}, [], []),
        ({"id": "cli", "mode": "ui"}, WRITE, []),
        ({"id": "gateway-client", "mode": "cli"}, WRITE, []),
        ({"id": "openclaw-tui", "mode": "ui"}, WRITE, []),
        ({"id": "nobody-knows-me", "mode": "cli"}, ADMIN, []),
    ],
)
async def test_scopes_without_device_identity(start, client, asked, granted):
    gateway = await start()
    wire, hello = await hello_of(gateway, operator_params(asked, client=client))
    assert hello["auth"] == {"role": "operator", "scopes": granted}
    refused = await wire.request("node.list")
    assert refused["ok"] == bool(granted)
    if not granted:
        assert refused["error"]["details"]["missingScope"] == "operator.read"


async def test_a_device_token_gives_any_subset_of_its_scopes(start):
    gateway, device = await start(), FakeDevice()
    _, hello = await hello_of(gateway, operator_params(WRITE), device)
    offer = {"deviceToken": hello["auth"]["deviceToken"]}
    for asked in (WRITE, READ, []):
        _, hello = await hello_of(gateway, operator_params(asked, auth=offer), device)
        assert hello["auth"]["scopes"] == asked
        assert hello["auth"]["deviceToken"] == offer["deviceToken"]


@pytest.mark.parametrize(
    "client",
    [
        {"id": "toaster"},
        {"mode": "kitchen"},
        {"platform": "plan9"},
        {"deviceFamily": "Toaster"},
        {"id": "toaster", "mode": "kitchen", "platform": "plan9", "deviceFamily": "Toaster"},
    ],
)
async def test_an_unknown_client_is_welcome_and_gains_nothing(start, client):
    gateway, device = await start(), FakeDevice()
    params = node_params(["demo.linux", "demo.echo"], client=client, caps=["demo", "toast"])
    _, hello = await hello_of(gateway, params, device)
    assert hello["auth"]["role"] == "node"
    await gateway.approve_surface(device.device_id)
    operator = await gateway.operator()
    node = await operator.call("node.describe", {"nodeId": device.device_id})
    # A known id on a known platform gets that platform's commands; the mode decides nothing.
    assert ("demo.linux" in node["commands"]) == (client == {"mode": "kitchen"})
    assert "demo.echo" in node["commands"]


async def test_an_unknown_client_is_not_trusted_like_a_known_one(start):
    gateway = await start()
    _, hello = await hello_of(gateway, operator_params(ADMIN, client={"id": "cli2", "mode": "cli"}))
    assert hello["auth"]["scopes"] == []

"""Who may come to `/mcp`, and what a seat may do."""

from __future__ import annotations

import json

import pytest

from openclaw_core.mcp import sdk
from openclaw_core.mcp.mount import McpMount
from openclaw_core.testing import TOKEN, FakeDevice, TestGateway, operator_params, plugins_of

from .conftest import by_http, by_stdio, tool_name
from .family import DEMO
from .posting import post

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

BEARER = {"Authorization": f"Bearer {TOKEN}"}
READ_ONLY = "missing scope: operator.write"


async def lists_but_cannot_call(client) -> None:
    name = await tool_name(client, "demo.count")
    refused = await client.call_tool(name, {})
    assert refused.is_error
    assert refused.content[0].text.startswith(READ_ONLY)
    assert (await client.read_resource("openclaw://nodes")).contents


async def test_a_reading_seat_lists_but_cannot_call(gateway, start_node, env):
    await start_node()
    async with by_http(gateway, **{"X-OpenClaw-Scopes": "operator.read"})() as client:
        await lists_but_cannot_call(client)
    async with by_stdio(env, "--scope", "operator.read")() as client:
        await lists_but_cannot_call(client)


async def test_a_device_token_with_read_only_lists_but_cannot_call(gateway, start_node, env, tmp_path):
    await start_node()
    # A device that was paired for reading only, on another machine: it has no shared secret.
    device = FakeDevice(seed := bytes(range(32)))
    scopes = ["operator.read"]
    wire = await gateway.wire()
    hello = await wire.connect(operator_params(scopes), device)
    await wire.socket.close()
    keep_identity(tmp_path / "client", seed, device, gateway.url, hello["payload"]["auth"]["deviceToken"])
    del env["OPENCLAW_GATEWAY_TOKEN"]
    async with by_stdio(env, "--scope", "operator.read", "--url", gateway.url)() as client:
        await lists_but_cannot_call(client)


def keep_identity(state, seed: bytes, device: FakeDevice, url: str, token: str) -> None:
    """The two files that such a machine has after pairing."""
    from openclaw_core.client import DeviceTokens, Identity

    home = state / "identity"
    home.mkdir(parents=True)
    (home / "device.json").write_text(json.dumps(Identity(seed).to_document()))
    (home / "device.json").chmod(0o600)
    DeviceTokens(home / "device-tokens.json").put(url, device.device_id, "operator", token)


async def test_what_takes_an_administrator_is_refused_unless_the_seat_is_one(gateway, start_node):
    await start_node()
    async with by_http(gateway)() as client:
        refused = await client.call_tool(await tool_name(client, "demo.root"), {})
        assert refused.content[0].text.startswith("missing scope: operator.admin")
    async with by_http(gateway, **{"X-OpenClaw-Scopes": "operator.admin"})() as client:
        assert (await client.call_tool(await tool_name(client, "demo.root"), {})).is_error is False


@pytest.mark.parametrize(
    ("overrides", "headers", "status"),
    [
        ({}, {}, 401),
        ({}, {"Authorization": "Bearer wrong"}, 401),
        ({}, {**BEARER, "Origin": "http://page.example"}, 403),
        ({}, {**BEARER, "X-Forwarded-For": "203.0.113.9"}, 403),
        ({}, {**BEARER, "X-OpenClaw-Scopes": "operator.pairing"}, 400),
        ({}, {**BEARER, "X-OpenClaw-Scopes": ","}, 400),
        ({}, BEARER, 200),
        ({"auth.mode": "password", "auth.password": TOKEN}, BEARER, 200),
        ({"auth.mode": "none"}, {}, 200),
        ({"auth.mode": "none"}, {"Host": "rebound.example"}, 401),
        ({"tls.enabled": True}, BEARER, 200),
    ],
)
async def test_who_may_come(tmp_path, overrides, headers, status):
    async with TestGateway(tmp_path, plugins_of(DEMO), overrides, mounts=(McpMount,)) as gateway:
        answer = await post(gateway.server.port, headers, tls="tls.enabled" in overrides)
        assert answer.status_code == status, answer.text
        if status == 401:
            assert "Authorization: Bearer SECRET" in answer.json()["error"]


async def test_refusals_are_audited_and_guessing_is_locked_out(gateway):
    for _ in range(2):
        assert (await post(gateway.server.port, {"Authorization": "Bearer guess"})).status_code == 401
    assert (await post(gateway.server.port, {**BEARER, "Origin": "http://page.example"})).status_code == 403
    events = (await (await gateway.operator()).call("audit.list", {"kinds": ["http"]}))["events"]
    assert {(event["subject"], event["details"]["code"]) for event in events} == {
        ("/mcp", "MOUNT_AUTH_MISMATCH"),
        ("/mcp", "CONTROL_UI_ORIGIN_NOT_ALLOWED"),
    }


async def test_without_the_extra_it_says_how_to_install_it(gateway, monkeypatch):
    monkeypatch.setattr(sdk, "find_spec", lambda _name: None)
    answer = await post(gateway.server.port, BEARER)
    assert answer.status_code == 501
    assert answer.json()["error"].endswith("install it: pip install 'openclaw-core[mcp]'")

"""Browser origins and forwarding headers: PROTOCOL 1.1, 5.4 last row."""

from __future__ import annotations

import orjson
import pytest
from websockets.exceptions import InvalidStatus

from openclaw_core.testing import FakeDevice, node_params, operator_params

from .leftovers import assert_nothing_left, assert_refused, holdings

pytestmark = pytest.mark.anyio

REFUSED = {"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"}
PROXIED = {"trustedProxies": ["127.0.0.1"]}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1.evil.example"]
)
@pytest.mark.parametrize("make", [operator_params, node_params])
async def test_a_foreign_page_is_refused_before_its_credentials(start, origin, make):
    gateway = await start()
    wire = await gateway.wire(origin=origin)
    params = make(token="wrong")
    await assert_refused(gateway, params, wire=wire, details=REFUSED, begins="origin not allowed (")


@pytest.mark.parametrize("origin", ["https://ui.example", "https://UI.example:443"])
async def test_an_allowed_page(start, origin):
    gateway = await start({"controlUi.allowedOrigins": ["https://ui.example"]})
    wire = await gateway.wire(origin=origin)
    assert (await wire.connect(operator_params()))["ok"]


async def test_a_page_of_this_gateway(start):
    gateway = await start()
    wire = await gateway.wire(origin=f"http://localhost:{gateway.server.port}")
    assert (await wire.connect(operator_params()))["ok"]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
@pytest.mark.parametrize("overrides", [{}, {"trustedProxies": ["192.0.2.1", "10.0.0.0/8"]}])
async def test_nobody_but_a_trusted_proxy_speaks_for_others(start, name, overrides):
    gateway = await start(overrides)
    before = holdings(gateway)
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire(additional_headers={name: "127.0.0.1"})
    response = refusal.value.response
    assert response.status_code == 403
    error = orjson.loads(response.body)["error"]
    assert error["type"] == "proxy_attribution_required"
    assert error["message"].startswith("Proxy client attribution is required")
    await assert_nothing_left(gateway, before)


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "unknown"}, {"Forwarded": "for=192.0.2.60"}])
async def test_a_trusted_proxy_must_name_an_address(start, headers):
    gateway = await start(PROXIED)
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.wire(additional_headers=headers)
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize(
    ("headers", "ip"),
    [
        ({"X-Forwarded-For": "192.0.2.60"}, "192.0.2.60"),
        ({"X-Real-IP": "192.0.2.60"}, "192.0.2.60"),
        ({"X-Forwarded-For": "127.0.0.1, 192.0.2.60"}, "192.0.2.60"),
        ({"X-Forwarded-For": "192.0.2.60, 127.0.0.1"}, "192.0.2.60"),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1"),
        ({"X-Forwarded-For": "2001:db8::7"}, "2001:db8::7"),
    ],
)
async def test_a_client_behind_a_trusted_proxy_is_never_local(start, headers, ip):
    gateway, device = await start(PROXIED), FakeDevice()
    wire = await gateway.wire(additional_headers=headers)
    error = (await wire.connect(node_params(), device))["error"]
    assert error["details"]["reason"] == "not-paired", "no silent approval for a proxied client"
    operator = await gateway.operator()
    (request,) = (await operator.call("device.pair.list"))["pending"]
    assert request["remoteIp"] == ip
    wire = await gateway.wire(additional_headers=headers)
    hello = await wire.connect(operator_params())
    assert hello["payload"]["auth"]["scopes"] == [], "cli/cli without device is trusted from this host only"


async def test_failures_behind_a_proxy_lock_that_client_only(start):
    gateway = await start({**PROXIED, "auth.rateLimit.maxAttempts": 1})

    async def attempt(ip, token):
        wire = await gateway.wire(additional_headers={"X-Forwarded-For": ip})
        response = await wire.connect(operator_params(token=token))
        return response.get("error", {}).get("details", {}).get("code")

    good = gateway.config.auth.token
    assert await attempt("192.0.2.60", "wrong") == "AUTH_TOKEN_MISMATCH"
    assert await attempt("192.0.2.60", good) == "AUTH_RATE_LIMITED"
    assert await attempt("192.0.2.61", good) is None
    assert await gateway.operator()

"""Browser origins and forwarding headers: PROTOCOL 1.1, 5.4 last row."""

from __future__ import annotations

import pytest

from openclaw_core.testing import operator_params

pytestmark = pytest.mark.anyio

REFUSED = {"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"}
PROXIED = {"trustedProxies": ["127.0.0.1"]}


@pytest.mark.parametrize("origin", ["https://ui.example", "https://UI.example:443"])
async def test_an_allowed_page(start, origin):
    gateway = await start({"controlUi.allowedOrigins": ["https://ui.example"]})
    wire = await gateway.wire(origin=origin)
    assert (await wire.connect(operator_params()))["ok"]


async def test_a_page_of_this_gateway(start):
    gateway = await start()
    wire = await gateway.wire(origin=f"http://localhost:{gateway.server.port}")
    assert (await wire.connect(operator_params()))["ok"]


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

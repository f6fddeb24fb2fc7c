"""A web page in a browser on the gateway's own machine, where the socket is a loopback one (1.1, 17)."""

from __future__ import annotations

import pytest

from openclaw_core.testing import FakeClock, FakeDevice, Wire, node_params, operator_params
from tests.gateway.leftovers import assert_refused

from .evidence import assert_in_trail

pytestmark = pytest.mark.anyio

REFUSED = {"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"}
FOREIGN = ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1.evil.example"]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("make", [operator_params, node_params])
async def test_foreign_origin(start, origin, make):
    """Refused before its credentials are looked at: a page learns nothing by guessing."""
    gateway = await start()
    wire = await gateway.wire(origin=origin)
    params = make(token="wrong")
    await assert_refused(gateway, params, wire=wire, details=REFUSED, begins="origin not allowed (")


async def test_foreign_origin_where_no_secret_is_needed(start):
    gateway = await start({"auth.mode": "none"})
    wire = await gateway.wire(origin="https://evil.example")
    params = operator_params(token=None)
    await assert_refused(
        gateway, params, FakeDevice(), wire=wire, details=REFUSED, begins="origin not allowed ("
    )


async def test_name_rebound_to_loopback(start):
    """`evil.example` now resolves to 127.0.0.1: Host and Origin agree, and mean nothing."""
    gateway = await start()
    port = gateway.server.port
    name, origin = f"ws://evil.example:{port}", f"http://evil.example:{port}"
    async with Wire.open(name, host="127.0.0.1", port=port, origin=origin) as wire:
        await assert_refused(
            gateway, operator_params(), wire=wire, details=REFUSED, begins="origin not allowed ("
        )


@pytest.mark.parametrize(
    ("called", "origin"),
    [
        # A gateway on port 80 or 443 has no port in its Host; nor has the made-up host of an app's files.
        ("localhost", "tauri://localhost"),
        ("192.0.2.5", "app://192.0.2.5"),
        ("192.0.2.5:{port}", "http://192.0.2.6:{port}"),
        ("192.0.2.5:{port}", "http://192.0.2.5"),
    ],
)
async def test_page_that_another_program_or_machine_served(start, called, origin):
    gateway = await start()
    port = gateway.server.port
    url, origin = f"ws://{called.format(port=port)}", origin.format(port=port)
    async with Wire.open(url, host="127.0.0.1", port=port, origin=origin) as wire:
        await assert_refused(
            gateway, operator_params(), wire=wire, details=REFUSED, begins="origin not allowed ("
        )


async def test_own_page_may_knock_and_no_more(start):
    """Under the gateway's address a page is its own; a person still has to let its browser in."""
    gateway = await start()
    port = gateway.server.port
    url, origin = f"ws://192.0.2.5:{port}", f"http://192.0.2.5:{port}"
    async with Wire.open(url, host="127.0.0.1", port=port, origin=origin) as wire:
        error = (await wire.connect(operator_params(), FakeDevice()))["error"]
    assert error["details"]["code"] == "PAIRING_REQUIRED", "the secret alone pairs local programs, not pages"


async def test_two_origins_of_which_one_is_allowed(start):
    gateway = await start({"controlUi.allowedOrigins": ["https://ui.example"]})
    twice = [("Origin", "https://ui.example"), ("Origin", "https://evil.example")]
    with pytest.raises(Exception, match="400"):
        await gateway.wire(additional_headers=twice)
    await assert_in_trail(gateway, "upgrade", "HTTP_400", actor="unknown", ip="127.0.0.1")


async def test_password_guessing_by_a_page_of_this_host(start):
    """Local programs are only delayed; a browser is locked out, and takes nobody along."""
    gateway = await start(
        {"auth.rateLimit.maxAttempts": 3, "controlUi.allowedOrigins": ["https://ui.example"]},
        now_ms=FakeClock(),
    )
    for expected in ("AUTH_TOKEN_MISMATCH",) * 3 + ("AUTH_RATE_LIMITED",):
        wire = await gateway.wire(origin="https://ui.example")
        error = (await wire.connect(operator_params(token="wrong")))["error"]
        assert error["details"]["code"] == expected
    wire = await gateway.wire(origin="https://ui.example")
    right = (await wire.connect(operator_params()))["error"]
    assert right["details"]["code"] == "AUTH_RATE_LIMITED", "the right guess comes too late"
    assert right["retryAfterMs"] == 300_000
    assert (await wire.closed())[0] == 1008
    await assert_in_trail(gateway, "connect", "AUTH_RATE_LIMITED", actor="client:cli")
    assert await gateway.operator(), "local programs do not pay for the browser"

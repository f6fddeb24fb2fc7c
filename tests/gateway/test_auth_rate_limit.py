"""Failed authentications cost the address time: PROTOCOL 17, last but one row of 5.4."""

from __future__ import annotations

import pytest

from openclaw_core.testing import TOKEN, FakeClock, FakeDevice, node_params, operator_params

from .leftovers import assert_refused

pytestmark = pytest.mark.anyio

STRICT = {
    "auth.rateLimit.exemptLoopback": False,
    "auth.rateLimit.maxAttempts": 3,
    "auth.rateLimit.lockoutMs": 20_000,
}
LOCKED = {
    "code": "AUTH_RATE_LIMITED",
    "authReason": "rate_limited",
    "canRetryWithDeviceToken": False,
    "recommendedNextStep": "wait_then_retry",
}
BEGINS = "unauthorized: too many failed authentication attempts (retry later)"

WRONG_TOKEN = {"token": "wrong", "password": "wrong"}
WRONG_DEVICE_TOKEN = {"deviceToken": "A" * 43}
WRONG_CODE = {"bootstrapToken": "never-issued"}


async def fail(gateway, auth, device=None, times=3):
    for _ in range(times):
        wire = await gateway.wire()
        response = await wire.connect(operator_params(auth=auth), device)
        assert response["error"]["details"]["code"] != "AUTH_RATE_LIMITED", response
        assert (await wire.closed())[0] == 1008


async def assert_locked(gateway, params=None, device=None, *, for_ms=20_000):
    error = await assert_refused(gateway, params or operator_params(), device, details=LOCKED, begins=BEGINS)
    assert error["retryable"] is True
    assert error["retryAfterMs"] == for_ms


@pytest.mark.parametrize(
    ("overrides", "auth", "with_device"),
    [
        ({}, WRONG_TOKEN, False),
        ({}, WRONG_TOKEN, True),
        ({}, {"password": "wrong"}, True),
        ({}, WRONG_DEVICE_TOKEN, True),
        ({}, WRONG_CODE, True),
        ({"auth.mode": "password", "auth.password": "open sesame"}, {"password": "wrong"}, True),
        ({"auth.mode": "password", "auth.password": "open sesame"}, {"password": "wrong"}, False),
    ],
)
async def test_three_failures_lock_the_address(start, overrides, auth, with_device):
    gateway = await start({**STRICT, **overrides}, now_ms=FakeClock())
    await fail(gateway, auth, FakeDevice() if with_device else None)
    await assert_locked(gateway)
    await assert_locked(gateway, node_params(), FakeDevice())


async def test_the_lock_ends_by_itself(start):
    clock = FakeClock()
    gateway = await start(STRICT, now_ms=clock)
    await fail(gateway, WRONG_TOKEN)
    clock.advance(19_999)
    await assert_locked(gateway, for_ms=1)
    clock.advance(1)
    assert await gateway.operator()
    await fail(gateway, WRONG_TOKEN, times=2)


async def test_failures_that_lie_back_a_window_do_not_count(start):
    clock = FakeClock()
    gateway = await start(STRICT, now_ms=clock)
    await fail(gateway, WRONG_TOKEN, times=2)
    clock.advance(60_000)
    await fail(gateway, WRONG_TOKEN, times=2)


async def test_a_success_forgets_earlier_failures(start):
    gateway = await start(STRICT, now_ms=FakeClock())
    await fail(gateway, WRONG_TOKEN, times=2)
    assert await gateway.operator()
    await fail(gateway, WRONG_TOKEN, times=2)


async def test_a_missing_credential_is_no_failed_one(start):
    gateway = await start(STRICT, now_ms=FakeClock())
    await fail(gateway, {}, times=5)
    await fail(gateway, {"token": ""}, FakeDevice(), times=5)
    assert await gateway.operator()


async def test_a_proven_device_token_is_not_locked_out_by_its_neighbours(start):
    # Deliberately better than the original (27, row 47).
    gateway, device = await start(STRICT, now_ms=FakeClock()), FakeDevice()
    wire = await gateway.wire()
    token = (await wire.connect(node_params(), device))["payload"]["auth"]["deviceToken"]
    await fail(gateway, WRONG_TOKEN)
    for auth in ({"deviceToken": token}, {"token": token}):
        wire = await gateway.wire()
        assert (await wire.connect(node_params(auth=auth), device))["ok"]
    await assert_locked(gateway, node_params(auth={"token": TOKEN}), device)


async def test_local_programs_are_delayed_not_locked(start):
    gateway = await start({"auth.rateLimit.maxAttempts": 1})
    await fail(gateway, WRONG_TOKEN, times=2)
    assert await gateway.operator()


async def test_a_browser_on_this_host_is_not_exempt(start):
    gateway = await start(
        {"auth.rateLimit.maxAttempts": 1, "controlUi.allowedOrigins": ["https://ui.example"]},
        now_ms=FakeClock(),
    )
    for expected in ("AUTH_TOKEN_MISMATCH", "AUTH_RATE_LIMITED"):
        wire = await gateway.wire(origin="https://ui.example")
        response = await wire.connect(operator_params(token="wrong"))
        assert response["error"]["details"]["code"] == expected
    assert await gateway.operator(), "local programs do not pay for the browser"

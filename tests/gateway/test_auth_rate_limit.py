"""Failed authentications cost the address time: PROTOCOL 17, last but one row of 5.4."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from openclaw_core.store.models import AuditEvent, Lockout
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


# Over a restart (27, row 33)


async def restarted(start, directory, clock, overrides=STRICT):
    """A gateway on the state of one that locked this host out and was stopped."""
    gateway = await start(STRICT, directory=directory, now_ms=clock)
    await fail(gateway, WRONG_TOKEN)
    await gateway.server.stop()
    return await start(overrides, directory=directory, now_ms=clock)


async def test_a_restart_sets_nobody_free(start, tmp_path):
    clock = FakeClock()
    gateway = await restarted(start, tmp_path, clock)
    clock.advance(19_999)
    await assert_locked(gateway, for_ms=1)
    clock.advance(1)
    assert await gateway.operator()
    assert await gateway.server.gateway.runtime.store.load(Lockout) == []


async def test_a_lock_that_ended_meanwhile_is_none(start, tmp_path):
    clock = FakeClock()
    gateway = await start(STRICT, directory=tmp_path, now_ms=clock)
    await fail(gateway, WRONG_TOKEN)
    await gateway.server.stop()
    clock.advance(20_000)
    again = await start(STRICT, directory=tmp_path, now_ms=clock)
    assert await again.operator()
    assert await again.server.gateway.runtime.store.load(Lockout) == []


async def test_a_shorter_lockout_holds_for_old_locks_too(start, tmp_path):
    gateway = await restarted(start, tmp_path, FakeClock(), {**STRICT, "auth.rateLimit.lockoutMs": 5})
    await assert_locked(gateway, for_ms=5)


async def test_a_lock_is_stored_before_the_answer_and_audited(start):
    gateway = await start(STRICT, now_ms=FakeClock())
    commits = gateway.server.gateway.runtime.store.commits
    await fail(gateway, WRONG_TOKEN, times=2)
    assert await gateway.server.gateway.runtime.store.load(Lockout) == []
    await fail(gateway, WRONG_TOKEN, times=1)
    file = gateway.settings.state_dir / "openclaw.sqlite"
    with closing(sqlite3.connect(file)) as other:  # another process, which sees only what is committed
        assert other.execute("SELECT key FROM lockout").fetchall() == [("127.0.0.1",)]
    assert gateway.server.gateway.runtime.store.commits > commits
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    (row,) = [row for row in rows if row.kind == "auth.lockout"]
    assert (row.outcome, row.actor, row.subject) == ("refused", "rule:rate-limit", "127.0.0.1")

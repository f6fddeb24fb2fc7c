"""Failure counting (PROTOCOL 17)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.rate_limit import RateLimiter, loopback_delay_ms, network_of

STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(("fail", "ok")), st.integers(0, 400)), max_size=60
)


def test_the_tenth_failure_locks_for_five_minutes_and_then_frees():
    limiter = RateLimiter()
    assert [limiter.fail("ip", at) for at in range(10)] == list(range(1, 11))
    assert limiter.check("ip", 10) == 9 + 300_000 - 10
    assert limiter.check("ip", 9 + 299_999) == 1
    assert limiter.check("ip", 9 + 300_000) is None
    assert limiter.fail("ip", 9 + 300_000) == 1


def test_failures_outside_the_window_do_not_count():
    limiter = RateLimiter(max_attempts=2, window_ms=100)
    assert limiter.fail("ip", 0) == 1
    assert limiter.fail("ip", 100) == 1
    assert limiter.fail("ip", 199) == 2
    assert limiter.check("ip", 199) == 300_000


def test_failing_while_locked_neither_extends_nor_shortens_the_lock():
    limiter = RateLimiter(max_attempts=1, lockout_ms=100)
    limiter.fail("ip", 0)
    assert limiter.fail("ip", 50) == 1
    assert limiter.check("ip", 99) == 1
    assert limiter.check("ip", 100) is None


@given(STEPS, st.integers(1, 5))
def test_a_lock_needs_max_attempts_failures_since_the_last_success(steps, attempts):
    limiter = RateLimiter(max_attempts=attempts, window_ms=100, lockout_ms=50)
    since: dict[str, list[int]] = {}
    now = 0
    for key, step, passed in steps:
        now += passed
        locked = limiter.check(key, now)
        recent = [at for at in since.get(key, []) if at > now - 100 - 50]
        assert locked is None or (len(recent) >= attempts and 0 < locked <= 50)
        if step == "ok":
            limiter.succeed(key)
            since[key] = []
            assert limiter.check(key, now) is None
        else:
            since.setdefault(key, []).append(now)
            assert 1 <= limiter.fail(key, now) <= attempts


@given(st.integers(1, 20), st.lists(st.integers(0, 100), max_size=200))
def test_memory_is_bounded(max_keys, keys):
    limiter = RateLimiter(max_attempts=2, max_keys=max_keys)
    for key in keys:
        limiter.fail(str(key), 0)
        assert len(limiter) <= 2 * max_keys


def test_a_flood_of_new_addresses_frees_nobody():
    limiter = RateLimiter(max_attempts=3, max_keys=5)
    for _ in range(3):
        limiter.fail("guilty", 0)
    for address in range(1000):
        limiter.fail(f"new-{address}", 1)
    assert limiter.check("guilty", 2) is not None


@pytest.mark.parametrize(
    ("failures", "delay"),
    [
        (-1, 0),
        (0, 0),
        (1, 250),
        (2, 500),
        (3, 1000),
        (4, 2000),
        (5, 4000),
        (6, 5000),
        (7, 5000),
        (10**9, 5000),
    ],
)
def test_local_peers_wait_longer_each_time(failures, delay):
    assert loopback_delay_ms(failures) == delay


def test_every_lock_that_ends_is_heard_of_once():
    released = []
    limiter = RateLimiter(max_attempts=1, lockout_ms=100, max_keys=2, on_release=released.append)
    for at, key in enumerate("abcd"):
        limiter.fail(key, at)
    assert released == ["a", "b"], "room for two"
    limiter.release_expired(101)
    assert released == ["a", "b"]
    limiter.release_expired(102)
    assert released == ["a", "b", "c"]
    assert limiter.check("d", 103) is None
    limiter.succeed("d")
    assert released == ["a", "b", "c", "d"]


def test_restored_locks_end_when_they_would_have():
    limiter = RateLimiter(max_keys=2)
    limiter.restore([("late", 300), ("early", 100), ("middle", 200)])
    assert [limiter.check(key, 50) for key in ("early", "middle", "late")] == [None, 150, 250]
    limiter.release_expired(200)
    assert [limiter.check(key, 200) for key in ("middle", "late")] == [None, 100]


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_whose_failures_count_together(ip, network):
    assert network_of(ip) == network

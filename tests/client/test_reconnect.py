"""Back-off and the rules of when to stop (5.5), by properties."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.client import HandshakeRefusedError, ReconnectPolicy
from openclaw_core.client.reconnect import Retry, Stop, is_terminal
from openclaw_core.errors import ConfigError, GatewayUnreachableError

CHANCE = st.floats(min_value=0, max_value=1, exclude_max=True)
UNREACHABLE = GatewayUnreachableError("nobody")


def refused(code: str, retry_after_ms: int | None = None, **details: Any) -> HandshakeRefusedError:
    return HandshakeRefusedError(
        {"code": "X", "message": "no", "details": {"code": code, **details}, "retryAfterMs": retry_after_ms}
    )


@given(chances=st.lists(CHANCE, min_size=1, max_size=80))
def test_the_window_doubles_from_one_to_thirty_seconds(chances: list[float]) -> None:
    rolls = iter(chances)
    policy = ReconnectPolicy(lambda: next(rolls))
    for failures, chance in enumerate(chances):
        decision = policy.after(UNREACHABLE)
        assert decision == Retry(int(min(30_000, 1_000 * 2**failures) * chance))


@given(failures=st.integers(0, 50), chance=CHANCE)
def test_success_resets(failures: int, chance: float) -> None:
    policy = ReconnectPolicy(lambda: chance)
    for _ in range(failures):
        policy.after(None)
    policy.succeeded()
    assert policy.after(None) == Retry(int(1_000 * chance))


@given(failures=st.integers(0, 20), chance=CHANCE, asked=st.integers(0, 600_000))
def test_never_earlier_than_the_gateway_asks(failures: int, chance: float, asked: int) -> None:
    policy = ReconnectPolicy(lambda: chance)
    for _ in range(failures):
        policy.after(None)
    decision = policy.after(refused("GATEWAY_STARTING", asked))
    assert isinstance(decision, Retry)
    assert decision.delay_ms >= asked


@given(failures=st.integers(0, 50), chance=CHANCE)
def test_waiting_for_pairing_stays_within_its_bounds(failures: int, chance: float) -> None:
    policy = ReconnectPolicy(lambda: chance, wait_for_pairing=True)
    for _ in range(failures):
        policy.after(None)
    decision = policy.after(refused("PAIRING_REQUIRED"))
    assert isinstance(decision, Retry)
    assert 1_000 <= decision.delay_ms <= 5_000


@pytest.mark.parametrize(
    ("error", "at_least", "at_most"),
    [
        (None, 0, 1_000),
        (UNREACHABLE, 0, 1_000),
        (refused("GATEWAY_STARTING", 500), 500, 1_500),
        (refused("PAIRING_REQUIRED"), 1_000, 2_000),
        (refused("PAIRING_REQUIRED", 3_000), 3_000, 4_000),
    ],
)
def test_a_herd_does_not_march_in_step(error: Exception | None, at_least: int, at_most: int) -> None:
    """What made all of them wait at once leaves a whole window for each one's own moment."""
    chance = Random(7)
    delays = []
    for _ in range(2_000):
        decision = ReconnectPolicy(chance.random, wait_for_pairing=True).after(error)
        assert isinstance(decision, Retry)
        delays.append(decision.delay_ms)
    assert at_least <= min(delays)
    assert max(delays) <= at_most
    per_tenth = Counter(10 * (delay - at_least) // (at_most - at_least) for delay in delays)
    assert set(per_tenth) == set(range(10))
    assert max(per_tenth.values()) < 2 * 200


@pytest.mark.parametrize(
    "code",
    [
        "AUTH_TOKEN_MISSING",
        "AUTH_TOKEN_MISMATCH",
        "AUTH_BOOTSTRAP_TOKEN_INVALID",
        "AUTH_PASSWORD_MISSING",
        "AUTH_PASSWORD_MISMATCH",
        "AUTH_RATE_LIMITED",
        "AUTH_DEVICE_TOKEN_MISMATCH",
        "AUTH_SCOPE_MISMATCH",
        "AUTH_IDENTITY_HEADER_REQUIRED",
        "AUTH_VERIFIED_USER_REQUIRED",
        "PAIRING_REQUIRED",
        "DEVICE_IDENTITY_REQUIRED",
        "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
    ],
)
def test_terminal_codes_stop_unless_told_to_wait(code: str) -> None:
    error = refused(code)
    assert ReconnectPolicy().after(error) == Stop(error)
    for hint in ({"pauseReconnect": False}, {"recommendedNextStep": "wait_then_retry"}):
        assert isinstance(ReconnectPolicy().after(refused(code, **hint)), Retry)


def test_what_may_pass_by_itself_is_tried_again() -> None:
    for error in (None, UNREACHABLE, refused("DEVICE_AUTH_SIGNATURE_EXPIRED"), refused("")):
        assert not is_terminal(error)
    assert is_terminal(ConfigError("wrong pin"))

"""When to try again after a lost or refused connection, and when to stop (PROTOCOL 1.4, 5.5)."""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from dataclasses import dataclass

from openclaw_core.client.handshake import HandshakeRefusedError
from openclaw_core.client.tls import CertificateMismatchError
from openclaw_core.errors import ConfigError

__all__ = ["ReconnectPolicy", "Retry", "Stop", "is_pairing_pending", "is_terminal"]

_TERMINAL_CODES = frozenset(
    (
        "AUTH_BOOTSTRAP_TOKEN_INVALID",
        "AUTH_DEVICE_TOKEN_MISMATCH",
        "AUTH_IDENTITY_HEADER_REQUIRED",
        "AUTH_PASSWORD_MISMATCH",
        "AUTH_PASSWORD_MISSING",
        "AUTH_PASSWORD_NOT_CONFIGURED",
        "AUTH_RATE_LIMITED",
        "AUTH_SCOPE_MISMATCH",
        "AUTH_TOKEN_MISMATCH",
        "AUTH_TOKEN_MISSING",
        "AUTH_TOKEN_NOT_CONFIGURED",
        "AUTH_VERIFIED_USER_REQUIRED",
        "CONTROL_UI_ORIGIN_NOT_ALLOWED",
        "DEVICE_AUTH_DEVICE_ID_MISMATCH",
        "DEVICE_AUTH_PUBLIC_KEY_INVALID",
        "PROTOCOL_MISMATCH",
    )
)


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay_ms` milliseconds."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Only a person can help; `error` says why."""

    error: Exception


def is_pairing_pending(error: BaseException | None) -> bool:
    """True for a refusal that an approval of the device lifts (6.2)."""
    return isinstance(error, HandshakeRefusedError) and error.detail_code == "PAIRING_REQUIRED"


def is_terminal(error: BaseException | None) -> bool:
    """True when 5.5 says to stop; the gateway's own `wait_then_retry` overrules that."""
    if isinstance(error, ConfigError | CertificateMismatchError):
        return True
    if not isinstance(error, HandshakeRefusedError):
        return False
    details = error.details or {}
    if details.get("pauseReconnect") is False or details.get("recommendedNextStep") == "wait_then_retry":
        return False
    code = error.detail_code
    return code in _TERMINAL_CODES or code == "PAIRING_REQUIRED" or code.endswith("DEVICE_IDENTITY_REQUIRED")


class ReconnectPolicy:
    """Exponential back-off with full jitter; no clock and no sleep in it.

    Two nodes that lost the same gateway at the same instant share no delay: whatever the
    gateway asks for, or pairing takes at least, the jitter comes on top of it.

    Args:
        random: gives [0, 1).
        initial_ms, max_ms: the window of the first retry, and the widest one.
        wait_for_pairing: keep trying while a person has to approve the device, where a
            client of 5.5 stops.
        pairing_min_ms, pairing_max_ms: bounds of the delay between those tries.
    """

    def __init__(
        self,
        random: Callable[[], float] = _random.random,
        *,
        initial_ms: int = 1_000,
        max_ms: int = 30_000,
        wait_for_pairing: bool = False,
        pairing_min_ms: int = 1_000,
        pairing_max_ms: int = 5_000,
    ) -> None:
        self._random = random
        self._initial_ms = initial_ms
        self._max_ms = max_ms
        self._wait_for_pairing = wait_for_pairing
        self._pairing_ms = (pairing_min_ms, pairing_max_ms)
        self._failures = 0

    def succeeded(self) -> None:
        """A hello-ok arrived: the next delay starts from the beginning."""
        self._failures = 0

    def after(self, error: Exception | None) -> Retry | Stop:
        """What to do after a refused handshake, or, with None, after a lost connection."""
        pending = is_pairing_pending(error)
        if is_terminal(error) and not (pending and self._wait_for_pairing):
            assert error is not None
            return Stop(error)
        # 2**30 widens past any maximum; without the bound the number itself would grow for ever.
        window = min(self._max_ms, self._initial_ms << min(self._failures, 30))
        self._failures += 1
        least, asked = 0, getattr(error, "retry_after_ms", None)
        if pending:
            least, most = self._pairing_ms
            window = min(window, most - least)
        if isinstance(asked, int):
            least = max(least, asked)
        return Retry(least + int(window * self._random()))

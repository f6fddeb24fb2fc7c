"""Counting failed authentications, and when to lock an address out (PROTOCOL 17)."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

__all__ = ["RateLimiter", "loopback_delay_ms", "network_of"]

_FIRST_DELAY_MS = 250
_MAX_DELAY_MS = 5_000


class RateLimiter:
    """Failures per key in a sliding window, in bounded memory.

    Args:
        max_attempts: failures within the window that lock the key.
        window_ms: length of the window.
        lockout_ms: how long a lock holds.
        max_keys: keys remembered at most, counted ones and locked ones apart, so that a
            flood of new addresses never frees a locked one.
        on_release: hears of every key that is not locked any more, by whatever cause.
    """

    __slots__ = (
        "_failures",
        "_lockout_ms",
        "_locks",
        "_max_attempts",
        "_max_keys",
        "_on_release",
        "_window_ms",
    )

    def __init__(
        self,
        max_attempts: int = 10,
        window_ms: int = 60_000,
        lockout_ms: int = 300_000,
        max_keys: int = 10_000,
        on_release: Callable[[str], None] = lambda _key: None,
    ) -> None:
        self._max_attempts = max_attempts
        self._window_ms = window_ms
        self._lockout_ms = lockout_ms
        self._max_keys = max_keys
        self._on_release = on_release
        # In order of last use and of their end: the first entry is the one to forget.
        self._failures: OrderedDict[str, deque[int]] = OrderedDict()
        self._locks: OrderedDict[str, int] = OrderedDict()

    def check(self, key: str, now_ms: int) -> int | None:
        """How many ms the key stays locked, or None when it may try."""
        until = self._locks.get(key)
        if until is None:
            return None
        if until <= now_ms:
            self.succeed(key)
            return None
        return until - now_ms

    def restore(self, locks: Iterable[tuple[str, int]]) -> None:
        """Lock keys until the Unix ms given with each: what an earlier process had locked."""
        for key, until in sorted(locks, key=lambda lock: lock[1]):
            self._lock(key, until)

    def fail(self, key: str, now_ms: int) -> int:
        """Count a failure; returns the failures within the window, at most `max_attempts`."""
        if self.check(key, now_ms) is not None:
            return self._max_attempts
        times = self._failures.setdefault(key, deque(maxlen=self._max_attempts))
        self._failures.move_to_end(key)
        while times and times[0] <= now_ms - self._window_ms:
            times.popleft()
        times.append(now_ms)
        if len(times) >= self._max_attempts:
            del self._failures[key]
            self._lock(key, now_ms + self._lockout_ms)
            return self._max_attempts
        if len(self._failures) > self._max_keys:
            self._failures.popitem(last=False)
        return len(times)

    def succeed(self, key: str) -> None:
        """Forget the key's failures and its lock."""
        self._failures.pop(key, None)
        if self._locks.pop(key, None) is not None:
            self._on_release(key)

    def release_expired(self, now_ms: int) -> None:
        """Forget the locks whose time is over; cheap, and worth a call each second."""
        while self._locks and next(iter(self._locks.values())) <= now_ms:
            self.succeed(next(iter(self._locks)))

    def __len__(self) -> int:
        return len(self._failures) + len(self._locks)

    def _lock(self, key: str, until_ms: int) -> None:
        self._locks[key] = until_ms
        if len(self._locks) > self._max_keys:
            self.succeed(next(iter(self._locks)))


def network_of(ip: str) -> str:
    """Whose failures count together: one address, or the /64 that one IPv6 host commands."""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))


def loopback_delay_ms(failures: int) -> int:
    """Delay of the answer to the n-th failure of a local peer, in ms: 250·2ⁿ⁻¹, at most 5000."""
    if failures < 1:
        return 0
    # Beyond 2^5 the cap holds anyway; a huge count must not become a huge shift.
    return min(_FIRST_DELAY_MS << min(failures - 1, 5), _MAX_DELAY_MS)

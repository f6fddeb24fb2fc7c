"""Counting failed authentications, and when to lock an address out (PROTOCOL 17)."""

from __future__ import annotations

from collections import OrderedDict, deque

__all__ = ["RateLimiter", "loopback_delay_ms"]

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
    """

    __slots__ = ("_failures", "_lockout_ms", "_locks", "_max_attempts", "_max_keys", "_window_ms")

    def __init__(
        self,
        max_attempts: int = 10,
        window_ms: int = 60_000,
        lockout_ms: int = 300_000,
        max_keys: int = 10_000,
    ) -> None:
        self._max_attempts = max_attempts
        self._window_ms = window_ms
        self._lockout_ms = lockout_ms
        self._max_keys = max_keys
        # Both are in order of last use: the first entry is the one to forget.
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
            self._locks[key] = now_ms + self._lockout_ms
            self._forget(self._locks)
            return self._max_attempts
        self._forget(self._failures)
        return len(times)

    def succeed(self, key: str) -> None:
        """Forget the key's failures and its lock."""
        self._failures.pop(key, None)
        self._locks.pop(key, None)

    def __len__(self) -> int:
        return len(self._failures) + len(self._locks)

    def _forget(self, known: OrderedDict[str, deque[int]] | OrderedDict[str, int]) -> None:
        if len(known) > self._max_keys:
            known.popitem(last=False)


def loopback_delay_ms(failures: int) -> int:
    """Delay of the answer to the n-th failure of a local peer, in ms: 250·2ⁿ⁻¹, at most 5000."""
    if failures < 1:
        return 0
    # Beyond 2^5 the cap holds anyway; a huge count must not become a huge shift.
    return min(_FIRST_DELAY_MS << min(failures - 1, 5), _MAX_DELAY_MS)

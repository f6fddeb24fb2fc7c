"""Addresses that are locked out for failed authentications; a restart sets nobody free (PROTOCOL 17).

Decisions are taken in memory. The store is written when an address is locked or set free, which
costs an attacker `maxAttempts` failures each time; failures that were only counted are forgotten
by a restart.
"""

from __future__ import annotations

from collections.abc import Callable

from openclaw_core.auth.rate_limit import RateLimiter
from openclaw_core.config import RateLimitConfig
from openclaw_core.services.audit import Audit
from openclaw_core.store.base import Remove, Save, Store
from openclaw_core.store.models import Lockout

__all__ = ["Lockouts"]


class Lockouts:
    """Counts failures per key, an address or network; `now_ms` gives Unix milliseconds."""

    def __init__(self, store: Store, audit: Audit, limit: RateLimitConfig, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._audit = audit
        self._limit = limit
        self._now_ms = now_ms
        self._limiter = RateLimiter(
            limit.max_attempts, limit.window_ms, limit.lockout_ms, on_release=self._forget
        )

    async def load(self) -> None:
        """Take over what an earlier process had locked; once, before the first connection.

        No lock outlasts the `lockoutMs` of today: who shortened it need not wait.
        """
        latest = self._now_ms() + self._limit.lockout_ms
        rows = await self._store.load(Lockout)
        self._limiter.restore((row.key, min(row.until_ms, latest)) for row in rows)
        self.release_expired()

    def check(self, key: str) -> int | None:
        """How many ms the key stays locked, or None when it may try."""
        return self._limiter.check(key, self._now_ms())

    async def fail(self, key: str) -> None:
        """Count a failure; a lock that it brings is durable when this returns.

        Raises:
            StoreError: the lock holds, but this process only.
        """
        now = self._now_ms()
        if self._limiter.check(key, now) is not None:
            return
        self._limiter.fail(key, now)
        left_ms = self._limiter.check(key, now)
        if left_ms is not None:
            row = Lockout(key=key, until_ms=now + left_ms)
            entry = self._audit.entry("auth.lockout", "rule:rate-limit", key, "refused", lockoutMs=left_ms)
            await self._store.write(Save(row), entry)

    def succeed(self, key: str) -> None:
        """Forget the key's failures."""
        self._limiter.succeed(key)

    def release_expired(self) -> None:
        """Forget the locks whose time is over; each second."""
        self._limiter.release_expired(self._now_ms())

    def _forget(self, key: str) -> None:
        self._store.write_behind(Remove(Lockout, key))

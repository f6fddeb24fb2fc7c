"""How late the event loop runs and whether the store moves: what `/ready` answers with."""

from __future__ import annotations

import asyncio
from collections import deque
from statistics import median
from typing import Any

from openclaw_core.store.base import Store

__all__ = ["Pulse"]

INTERVAL_SECONDS = 1.0
_LATE_SECONDS = 0.5
_LATE_BEATS = 5  # one slow moment is not an overload
_STILL_BEATS = 5
_KEPT_BEATS = 60


class Pulse:
    """One timer a second, from its making until `stop`.

    Attributes:
        lag: seconds by which the last beat came late.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, store: Store) -> None:
        self._loop = loop
        self._store = store
        self._lags: deque[float] = deque(maxlen=_KEPT_BEATS)
        self._commits = store.commits
        self._still = 0  # beats for which changes waited and none was stored
        self._late_since: float | None = None
        self._due = loop.time() + INTERVAL_SECONDS
        self._timer = loop.call_at(self._due, self._beat)
        self.lag = 0.0

    def stop(self) -> None:
        """End."""
        self._timer.cancel()

    @property
    def worst_lag(self) -> float:
        """Seconds; the worst of the last minute."""
        return max(self._lags, default=0.0)

    def failing(self) -> list[str]:
        """What keeps the gateway from doing its work now: `store`, `eventLoop`."""
        found = ["store"] if self._store.stuck is not None or self._still >= _STILL_BEATS else []
        return [*found, "eventLoop"] if self._late_since is not None else found

    def report(self) -> dict[str, Any]:
        """The `eventLoop` object of `/ready`; times in milliseconds."""
        late = self._late_since is not None
        since = (self._loop.time() - self._late_since) * 1000 if self._late_since is not None else 0
        return {
            "degraded": late,
            "degradedSinceMs": int(since) if late else None,
            "reasons": ["event_loop_delay"] if late else [],
            "intervalMs": int(INTERVAL_SECONDS * 1000),
            "delayMs": round(self.lag * 1000, 3),
            "maxDelayMs": round(self.worst_lag * 1000, 3),
        }

    def _beat(self) -> None:
        now = self._loop.time()
        self.record(max(0.0, now - self._due))
        self._due = now + INTERVAL_SECONDS
        self._timer = self._loop.call_at(self._due, self._beat)

    def record(self, lag: float) -> None:
        """One beat that came `lag` seconds late."""
        self.lag = lag
        self._lags.append(lag)
        recent = list(self._lags)[-_LATE_BEATS:]
        if len(recent) == _LATE_BEATS and median(recent) >= _LATE_SECONDS:
            self._late_since = self._late_since if self._late_since is not None else self._loop.time()
        else:
            self._late_since = None
        moved = self._store.commits != self._commits or not self._store.pending
        self._still = 0 if moved else self._still + 1
        self._commits = self._store.commits

"""Counters that cost an integer add where things happen; `/metrics` reads them when asked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container

__all__ = ["BUCKETS_MS", "OTHER", "Tally"]

BUCKETS_MS = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)
"""Upper bounds of the invoke latency histogram; one more bucket takes what is slower."""

OTHER = "other"
"""Stands for commands no loaded family knows, and for codes past the first 64."""

_MOST_CODES = 64


class Tally:
    """Counts of one gateway since its start; labels never grow without bound.

    Args:
        known: commands of loaded families; all others are counted as `other`.

    Attributes:
        handshakes: outcome (`ok`, or the code of the refusal) → connects.
        invokes: (command, outcome) → invokes answered.
        latency: command → counts per bucket of `BUCKETS_MS`, not cumulative.
        latency_seconds: command → sum.
    """

    def __init__(self, known: Container[str]) -> None:
        self._known = known
        self.handshakes: dict[str, int] = {}
        self.invokes: dict[tuple[str, str], int] = {}
        self.latency: dict[str, list[int]] = {}
        self.latency_seconds: dict[str, float] = {}

    def handshake(self, outcome: str) -> None:
        """Count a connect."""
        counts = self.handshakes
        if outcome not in counts and len(counts) >= _MOST_CODES:
            outcome = OTHER
        counts[outcome] = counts.get(outcome, 0) + 1

    def refused_invoke(self, command: str) -> None:
        """Count an invoke that was not sent."""
        self._count(command if command in self._known else OTHER, "refused")

    def invoke(self, command: str, outcome: str, seconds: float) -> None:
        """Count an invoke that was sent and answered, with the time between."""
        name = command if command in self._known else OTHER
        self._count(name, outcome)
        buckets = self.latency.get(name)
        if buckets is None:
            buckets = self.latency[name] = [0] * (len(BUCKETS_MS) + 1)
            self.latency_seconds[name] = 0.0
        buckets[bisect_left(BUCKETS_MS, seconds * 1000)] += 1
        self.latency_seconds[name] += seconds

    def _count(self, command: str, outcome: str) -> None:
        key = (command, outcome)
        self.invokes[key] = self.invokes.get(key, 0) + 1

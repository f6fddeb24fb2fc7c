"""Figures of all runs: medians per peer, ratios between peers, and what is expected of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

__all__ = ["EXPECTED", "Expectation", "PeerFigures", "judge", "per_core"]

Run = dict[str, Any]


@dataclass(slots=True)
class PeerFigures:
    """All runs of one peer; `None` or empty where a scenario was not measured."""

    title: str
    start_s: list[float] = field(default_factory=list)
    ready_s: list[float] = field(default_factory=list)
    code_load_s: list[float] = field(default_factory=list)
    rss_after_start_kib: list[int] = field(default_factory=list)
    invokes: dict[int, list[Run]] = field(default_factory=dict)
    handshakes: list[Run] = field(default_factory=list)
    idle: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def invoke(self, in_flight: int, name: str) -> float | None:
        """Median over the runs of one invoke figure."""
        return _median(self.invokes.get(in_flight, []), lambda run: run[name])

    def handshake(self, name: str) -> float | None:
        """Median over the runs of one handshake figure."""
        return _median(self.handshakes, lambda run: run[name])

    def idle_kib(self, nodes: int) -> float | None:
        """KiB of server memory per idle node, or None when that count was not reached."""
        per_node: float | None = self.idle.get(str(nodes), {}).get("per_node_kib")
        return per_node

    def medians(self) -> dict[str, Any]:
        """The figures a reader compares, as stored beside the raw runs."""
        names = ("per_second", "p50_ms", "p99_ms", "server_cpu_us", "load_cpu_us", "refused")
        return {
            "start_s": median(self.start_s) if self.start_s else None,
            "ready_s": median(self.ready_s) if self.ready_s else None,
            "code_load_s": median(self.code_load_s) if self.code_load_s else None,
            "invoke": {depth: {name: self.invoke(depth, name) for name in names} for depth in self.invokes},
            "handshake": {name: self.handshake(name) for name in names[:5]},
            "idle": self.idle,
        }


@dataclass(frozen=True, slots=True)
class Expectation:
    """Ours must do at least `factor` times the invoke rate of `rival`."""

    rival: str
    factor: float


EXPECTED = (Expectation("real", 50.0), Expectation("sansio", 0.5))


def per_core(figures: PeerFigures, in_flight: int) -> float | None:
    """Invokes per second of server CPU: what one core gives, whatever else shares the machine."""
    cpu_us = figures.invoke(in_flight, "server_cpu_us")
    return 1e6 / cpu_us if cpu_us else None


def judge(peers: Mapping[str, PeerFigures], depths: list[int]) -> list[tuple[Expectation, int, float, bool]]:
    """Each expectation at each depth that both sides were measured at: ratio, and whether it holds.

    At depth 1 both sides mostly wait for wake-ups, so the rate says little about a core;
    the ratio of CPU per invoke is the one that is judged, at every depth.
    """
    verdicts = []
    for expectation in EXPECTED:
        for depth in depths:
            if "ours" not in peers or expectation.rival not in peers:
                continue
            ours = per_core(peers["ours"], depth)
            rival = per_core(peers[expectation.rival], depth)
            if ours and rival:
                ratio = ours / rival
                verdicts.append((expectation, depth, ratio, ratio >= expectation.factor))
    return verdicts


def _median(runs: list[Run], pick: Callable[[Run], float]) -> float | None:
    return median(pick(run) for run in runs) if runs else None

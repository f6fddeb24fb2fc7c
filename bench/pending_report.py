"""The durable queue's figures as a table: rates by tenths, flatness, and what it takes to hold items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["ENQUEUE_FACTOR", "Phase", "QueueFigures", "print_queue_report"]

ENQUEUE_FACTOR = 20.0
"""A durable enqueue is expected to be this many times as cheap as an invoke of the original."""
FLAT = 0.8
"""A last tenth at this part of the first tenth's rate per core second still counts as flat."""
TENTHS = 10
WIDTH = 170


@dataclass
class Phase:
    """One kind of request: wall rate, and the server's user and system time per item, by tenths."""

    name: str
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    @property
    def per_core(self) -> float:
        """Items per second of server CPU, median of the tenths."""
        return 1e6 / median(self.cpu_us)

    @property
    def flatness(self) -> float:
        """The last tenth's items per core second over the first's; 1 is flat, less is slower."""
        return self.cpu_us[0] / self.cpu_us[-1]


@dataclass
class QueueFigures:
    """What one run found; sizes in bytes, times in seconds.

    Attributes:
        rival_invokes: the original's invokes per core second by requests in flight; empty when
            it was not measured.
        loads: the machine's load average around each phase, this bench included.
    """

    items: int
    nodes: int
    in_flight: int
    phases: list[Phase] = field(default_factory=list)
    rival_invokes: dict[int, float] = field(default_factory=dict)
    empty_bytes: int = 0
    full_bytes: int = 0
    restarted_bytes: int = 0
    start_empty_s: float = 0.0
    start_full_s: float = 0.0
    database_bytes: int = 0
    done_database_bytes: int = 0
    loads: list[float] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Everything, for a JSON file."""
        derived = {
            phase.name: {"per_core_second": phase.per_core, "flatness": phase.flatness}
            for phase in self.phases
        }
        return {**asdict(self), "derived": derived}


def print_queue_report(figures: QueueFigures) -> None:
    """Print it; whatever it says, nothing fails here."""
    console = Console(width=WIDTH)
    title = f"{figures.items:,} items over {figures.nodes:,} nodes, {figures.in_flight} requests in flight"
    for what, digits in (("items per second", 0), ("server CPU µs per item", 0)):
        console.print(f"{title}: {what}", highlight=False)
        table = Table()
        table.add_column("tenth")
        for number in range(1, TENTHS + 1):
            table.add_column(str(number), justify="right")
        for phase in figures.phases:
            row = phase.rates if what == "items per second" else phase.cpu_us
            table.add_row(phase.name, *(f"{value:,.{digits}f}" for value in row))
        console.print(table)
    for line in _facts(figures):
        console.print(line, markup=False, soft_wrap=True, highlight=False)


def _facts(figures: QueueFigures) -> list[str]:
    lines = [f"load average from {min(figures.loads):.1f} to {max(figures.loads):.1f} on the way"]
    for phase in figures.phases:
        word = "holds" if phase.flatness >= FLAT else "MISSED"
        lines.append(
            f"{phase.name}: {phase.per_core:,.0f} per core second ({median(phase.cpu_us):.0f} µs each); "
            f"{word}: flatness, last tenth over first, {phase.flatness:.2f} (expected at least {FLAT:g})"
        )
    lines += _compare(figures.phases[0], figures.rival_invokes)
    grown = (figures.full_bytes - figures.empty_bytes) / figures.items
    return [
        *lines,
        f"gateway memory: {_mib(figures.empty_bytes)} before, {_mib(figures.full_bytes)} with all items "
        f"waiting ({grown:,.0f} bytes each), {_mib(figures.restarted_bytes)} after a restart with them",
        f"start to first accepted connect: {figures.start_empty_s:.2f} s with an empty queue, "
        f"{figures.start_full_s:.2f} s with all items waiting",
        f"database: {_mib(figures.database_bytes)} with all items waiting, "
        f"{_mib(figures.done_database_bytes)} when all are done",
    ]


def _compare(enqueue: Phase, invokes: Mapping[int, float]) -> list[str]:
    if not invokes:
        return ["the original gateway was not measured: no ratio to its invoke rate"]
    lines = []
    for in_flight, rate in invokes.items():
        ratio = enqueue.per_core / rate
        word = "holds" if ratio >= ENQUEUE_FACTOR else "MISSED"
        lines.append(
            f"{word}: a durable enqueue is {ratio:.1f}x the original's invoke rate of {rate:,.0f} per core "
            f"second at {in_flight} in flight (expected at least {ENQUEUE_FACTOR:g}x)"
        )
    return lines


def _mib(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB"

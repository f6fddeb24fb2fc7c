"""The bench report: a table for people, one JSON file for later comparison."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import orjson
from rich.console import Console
from rich.table import Table

from bench.figures import PeerFigures, judge, per_core

__all__ = ["print_report", "write_results"]

Cell = Callable[[PeerFigures], float | None]
IDLE_COUNTS = (500, 5000)
PIPED_WIDTH = 150


def print_report(peers: Mapping[str, PeerFigures], depths: list[int]) -> None:
    """Print the table, the ratios and the verdicts."""
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    first = next(iter(peers))
    table = Table(title="Same load, one server core, medians", title_justify="left")
    table.add_column("figure")
    for figures in peers.values():
        table.add_column(figures.title, justify="right")
    for rival in list(peers)[1:]:
        table.add_column(f"{first} : {rival}", justify="right")
    for label, cell, digits in _rows(depths):
        values = [cell(figures) for figures in peers.values()]
        shown = ["–" if value is None else f"{value:,.{digits}f}" for value in values]
        table.add_row(label, *shown, *(_ratio(values[0], value) for value in values[1:]))
    console.print(table)
    for figures in peers.values():
        for failure in dict.fromkeys(figures.failures):
            console.print(f"{figures.title}: {failure}", markup=False, soft_wrap=True)
    verdicts = judge(peers, depths)
    for expectation, depth, ratio, holds in verdicts:
        word = "holds" if holds else "MISSED"
        console.print(
            f"{word}: per core, {depth} in flight, ours is {ratio:.2f}x {expectation.rival} "
            f"(expected at least {expectation.factor:g}x)"
        )


def write_results(
    peers: Mapping[str, PeerFigures], depths: list[int], settings: Mapping[str, object], folder: Path
) -> Path:
    """Write raw runs, medians and verdicts as JSON; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    taken_at = datetime.now(UTC)
    document = {
        "taken_at": taken_at.isoformat(timespec="seconds"),
        "machine": _machine(),
        "settings": settings,
        "medians": {name: figures.medians() for name, figures in peers.items()},
        "verdicts": [
            {**asdict(expectation), "in_flight": depth, "ratio": ratio, "holds": holds}
            for expectation, depth, ratio, holds in judge(peers, depths)
        ],
        "runs": {name: asdict(figures) for name, figures in peers.items()},
    }
    path = folder / f"{taken_at:%Y-%m-%dT%H%M%S}-{'-'.join(peers)}.json"
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    path.write_bytes(orjson.dumps(document, option=options) + b"\n")
    return path


def _rows(depths: list[int]) -> list[tuple[str, Cell, int]]:
    rows: list[tuple[str, Cell, int]] = []
    for depth in depths:
        rows += [
            (f"invokes/s, {depth} in flight", _invoke(depth, "per_second"), 0),
            (f"invokes per core second, {depth}", _per_core(depth), 0),
            (f"  server CPU µs per invoke, {depth}", _invoke(depth, "server_cpu_us"), 1),
            (f"  generator CPU µs per invoke, {depth}", _invoke(depth, "load_cpu_us"), 1),
            (f"  p50 ms, {depth}", _invoke(depth, "p50_ms"), 2),
            (f"  p99 ms, {depth}", _invoke(depth, "p99_ms"), 2),
            (f"  refused, {depth}", _invoke(depth, "refused"), 0),
        ]
    rows += [
        ("handshakes/s", lambda each: each.handshake("per_second"), 0),
        ("  server CPU µs per handshake", lambda each: each.handshake("server_cpu_us"), 0),
        ("  generator CPU µs per handshake", lambda each: each.handshake("load_cpu_us"), 0),
        ("  p99 ms", lambda each: each.handshake("p99_ms"), 1),
    ]
    rows += [(f"KiB per idle node, {count}", _idle(count), 1) for count in IDLE_COUNTS]
    return [
        *rows,
        ("MiB resident after start", lambda each: _mib(each.rss_after_start_kib), 0),
        ("start-up s (spawn to /health)", lambda each: _middle(each.start_s), 2),
        ("  spawn to first accepted connect s", lambda each: _middle(each.ready_s), 2),
        ("  loading the code s", lambda each: _middle(each.code_load_s), 2),
    ]


def _invoke(depth: int, name: str) -> Cell:
    return lambda each: each.invoke(depth, name)


def _per_core(depth: int) -> Cell:
    return lambda each: per_core(each, depth)


def _idle(count: int) -> Cell:
    return lambda each: each.idle_kib(count)


def _middle(values: list[float]) -> float | None:
    return median(values) if values else None


def _mib(values: list[int]) -> float | None:
    return median(values) / 1024 if values else None


def _ratio(mine: float | None, other: float | None) -> str:
    return f"{mine / other:.2f}" if mine is not None and other else "–"


def _machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "websockets": version("websockets"),
        "uvloop": version("uvloop"),
        "orjson": version("orjson"),
    }

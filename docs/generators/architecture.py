"""The picture of the house: its rooms by floor and who imports whom, both read from the code."""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path

import grimp

from docs.generators.svg import box, picture

__all__ = ["EVERYBODYS", "arrows", "floors", "imports"]

ROOT = Path(__file__).parents[2]
PACKAGE = "openclaw_core"
WIDTH, ROOM, HEIGHT, FLOOR = 1000, 150, 38, 84
EVERYBODYS = "errors"
"""Nearly every room imports it, and the lines would hide the others."""


def floors() -> list[list[str]]:
    """The layers that import-linter holds, highest first: names of modules of the package."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = told["tool"]["importlinter"]["contracts"]
    layers = next(item["layers"] for item in contracts if item["type"] == "layers")
    return [[name.strip().removeprefix(f"{PACKAGE}.") for name in layer.split("|")] for layer in layers]


def imports() -> dict[tuple[str, str], int]:
    """(importing room, imported room) → how many modules do so."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    rooms = {name for floor in floors() for name in floor}
    found: dict[tuple[str, str], int] = {}
    for module in graph.modules:
        start = _room(module)
        for target in graph.find_modules_directly_imported_by(module):
            end = _room(target)
            if start != end and {start, end} <= rooms:
                found[start, end] = found.get((start, end), 0) + 1
    return found


def _room(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.").partition(".")[0]


def arrows(_: str) -> str:
    """The picture as SVG: thicker lines for more imports, each with its count as a tooltip."""
    place: dict[str, tuple[float, float]] = {}
    for level, floor in enumerate(floors()):
        for index, room in enumerate(floor):
            # Every other floor steps aside, so that a line of three floors does not run through a room.
            x = WIDTH * (index + 1) / (len(floor) + 1) + (level % 3 - 1) * (
                WIDTH / 5 if len(floor) == 1 else 40
            )
            place[room] = (x, 30.0 + level * FLOOR)
    lines = [
        _line(place[a], place[b], f"{a} imports {b}", count)
        for (a, b), count in sorted(imports().items())
        if b != EVERYBODYS
    ]
    rooms = [box(name, x, y, ROOM, HEIGHT) for name, (x, y) in place.items()]
    height = 30 + FLOOR * len(floors())
    return picture("Rooms of openclaw_core and their imports", WIDTH, height, [*lines, *rooms]) + "\n"


def _line(start: tuple[float, float], end: tuple[float, float], says: str, count: int) -> str:
    (x1, y1), (x2, y2) = start, (end[0], end[1] - HEIGHT / 2 - 2)
    width = min(0.6 + count / 12, 4)
    return (
        f'<g class="import"><title>{escape(says)}: {count}</title>'
        f'<path class="arrow" stroke-width="{width:.1f}" '
        f'd="M{x1:.0f} {y1 + HEIGHT / 2:.0f} L{x2:.0f} {y2:.0f}"/>'
        f'<circle class="tip" cx="{x2:.0f}" cy="{y2:.0f}" r="3"/></g>'
    )

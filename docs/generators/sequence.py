"""Sequence diagrams as SVG, drawn when the site is built.

One line each: `title: TEXT`, `A -> B: text` (`-->` is dashed, for an answer), `note A: text`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

from docs.generators.svg import box, picture

__all__ = ["Sequence", "draw", "fence", "parse"]

WIDTH, LEFT, TOP, STEP = 230, 110, 56, 46
ARROW = re.compile(r"(\w+) (-->|->) (\w+): (.+)")
NOTE = re.compile(r"note (\w+): (.+)")
TITLE = re.compile(r"title: (.+)")


@dataclass
class Sequence:
    """A parsed diagram.

    Attributes:
        actors: in the order they first act.
        steps: (from, to, text, dashed); a note goes from an actor to nobody.
    """

    title: str = "Sequence diagram"
    actors: list[str] = field(default_factory=list)
    steps: list[tuple[str, str | None, str, bool]] = field(default_factory=list)


def parse(source: str) -> Sequence:
    """Read the text form.

    Raises:
        ValueError: a line that is none of the three.
    """
    made = Sequence()
    for line in filter(None, map(str.strip, source.splitlines())):
        if titled := TITLE.fullmatch(line):
            made.title = titled[1]
        elif arrow := ARROW.fullmatch(line):
            made.steps.append((arrow[1], arrow[3], arrow[4], arrow[2] == "-->"))
        elif note := NOTE.fullmatch(line):
            made.steps.append((note[1], None, note[2], False))
        else:
            raise ValueError(f"not a line of a sequence: {line!r}; write `A -> B: text` or `note A: text`")
        made.actors += [
            name for step in made.steps[-1:] for name in step[:2] if name and name not in made.actors
        ]
    return made


def fence(source: str, *_: Any, **__: Any) -> str:
    """For pymdownx.superfences."""
    return draw(parse(source))


def draw(made: Sequence) -> str:
    """The diagram as an SVG element that follows the page's colours."""
    place = {name: LEFT + index * WIDTH for index, name in enumerate(made.actors)}
    height = TOP + STEP * len(made.steps) + 20
    parts = [_actor(name, x, height) for name, x in place.items()]
    for index, (start, end, text, dashed) in enumerate(made.steps):
        y = TOP + 34 + index * STEP
        parts.append(
            _note(place[start], y, text) if end is None else _arrow(place[start], place[end], y, text, dashed)
        )
    width = LEFT * 2 + WIDTH * (len(made.actors) - 1)
    return picture(made.title, width, height, parts)


def _actor(name: str, x: int, height: int) -> str:
    return box(name, x, 24, 140, 32) + f'<line class="life" x1="{x}" y1="40" x2="{x}" y2="{height}"/>'


def _note(x: int, y: int, text: str) -> str:
    half = 6 + len(text) * 3.4
    return (
        f'<rect class="note" x="{x - half}" y="{y - 22}" width="{2 * half}" height="26" rx="3"/>'
        f'<text x="{x}" y="{y - 5}" text-anchor="middle">{escape(text)}</text>'
    )


def _arrow(start: int, end: int, y: int, text: str, dashed: bool) -> str:
    tip = 8 if end < start else -8
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<line class="arrow" x1="{start}" y1="{y}" x2="{end}" y2="{y}"{dash}/>'
        f'<path class="tip" d="M{end} {y} l{tip} -4 l0 8 z"/>'
        f'<text x="{(start + end) / 2}" y="{y - 7}" text-anchor="middle">{escape(text)}</text>'
    )

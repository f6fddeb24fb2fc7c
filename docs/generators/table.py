"""Tables of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["bounds", "code", "plain", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as Markdown; a bar inside a cell does not end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(plain(cell) for cell in line)} |" for line in lines) + "\n"


def plain(text: str) -> str:
    """A text on one line, fit for a cell."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def code(value: object) -> str:
    """A value in code style; an empty text for None."""
    return "" if value is None else f"`{value}`"


def bounds(low: object, high: object) -> str:
    """What lies between two ends, either of which may be None; empty without both."""
    if low is not None and high is not None:
        return f"{low} … {high}"
    return f"≥ {low}" if low is not None else f"≤ {high}" if high is not None else ""

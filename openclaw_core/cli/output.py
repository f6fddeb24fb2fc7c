"""Printing: rich tables on a terminal, plain aligned text when piped.

Names come from devices, that is from strangers: nothing they contain may drive the
terminal, so control characters are made visible before anything is printed.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from dataclasses import dataclass
from typing import Any

__all__ = [
    "SHORT_ID_CHARS",
    "Column",
    "Table",
    "clean",
    "print_json",
    "print_line",
    "print_table",
    "render_plain",
]

SHORT_ID_CHARS = 12


@dataclass(frozen=True, slots=True)
class Column:
    """A column: an `is_id` one is never wrapped; a terminal shows its first 12 characters,
    which every `--node` and `--device` accepts."""

    name: str
    is_id: bool = False
    no_wrap: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under column names, with an optional title line."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str | None = None


def clean(text: str) -> str:
    """The text with control and direction characters shown as escapes, e.g. `\\x1b`."""
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    if unicodedata.category(char) == "Cs":
        return "�"
    return char.encode("unicode_escape").decode("ascii")


def print_json(value: Any) -> None:
    """Indented JSON on stdout; key order as given."""
    # ASCII-escaping lone surrogates keeps any payload printable; other text stays readable.
    text = json.dumps(value, indent=2, ensure_ascii=False)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def print_line(text: str = "") -> None:
    """One line on stdout."""
    sys.stdout.write(clean(text) + "\n")


def print_table(table: Table) -> None:
    """The table on stdout, in the form the other end can use."""
    if table.title is not None:
        print_line(table.title)
    if sys.stdout.isatty():
        _print_rich(table)
    else:
        sys.stdout.write(render_plain(table))


def render_plain(table: Table) -> str:
    """Aligned columns, two spaces apart, a header line first, `-` for an empty cell."""
    header = tuple(column.name for column in table.columns)
    lines = [header, *(tuple(clean(cell) or "-" for cell in row) for row in table.rows)]
    widths = [max(_width(line[index]) for line in lines) for index in range(len(header))]
    return "".join(_join(line, widths) + "\n" for line in lines)


def _join(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(
        cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
    ).rstrip()


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _print_rich(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(highlight=False)
    for column in table.columns:
        grid.add_column(column.name, no_wrap=column.is_id or column.no_wrap, overflow="fold")
    for row in table.rows:
        cells = (
            cell[:SHORT_ID_CHARS] if column.is_id else clean(cell)
            for column, cell in zip(table.columns, row, strict=True)
        )
        grid.add_row(*(Text(cell) for cell in cells))
    Console(soft_wrap=False).print(grid)

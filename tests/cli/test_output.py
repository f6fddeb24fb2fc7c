"""What is printed is readable, aligned, and harmless to the terminal."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.cli.output import Column, Table, clean, print_json, print_table, render_plain

from .payloads import NODE_ID, OTHER_ID

TABLE = Table((Column("Node"), Column("ID", is_id=True)), (("Lab", NODE_ID), ("", OTHER_ID)), title="Paired")


def test_plain_columns_are_aligned_and_ids_whole() -> None:
    assert render_plain(TABLE).splitlines() == ["Node  ID", f"Lab   {NODE_ID}", f"-     {OTHER_ID}"]


def test_wide_characters_keep_the_columns_aligned() -> None:
    table = Table((Column("N"), Column("X")), (("電話", "1"), ("ab", "2")))
    assert render_plain(table) == "N     X\n電話  1\nab    2\n"


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_a_row_is_one_line_whatever_it_holds(rows: list[tuple[str, str]]) -> None:
    table = Table((Column("A"), Column("B")), tuple(rows))
    assert len(render_plain(table).split("\n")) == len(rows) + 2


@given(st.text())
def test_nothing_can_drive_the_terminal(text: str) -> None:
    shown = clean(text)
    assert all(char.isprintable() or char.isspace() for char in shown)
    assert not {"\x1b", "\r", "\n", "\x9b", "\u202e"} & set(shown)


def test_an_escape_sequence_is_shown() -> None:
    assert clean("\x1b[31mred\u202e") == "\\x1b[31mred\\u202e"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_box_with_short_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "80")
    print_table(Table(TABLE.columns, (("[bold]x[/bold]", NODE_ID),), title="Paired"))
    shown = screen.getvalue()
    assert shown.startswith("Paired\n")
    assert "│" in shown
    assert "[bold]x[/bold]" in shown
    assert NODE_ID[:12] in shown
    assert NODE_ID not in shown


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_comes_back_as_it_went(value: object) -> None:
    stream = io.StringIO()
    original, sys.stdout = sys.stdout, stream
    try:
        print_json(value)
    finally:
        sys.stdout = original
    assert json.loads(stream.getvalue()) == value


def test_json_with_a_lone_surrogate_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "\ud800"})
    assert json.loads(capsys.readouterr().out) == {"name": "\ud800"}

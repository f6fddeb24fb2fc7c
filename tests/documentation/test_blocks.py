"""The pages are written so that a test can run them, and the runner notices what is wrong."""

from __future__ import annotations

import pytest

from docs.generators import GENERATORS, MARK
from docs.generators.sequence import parse
from tests.documentation.blocks import DOCS, KINDS, blocks, pages
from tests.documentation.expectation import matches, steps


@pytest.mark.parametrize("page", pages())
def test_every_block_is_of_a_known_kind(page: str) -> None:
    strange = [(block.place, block.kind) for block in blocks(page) if block.kind not in KINDS]
    assert strange == [], f"known kinds: {', '.join(KINDS)}"


@pytest.mark.parametrize("page", pages())
def test_no_block_escapes_the_runner(page: str) -> None:
    """Neither an indented block nor a fence that the runner's pattern does not see."""
    text = (DOCS / page).read_text("utf-8")
    fences = sum(line.lstrip().startswith("```") for line in text.splitlines())
    assert fences == 2 * len(list(blocks(page)))
    assert "\n\n    " not in text.replace("\n\n    - ", ""), (
        "write ```json5 or ```console, not an indented block"
    )


@pytest.mark.parametrize("page", pages())
def test_every_console_block_begins_with_a_command(page: str) -> None:
    texts = [block.text.removeprefix("^C\n") for block in blocks(page) if block.kind == "console"]
    assert all(steps(text) for text in texts if text)


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = [block.why for page in pages() for block in blocks(page) if block.why is not None]
    assert all(len(reason.split()) >= 4 for reason in reasons), reasons


def test_sequences_name_methods_and_events_that_exist() -> None:
    from docs.coverage import collect

    named = [
        word.strip("`,")
        for page in pages()
        for block in blocks(page)
        if block.kind == "sequence"
        for _, _, text, _ in parse(block.text).steps
        for word in text.split()
        if word.partition(".")[0] in ("node", "device", "connect") and "." in word.strip(".")
    ]
    assert named
    assert set(named) - collect().provided == set()


def test_every_mark_has_a_generator() -> None:
    marks = [mark[1] for page in DOCS.rglob("*.md") for mark in MARK.finditer(page.read_text("utf-8"))]
    assert set(marks) == GENERATORS.keys()


@pytest.mark.parametrize(
    ("expected", "said", "same"),
    [
        ("a  b", "a b\n", True),
        ("ID …\nend", "ID 5f\nend\n", True),
        ("start\n…\nend", "start\n1\n2\nend", True),
        ("start\n…\nend", "start\nend", True),
        ("start", "start\nmore", False),
        ("", "", True),
        ("", "error", False),
        ("a…c", "abd", False),
    ],
)
def test_what_counts_as_the_same(expected: str, said: str, same: bool) -> None:
    assert matches(expected, said) is same


def test_a_console_block_is_commands_with_what_they_print() -> None:
    assert steps("$ a \\\n    b\nout\n\nmore\n$ c\n") == [("a \\\n    b", "out\n\nmore"), ("c", "")]

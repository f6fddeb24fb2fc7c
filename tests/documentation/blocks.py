"""The fenced blocks of the README and the site's pages, and which of them a test can run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DOCS", "KINDS", "Block", "blocks", "pages", "requirements"]

DOCS = Path(__file__).parents[2] / "docs"
README = "../README.md"
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n\n?)?^(?P<tick>`{3,})(?P<kind>\S*)"
    r'(?: title="(?P<title>[^"]+)")?[^\n]*\n'
    r"(?P<text>.*?)^(?P=tick)$",
    re.DOTALL | re.MULTILINE,
)
NEEDS = re.compile(r"^<!-- needs: (.+) -->$", re.MULTILINE)

KINDS = {
    "console": "`$` lines are run, the rest compared; in a titled terminal the last one stays until `^C`",
    "json5": "openclaw.json: loaded as a gateway and a node do, and there for the commands below it",
    "json": "JSON values",
    "python": "type-checked; with a title a file for the commands below it, else run",
    "nginx": "a server block: nginx serves with it for the commands below it",
    "yaml": "parsed",
    "sequence": "drawn; the methods it names exist",
    "sh": "the tutorial's, which tests/test_tutorial.py does from its first line to its last",
    "text": "as `sh`",
}
ELSEWHERE = frozenset(("plugin-tutorial.md",))  # by tests/test_tutorial.py
NOT_OURS = frozenset(("adr", "examples"))  # decisions tell what was; the example is a package with a test


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        page: path below docs/.
        line: where it begins.
        why: why it cannot be run, or None.
    """

    page: str
    line: int
    kind: str
    title: str | None
    text: str
    why: str | None

    @property
    def place(self) -> str:
        return f"{os.path.normpath(f'docs/{self.page}')}:{self.line}"


def pages() -> list[str]:
    """Every page with blocks that are run here."""
    found = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
    ours = [page for page in found if page not in ELSEWHERE and page.partition("/")[0] not in NOT_OURS]
    return [README, *ours]


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page in order."""
    text = (DOCS / page).read_text("utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("tick")) + 1
        yield Block(page, line, found["kind"], found["title"], found["text"], found["why"])


def requirements(page: str) -> list[str]:
    """Programs the page says it needs besides ours, e.g. `nginx`."""
    return [name for found in NEEDS.findall((DOCS / page).read_text("utf-8")) for name in found.split()]

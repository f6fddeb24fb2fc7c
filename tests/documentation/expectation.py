"""Does output look as a page says? `…` stands for anything on a line, alone for any lines."""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = ["Step", "matches", "steps"]

Step = tuple[str, str]
"""A command and what it prints."""


def steps(text: str) -> list[Step]:
    """The commands of a console block; a line that ends in a backslash goes on."""
    marks = [found.start() for found in re.finditer(r"^\$ ", text, re.MULTILINE)]
    if not marks or text[: marks[0]].strip():
        raise ValueError(f"a console block begins with a line `$ command`: {text!r}")
    found = []
    for start, end in pairwise([*marks, len(text)]):
        lines = text[start:end].splitlines()
        size = next(index for index, line in enumerate(lines, 1) if not line.endswith("\\"))
        command = "\n".join(line.removeprefix("$ ") for line in lines[:size])
        found.append((command, "\n".join(lines[size:]).strip("\n")))
    return found


def matches(expected: str, said: str) -> bool:
    """Blanks between words and at the ends of lines do not count; tables are as wide as their contents."""
    lines = [_line(line) for line in expected.splitlines() if line.strip()]
    return re.fullmatch("".join(lines), _squeeze(said)) is not None


def _line(line: str) -> str:
    if line.strip() == "…":
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*?".join(re.escape(part) for part in _squeeze(line).rstrip("\n").split("…")) + "\n"


def _squeeze(text: str) -> str:
    kept = [re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in kept if line)

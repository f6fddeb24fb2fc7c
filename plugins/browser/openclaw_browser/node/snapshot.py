"""A page as text: Playwright's accessibility snapshot with element refs, cut to what was asked for.

A line is `- role "name" [attribute] [ref=e7]`, indented by two spaces a level; `/url:` and
`/placeholder:` lines describe the element above them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

__all__ = ["INTERACTIVE", "Line", "aria_nodes", "parse_lines", "render", "summary"]

INTERACTIVE = frozenset(
    {
        "button",
        "checkbox",
        "combobox",
        "link",
        "listbox",
        "menuitem",
        "menuitemcheckbox",
        "menuitemradio",
        "option",
        "radio",
        "searchbox",
        "slider",
        "spinbutton",
        "switch",
        "tab",
        "textbox",
        "treeitem",
    }
)
_STRUCTURE = frozenset({"generic", "group", "list", "none", "presentation", "row", "rowgroup", "table"})
_ELEMENT = re.compile(r'^(?P<role>[a-z]+)(?: "(?P<name>(?:[^"\\]|\\.)*)")?')
_REF = re.compile(r"\[ref=((?:f\d+)?e\d+)\]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a snapshot.

    Attributes:
        depth: levels of indentation.
        text: without indentation and dash.
        role: of an element; empty for a property such as `/url:`.
        ref: what actions call the element; None for one that needs none.
        value: text after the colon, e.g. what a text box holds.
    """

    depth: int
    text: str
    role: str
    name: str
    ref: str | None
    value: str

    @property
    def full(self) -> str:
        """As it stands in the snapshot."""
        return f"{'  ' * self.depth}- {self.text}"


def parse_lines(snapshot: str) -> list[Line]:
    """The lines of a snapshot in order; a line that continues a text stays with it."""
    lines: list[Line] = []
    for raw in snapshot.splitlines():
        bare = raw.lstrip(" ")
        if bare.startswith("- "):
            lines.append(_parse((len(raw) - len(bare)) // 2, bare[2:]))
        elif lines and raw.strip():
            last = lines.pop()
            lines.append(_parse(last.depth, f"{last.text} {raw.strip()}"))
    return lines


def _parse(depth: int, text: str) -> Line:
    quoted = text.startswith("'")  # YAML quotes a whole line that holds a colon or the like
    plain = text.strip("'").replace("''", "'") if quoted else text
    found = _ELEMENT.match(plain)
    role = found["role"] if found else ""
    name = re.sub(r"\\(.)", r"\1", found["name"] or "") if found else ""
    ref = _REF.search(plain)
    _, _, value = plain[ref.end() if ref else (found.end() if found else 0) :].partition(":")
    return Line(depth, text, role, name, ref[1] if ref else None, value.strip().strip('"'))


def render(
    lines: list[Line],
    *,
    interactive: bool = False,
    compact: bool = False,
    depth: int | None = None,
    max_chars: int | None = None,
) -> tuple[list[Line], bool]:
    """The lines that were asked for, and whether some were cut off for length.

    Args:
        interactive: only elements that can be acted on, without indentation.
        compact: without structure that has neither a name nor text.
        depth: levels below the root, in levels.
        max_chars: of the whole text, in characters; whole lines only.
    """
    kept = lines
    if interactive:
        kept = [_flat(line) for line in kept if line.role in INTERACTIVE and line.ref]
    else:
        if compact:
            kept = [line for line in kept if line.role not in _STRUCTURE or line.name or line.value]
        if depth is not None:
            kept = [line for line in kept if line.depth <= depth]
    if max_chars is None:
        return kept, False
    total = 0
    short: list[Line] = []
    for line in kept:
        total += len(line.full) + 1
        if total > max_chars:
            return short, True
        short.append(line)
    return short, False


def _flat(line: Line) -> Line:
    return Line(0, line.text.rstrip(":"), line.role, line.name, line.ref, line.value)


def summary(lines: list[Line]) -> dict[str, Any]:
    """`{snapshot, refs, stats}` of these lines."""
    text = "\n".join(line.full for line in lines)
    refs = {line.ref: {"role": line.role, "name": line.name} for line in lines if line.ref}
    for entry in refs.values():
        if not entry["name"]:
            del entry["name"]
    active = sum(1 for line in lines if line.ref and line.role in INTERACTIVE)
    stats = {"lines": len(lines), "chars": len(text), "refs": len(refs), "interactive": active}
    return {"snapshot": text, "refs": refs, "stats": stats}


def aria_nodes(lines: list[Line], limit: int) -> list[dict[str, Any]]:
    """The elements as a flat list of `{ref, role, name, value?, depth}`, at most `limit`."""
    nodes = [line for line in lines if line.role and line.ref][:limit]
    return [
        {
            "ref": line.ref,
            "role": line.role,
            "name": line.name,
            **({"value": line.value} if line.value else {}),
            "depth": line.depth,
        }
        for line in nodes
    ]

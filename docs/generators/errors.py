"""Troubleshooting by code: the codes are read from the code, what to do from troubleshooting.toml."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from docs.generators.table import code, table

__all__ = ["codes", "entries", "reference", "strangers"]

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "docs" / "troubleshooting.toml"
# Variables of the environment have the shape of a code, too.
SHAPE = re.compile(r"(?!OPENCLAW_|XDG_|DBUS_)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
# Calls whose first argument is a code.
MAKERS = frozenset(("CommandError", "_failure", "_made_here", "_drop", "refused"))
GATEWAY = frozenset(("auth", "bus", "gateway", "protocol", "services", "store", "mcp", "errors.py"))
ROOMS = {"cli": "the command line", "client": "a client", "node_host": "a node", "testing": "the test kit"}
ORDER = ("the gateway", "a node", "a client", "the command line")


def entries() -> dict[str, dict[str, str]]:
    """Code → `means` and `do`."""
    found: dict[str, dict[str, str]] = tomllib.loads(TEXTS.read_text("utf-8"))["codes"]
    return found


def strangers() -> frozenset[str]:
    """Texts in the code that only look like a code."""
    return frozenset(tomllib.loads(TEXTS.read_text("utf-8"))["strangers"])


@cache
def codes() -> dict[str, set[str]]:
    """Every stable code in the packages of this repository → who says it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in _sources():
        for name in _codes_in(ast.parse(file.read_text("utf-8"))):
            found[name].add(_speaker(file))
    return dict(sorted(found.items()))


def _sources() -> Iterator[Path]:
    yield from (ROOT / "openclaw_core").rglob("*.py")
    yield from (file for place in (ROOT / "plugins").glob("*/openclaw_*") for file in place.rglob("*.py"))


def _codes_in(tree: ast.Module) -> Iterator[str]:
    """Constants in the place of a code, and whatever else looks like one and is no name of the module."""
    exported = {item for node in ast.walk(tree) for item in _exports(node)}
    for node in ast.walk(tree):
        yield from (text for text in _placed(node) if SHAPE.fullmatch(text))
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and "_" in text and SHAPE.fullmatch(text) and text not in exported:
            yield text


def _exports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        yield from ast.literal_eval(node.value)


def _placed(node: ast.AST) -> Iterator[str]:
    places: list[ast.expr | None] = []
    if isinstance(node, ast.Dict):
        places = [v for k, v in zip(node.keys, node.values, strict=True) if _says(k, "code")]
    elif isinstance(node, ast.Call):
        places = [item.value for item in node.keywords if item.arg == "code"]
        if node.args and ast.unparse(node.func).rpartition(".")[2] in MAKERS:
            places.append(node.args[0])
        if ast.unparse(node.func) == "SecretDoor":
            yield from (
                f"{name}_AUTH_{case}" for name in _parts(node.args[2]) for case in ("REQUIRED", "MISMATCH")
            )
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        places = [node.value] if ast.unparse(target).rpartition(".")[2] in ("code", "_DEFAULT_CODES") else []
        places += node.value.values if places and isinstance(node.value, ast.Dict) else []
    elif isinstance(node, ast.Compare) and ast.unparse(node.left).rpartition(".")[2].endswith("code"):
        places = list(node.comparators)
    yield from (text for place in places for text in _parts(place))


def _parts(place: ast.expr | None) -> Iterator[str]:
    """The texts of an expression: itself, or both ends of `a if b else c`."""
    if isinstance(place, ast.Constant) and isinstance(place.value, str):
        yield place.value
    elif isinstance(place, ast.IfExp):
        yield from (*_parts(place.body), *_parts(place.orelse))


def _says(key: ast.expr | None, text: str) -> bool:
    return isinstance(key, ast.Constant) and key.value == text


def _speaker(file: Path) -> str:
    place = file.relative_to(ROOT).parts
    if place[0] == "plugins":
        return f"family {place[1]}"
    return "the gateway" if place[1] in GATEWAY else ROOMS.get(place[1], "every part")


def reference(_: str) -> str:
    """A table for each part that says codes; a code said by several stands with the first of them."""
    told, known = entries(), codes()
    parts: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for name in sorted(told):
        row = (f'<span id="{name}"></span>{code(name)}', told[name]["means"], told[name]["do"])
        parts[_first(known.get(name, {"every part"}))].append(row)
    heads = sorted(parts, key=lambda part: (ORDER.index(part) if part in ORDER else len(ORDER), part))
    names = ("code", "what it means", "what to do next")
    return "\n".join(f"## Said by {part.replace('_', ' ')}\n\n{table(names, parts[part])}" for part in heads)


def _first(speakers: set[str]) -> str:
    return next((part for part in ORDER if part in speakers), min(speakers))

"""What a family's source tells: imports beyond the public API, failures without a stable code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PUBLIC_MODULES", "check_sources"]

PUBLIC_MODULES = frozenset(
    (
        "openclaw_core",
        "openclaw_core.commands",
        "openclaw_core.contexts",
        "openclaw_core.errors",
        "openclaw_core.hookspecs",
        "openclaw_core.models",
        "openclaw_core.testing",
    )
)
"""What a family may import of the core; everything else may change between minor releases."""

_CODE = re.compile(r"[A-Z][A-Z0-9_]+")
_BARE = ("Exception", "BaseException", "RuntimeError")
Row = tuple[str, str, str, str]


def check_sources(place: Path) -> Iterator[Row]:
    """(check, file:line, problem, cure) of each thing that does not conform."""
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    for file in files:
        name = str(file.relative_to(place.parent))
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            for check, problem, cure in (*_imports(node), *_failures(node)):
                yield check, f"{name}:{getattr(node, 'lineno', 0)}", problem, cure


def _imports(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [node.module]
    for name in names:
        if name.split(".")[0] == "openclaw_core" and name not in PUBLIC_MODULES:
            yield (
                "imports",
                f"it imports {name}, which is not public",
                f"use what {', '.join(sorted(PUBLIC_MODULES))} offer",
            )


def _failures(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    cure = 'raise CommandError("CODE_IN_CAPITALS", "what was wrong and what to do")'
    if isinstance(node, ast.Call) and _called(node) == "CommandError" and node.args:
        code = node.args[0]
        if isinstance(code, ast.Constant) and not _CODE.fullmatch(str(code.value)):
            yield "failures", f"{code.value!r} is no stable code", cure
    if isinstance(node, ast.Raise) and _called(node.exc) in _BARE:
        yield "failures", f"it raises a bare {_called(node.exc)}, which tells a caller nothing", cure


def _called(node: ast.expr | None) -> str:
    """The name of a class or function that is named or called."""
    function = node.func if isinstance(node, ast.Call) else node
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")

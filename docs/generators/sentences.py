"""What a module says of its constants: the text after each, or nothing."""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["after_constants"]


def after_constants(file: Path) -> dict[str, str]:
    """Name of each constant → the string literal after it, joined to one line."""
    found: dict[str, str] = {}
    last = ""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
            found[last] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and last:
            found[last] = " ".join(str(node.value.value).split())
    return found

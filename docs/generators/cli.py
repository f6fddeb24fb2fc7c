"""The command line reference, from the command tree itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import typer.main

from docs.generators.table import bounds, code, table
from openclaw_core.cli import build_app

__all__ = ["commands", "reference"]

Row = tuple[str, str, str, str]
HEAD = ("argument", "takes", "default", "meaning")
SHARED_BY = 10
"""An option that so many commands have, word for word, is explained once."""


def commands() -> Iterator[tuple[str, Any]]:
    """Every command a person can type, with what typer knows of it."""
    yield from _walk("openclaw", typer.main.get_command(build_app()))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if command.hidden:
        return
    subcommands = getattr(command, "commands", {})
    if subcommands:
        command.list_commands(None)  # families add theirs when asked
    if not subcommands or command.invoke_without_command:
        yield name, command
    for word in sorted(subcommands):
        yield from _walk(f"{name} {word}", subcommands[word])


def reference(_: str) -> str:
    """A section for each command, after what many of them share."""
    every = [_row(item) for _, command in commands() for item in _shown(command)]
    shared = [row for row, number in Counter(every).items() if number >= SHARED_BY]
    head = (
        f"## Options of many commands\n\nThose of commands that talk to a gateway:\n\n{table(HEAD, shared)}\n"
    )
    return head + "\n".join(_section(name, command, shared) for name, command in commands())


def _shown(command: Any) -> list[Any]:
    return [item for item in command.params if not getattr(item, "hidden", False) and item.name != "help"]


def _section(name: str, command: Any, shared: list[Row]) -> str:
    # click's \b, and typer's own marks of examples, are for terminals.
    text = re.sub(r"\x08\n?", "", command.help or "").strip()
    shown = _shown(command)
    places = " ".join(_place(item) for item in shown if item.param_type_name == "argument")
    parts = [f"## {name}", text, f"`{' '.join(filter(None, [name, places]))}`" if places else ""]
    rows = [row for row in map(_row, shown) if row not in shared]
    parts.append(table(HEAD, rows) if rows else "")
    names = [row[0] for row in map(_row, shown) if row in shared]
    parts.append(f"Also {', '.join(names)}." if names else "")
    return "\n\n".join(part for part in parts if part) + "\n"


def _place(item: Any) -> str:
    word = item.metavar or str(item.name).upper()
    return word if item.required else f"[{word}]"


def _row(item: Any) -> Row:
    names = (
        ", ".join(f"`{name}`" for name in [*item.opts, *item.secondary_opts])
        if item.param_type_name == "option"
        else code(_place(item))
    )
    return names, _takes(item), _default(item), getattr(item, "help", None) or ""


def _takes(item: Any) -> str:
    if getattr(item, "is_flag", False):
        return "-"
    kind = item.type_descriptor.annotation
    if item.metavar and item.param_type_name == "option":
        return " ".join(code(word) for word in item.metavar.split("|"))
    choices = getattr(kind, "__members__", None) or get_args(kind)
    if choices and get_origin(kind) is not list:
        return " ".join(code(getattr(choice, "value", choice)) for choice in choices)
    name = {str: "text", int: "number", float: "number", Path: "path"}.get(kind, "text")
    name = f"{name} {bounds(item.min, item.max)}".strip()
    return f"{name}, several times" if item.multiple else name


def _default(item: Any) -> str:
    if item.required:
        return "required"
    value = item.default
    return "" if value in (None, False, (), []) or callable(value) else code(value)

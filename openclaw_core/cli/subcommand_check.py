"""The part of `openclaw plugins check` about the sub-commands a family adds to the command line."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import textwrap
from collections.abc import Awaitable, Callable, Iterator

import typer

from openclaw_core.cli import nodes
from openclaw_core.cli.family_commands import build_commands
from openclaw_core.errors import PluginError
from openclaw_core.plugins import Plugins
from openclaw_core.testing.conformance import Finding

__all__ = ["check_subcommands"]

_CHECK = "cli"


def check_subcommands(plugins: Plugins) -> tuple[list[str], list[Finding]]:
    """The sub-commands of the one family in `plugins`, and what does not conform.

    Run where what only a node needs cannot be imported: the command line is used without it.
    """
    families = plugins.implementers("openclaw_cli")
    if not families:
        return [], []
    (family,) = families
    try:
        added = build_commands(plugins, family, typer.main.get_group(nodes.app).commands)
    except PluginError as error:
        return [], [Finding(_CHECK, family.name, str(error), error.cure)]
    except Exception as error:
        problem = f"openclaw_cli cannot be used: {type(error).__name__}: {error}"
        cure = (
            "correct the hook or the options; import what only a node needs in the commands of the family, "
            "which run there"
        )
        return [], [Finding(_CHECK, family.name, problem, cure)]
    found = [item for words, body in added.bodies.items() for item in _check_body(words, body)]
    return list(added.bodies), found


def _check_body(words: str, body: Callable[..., Awaitable[None]]) -> Iterator[Finding]:
    if not inspect.getdoc(body):
        yield Finding(_CHECK, words, "its body has no docstring, which is its help", "write a docstring")
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    call = next(iter(inspect.signature(body).parameters), None)
    for node in ast.walk(tree):
        for name in _imported(node, body):
            if fault := _import_fault(name):
                cure = "let a command of the family do it at the node, and fetch what it answers"
                yield Finding(_CHECK, words, f"it imports {name}: {fault}", cure)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and ast.unparse(node.value) == call:
            cure = "use what NodeCall offers (openclaw_core.hookspecs)"
            yield Finding(_CHECK, words, f"it uses {call}.{node.attr}, which is not public", cure)


def _imported(node: ast.AST, body: Callable[..., Awaitable[None]]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = inspect.unwrap(body).__globals__.get("__package__")
        yield importlib.util.resolve_name("." * node.level + (node.module or ""), package)


def _import_fault(name: str) -> str | None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        return str(error)
    return None

"""Sub-commands that families add below `openclaw nodes` (hook `openclaw_cli`), loaded when asked for."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from typer.core import TyperGroup

from openclaw_core.cli.ages import milliseconds
from openclaw_core.cli.call import ADMIN, READ, WRITE, Call, gateway_command
from openclaw_core.cli.completion import complete_node
from openclaw_core.cli.output import clean
from openclaw_core.cli.resolve import candidates_of_nodes, resolve
from openclaw_core.cli.saving import STDOUT, check_out, media_content, next_out, save_content
from openclaw_core.errors import PluginError

if TYPE_CHECKING:
    from openclaw_core.commands import Family
    from openclaw_core.hookspecs import NodeView
    from openclaw_core.plugins import Plugins

__all__ = ["Added", "FamilyGroup", "build_commands"]

Body = Callable[..., Awaitable[None]]

_NODE = Annotated[
    str,
    typer.Option(
        "--node",
        help="Node id, name, IP, or 6 or more characters of its id.",
        autocompletion=complete_node,
    ),
]
_INVOKE_TIMEOUT = Annotated[
    int, typer.Option("--invoke-timeout", min=1, help="Time the node has, in milliseconds.")
]
_OUT = Annotated[
    str | None,
    typer.Option("--out", help="File or directory to save to; - is standard output. Default: a new file."),
]
_FORCE = Annotated[bool, typer.Option("--force", help="Replace the file when there is one.")]


class FamilyGroup(TyperGroup):
    """A group whose own commands need no family; those of families are found after them.

    Loading every family takes half a second that `nodes status` is not to wait for.
    """

    _complete = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The group's own command, else a family's."""
        if cmd_name not in self.commands:
            self._take_in_families(quiet=ctx is not None and ctx.resilient_parsing)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """The group's own commands, then those of families."""
        self._take_in_families(quiet=ctx is not None and ctx.resilient_parsing)
        return super().list_commands(ctx)

    def _take_in_families(self, *, quiet: bool) -> None:
        if self._complete:
            return
        self._complete = True
        if quiet:
            # A shell completes a word: what it writes lands in the line that is being typed.
            logging.disable(logging.CRITICAL)
        from openclaw_core.plugins import load_plugins

        plugins = load_plugins()
        for family in plugins.implementers("openclaw_cli"):
            try:
                added = build_commands(plugins, family, self.commands).commands
            except Exception as error:
                # One line: whoever asked for help, or for another family's command, gets it.
                if quiet:
                    continue
                cause = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
                sys.stderr.write(f"family {family.name} adds no sub-commands: {clean(cause)}\n")
                continue
            self.commands.update(added)


@dataclass(frozen=True, slots=True)
class Added:
    """What one family adds below `nodes`.

    Attributes:
        commands: by the word after `nodes`.
        bodies: the functions that do it, by all words, e.g. `nodes lamp view`.
    """

    commands: Mapping[str, Any]
    bodies: Mapping[str, Body]


def build_commands(plugins: Plugins, family: Family, taken: Collection[str]) -> Added:
    """Ask a family for its sub-commands.

    Args:
        taken: words after `nodes` that are somebody else's.

    Raises:
        PluginError: a word is taken, or given to two of its own; a body is no `async def`.
        Exception: what the family itself raises, and typer for options that cannot be.
    """
    root = _Commands(typer.Typer(), "nodes", {})
    plugins.call("openclaw_cli", family, nodes=root)
    commands = typer.main.get_group(root.app).commands
    if clash := commands.keys() & taken:
        raise PluginError(f"{', '.join(sorted(clash))} is there already", "choose another name")
    return Added(commands, {words: body for words, body in root.taken.items() if body is not None})


class _Commands:
    """`NodeCommands` over a typer application; `words` lead to it on the command line."""

    def __init__(self, app: typer.Typer, words: str, taken: dict[str, Body | None]) -> None:
        self.app = app
        self.taken = taken
        self._words = words

    def group(self, name: str, text: str) -> _Commands:
        inner = typer.Typer(no_args_is_help=True)
        words = self._take(name, None)
        self.app.add_typer(inner, name=name, help=text)
        return _Commands(inner, words, self.taken)

    def _take(self, name: str, body: Body | None) -> str:
        words = f"{self._words} {name}"
        if words in self.taken:
            raise PluginError(f"it adds {words!r} twice", "choose another name for one of the two")
        self.taken[words] = body
        return words

    def add(
        self,
        name: str,
        body: Body,
        *,
        invoke_timeout_ms: int = 15_000,
        admin: bool = False,
        saves: Sequence[str] = (),
        for_gateway: bool = False,
    ) -> None:
        doing = self._take(name, body)
        if not inspect.iscoroutinefunction(body):
            raise PluginError(f"the body of {doing!r} is no coroutine function", "write `async def`")
        own = list(inspect.signature(body, eval_str=True).parameters.values())

        async def run(
            call: Call,
            node: str | None = None,
            invoke_timeout: int = invoke_timeout_ms,
            out: str | None = None,
            force: bool = False,
            **values: Any,
        ) -> None:
            place = _Place(out, force, tuple(saves), call.as_json) if saves else None
            view = None if node is None else await _find(call, node)
            await body(_Seat(call, view, invoke_timeout, place), **values)

        flags = [] if for_gateway else [
            _flag("node", _NODE, inspect.Parameter.empty),
            _flag("invoke_timeout", _INVOKE_TIMEOUT, invoke_timeout_ms),
        ]  # fmt: skip
        if saves:
            flags += [_flag("out", _OUT, None), _flag("force", _FORCE, False)]
        options = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own[1:]]
        run.__signature__ = inspect.Signature([own[0], *options, *flags])  # type: ignore[attr-defined]
        run.__doc__ = body.__doc__
        extra = (ADMIN,) if admin else ()
        gateway_command(self.app, name, READ, WRITE, extra_scopes=extra, doing=doing)(run)


def _flag(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


async def _find(call: Call, query: str) -> NodeView:
    from openclaw_core.hookspecs import NodeView

    nodes = (await call.request("node.list"))["nodes"]
    found = resolve(query, candidates_of_nodes(nodes))
    row = next(node for node in nodes if node["nodeId"] == found.id)
    return NodeView(
        found.id,
        found.name,
        str(row.get("platform") or "unknown"),
        frozenset(row.get("caps") or ()),
        frozenset(row.get("commands") or ()),
    )


class _Place:
    """Where one command saves; made before anything is asked of a node, as it refuses what cannot be."""

    def __init__(self, out: str | None, force: bool, extensions: tuple[str, ...], as_json: bool) -> None:
        self.out = out
        self._force = force
        self._extensions = extensions
        self._as_json = as_json
        self._saved = 0
        self.expect(1)

    def expect(self, files: int) -> None:
        check_out(
            self.out, force=self._force, as_json=self._as_json, extensions=self._extensions, files=files
        )

    def save(self, content: bytes, name: str, extension: str) -> str:
        out = next_out(self.out, self._saved)
        self._saved += 1
        return save_content(content, out, name, extension, force=self._force)


class _Seat:
    """`NodeCall` over the connection of one command."""

    def __init__(
        self, call: Call, view: NodeView | None, invoke_timeout_ms: int, place: _Place | None
    ) -> None:
        self._call = call
        self._view = view
        self._invoke_timeout_ms = invoke_timeout_ms
        self._place = place

    @property
    def node(self) -> NodeView:
        if self._view is None:
            raise LookupError("this sub-command names no node: add it without for_gateway")
        return self._view

    async def invoke(self, command: str, params: Mapping[str, Any] | None = None) -> Any:
        request = {
            "nodeId": self.node.node_id,
            "command": command,
            "params": {key: value for key, value in (params or {}).items() if value is not None},
            "timeoutMs": self._invoke_timeout_ms,
            "idempotencyKey": str(uuid4()),
        }
        # The answer has to outlast the node's own budget.
        patience = max(self._call.flags.timeout_ms, self._invoke_timeout_ms + 10_000)
        return (await self._call.invoke(request, patience)).get("payload")

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        return await self._call.request(method, dict(params or {}))

    def milliseconds(self, text: str) -> int:
        return milliseconds(text)

    def show(self, value: Any, *lines: str) -> None:
        if self._place is None or self._place.out != STDOUT:
            self._call.show(value, *lines)

    def expect_files(self, count: int) -> None:
        self._saving.expect(count)

    def save(self, content: bytes, name: str, extension: str) -> str:
        return self._saving.save(content, name, extension)

    def save_media(self, payload: Any, name: str) -> str:
        content, kind = media_content(payload)
        return self.save(content, name, kind)

    @property
    def _saving(self) -> _Place:
        if self._place is None:
            raise LookupError("this sub-command saves nothing: add it with saves=")
        return self._place

"""The console script `openclaw` (floor 7): one file per command group, loaded when asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

__all__ = ["EVERY_GROUP", "GROUPS", "build_app", "main"]

GROUPS = {
    "nodes": "Nodes: list, approve, describe, invoke.",
    "devices": "Devices: pairing requests, tokens, names.",
    "plugins": "Capability families installed here.",
    "gateway": "Run a gateway, or ask one how it is.",
    "node": "Run this machine as a node.",
    "approvals": "What agents want to do that a person has to allow.",
    "audit": "Who did what to which device, and every refusal.",
    "backup": "Save and restore the state of this machine's gateway.",
}
_COMMANDS = {
    "completion": (
        "Print the script that lets a shell complete commands, nodes and what they can do.",
        "completion:completion",
    ),
    "dashboard": (
        "A link to the Control UI that pairs the browser which opens it, once.",
        "dashboard:dashboard",
    ),
    "doctor": (
        "Check this machine's gateway: state, database, families, configuration, reachability.",
        "doctor:doctor",
    ),
    "mcp": (
        "Serve nodes as tools to an agent over standard input and output (Model Context Protocol).",
        "mcp:mcp",
    ),
    "onboard": (
        "Set this machine up: a gateway that runs, its node paired and tried, your devices next.",
        "onboard.command:onboard",
    ),
    "qr": ("A QR code for a phone's app: it pairs as node and operator, once, within ten minutes.", "qr:qr"),
}
"""Commands without a group: name → what their help says, and the module and name that loads them."""

# Groups that do something without a sub-command; the others show their help.
_SPEAKING_GROUPS = frozenset(("audit",))
EVERY_GROUP = "*"
_USAGE = 2


class _Root(TyperGroup):
    """Wrong usage with `--json` is one JSON value on stdout, too; typer shows it to people."""

    def make_context(self, info_name: Any, args: list[str], *rest: Any, **extra: Any) -> Any:
        self._for_program = "--json" in args
        with self._told():
            return super().make_context(info_name, args, *rest, **extra)

    def invoke(self, ctx: Any) -> Any:
        with self._told():
            return super().invoke(ctx)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except TyperException as error:
            if self._for_program and error.exit_code == _USAGE:
                from openclaw_core.cli.failure import print_failure

                print_failure("USAGE", error.format_message())
            raise


def build_app(wanted: str | None = EVERY_GROUP) -> typer.Typer:
    """The command tree.

    Args:
        wanted: the one group whose module is imported; the others get their name and help
            only. `EVERY_GROUP` imports all.
    """
    app = typer.Typer(
        name="openclaw",
        cls=_Root,
        help="Gateway for companion devices: pair them, see them, invoke them.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    app.command("up")(_up)
    for name, text in GROUPS.items():
        loaded = wanted in (name, EVERY_GROUP)
        group = import_module(f"openclaw_core.cli.{name}").app if loaded else typer.Typer()
        app.add_typer(group, name=name, help=text, no_args_is_help=name not in _SPEAKING_GROUPS)
    for name, (text, place) in _COMMANDS.items():
        app.command(name)(_load(place) if wanted in (name, EVERY_GROUP) else _stub(text))
    return app


def main() -> None:
    """Run the command line; ends the process with its exit code (see `cli.failure`)."""
    build_app(_wanted_group(sys.argv[1:]))(prog_name="openclaw")


def _wanted_group(arguments: list[str]) -> str | None:
    if any(name.endswith("_COMPLETE") and name.startswith("_OPENCLAW") for name in os.environ):
        return EVERY_GROUP
    return next((word for word in arguments if not word.startswith("-")), None)


def _stub(text: str) -> Callable[[], None]:
    def command() -> None: ...

    command.__doc__ = text
    return command


def _load(place: str) -> Callable[..., None]:
    module, _, name = place.partition(":")
    loaded: Callable[..., None] = getattr(import_module(f"openclaw_core.cli.{module}"), name)
    return loaded


def _show_version(wanted: bool) -> None:
    if wanted:
        from openclaw_core import __version__

        typer.echo(f"openclaw-core {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def _up(
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="TCP port; default: the configured one.")
    ] = None,
    display_name: Annotated[
        str | None, typer.Option("--display-name", help="Name of the local node; default: the host name.")
    ] = None,
) -> None:
    """Start a gateway and a node on this machine, approved and ready to invoke."""
    from openclaw_core.cli.failure import funnel
    from openclaw_core.cli.up import run_up

    with funnel():
        raise typer.Exit(run_up(port, display_name))

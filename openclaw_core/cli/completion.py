"""`openclaw completion SHELL`, and what is completed beyond names of commands: nodes and what they can do."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated, Any, Literal

import typer

__all__ = ["complete_command", "complete_node", "completion"]

_PATIENCE_MS = 1_500
_INSTALL = {
    "bash": 'add to ~/.bashrc:  eval "$(openclaw completion bash)"',
    "zsh": 'add to ~/.zshrc, after compinit:  eval "$(openclaw completion zsh)"',
    "fish": "openclaw completion fish > ~/.config/fish/completions/openclaw.fish",
    "powershell": "openclaw completion powershell | Out-String | Invoke-Expression   (in $PROFILE)",
}


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish", "powershell"], typer.Argument(help="Which shell is to complete.")
    ],
) -> None:
    """Print the script that lets a shell complete commands, nodes and what they can do."""
    from openclaw_core.cli import build_app

    if sys.stdout.isatty():
        typer.echo(f"# to keep it, {_INSTALL[shell]}", err=True)
    os.environ["_OPENCLAW_COMPLETE"] = f"source_{shell}"
    build_app(None)(prog_name="openclaw")


def complete_node(incomplete: str) -> list[tuple[str, str]]:
    """Names of nodes, each with its id as help; nothing when the gateway does not answer at once."""
    names = [(str(node.get("displayName") or node["nodeId"]), str(node["nodeId"])) for node in _nodes()]
    return [item for item in names if item[0].lower().startswith(incomplete.lower())]


def complete_command(ctx: typer.Context, incomplete: str) -> list[str]:
    """Commands of the node that was named, or of all nodes."""
    wanted = ctx.params.get("node")
    nodes = _nodes()
    named = [node for node in nodes if wanted in (node.get("displayName"), node["nodeId"])]
    names = {name for node in named or nodes for name in node.get("commands") or ()}
    return sorted(name for name in names if name.startswith(incomplete))


def _nodes() -> list[dict[str, Any]]:
    # A shell that waits for a key must see neither an error nor a delay.
    try:
        return asyncio.run(asyncio.wait_for(_ask(), _PATIENCE_MS / 1000))
    except Exception:
        return []


async def _ask() -> list[dict[str, Any]]:
    from openclaw_core.cli.call import READ, Call, load_endpoint
    from openclaw_core.cli.endpoint import Flags

    flags = Flags(timeout_ms=_PATIENCE_MS)
    call = Call(load_endpoint(flags), flags, (READ,))
    try:
        return list((await call.request("node.list"))["nodes"])
    finally:
        await call.close()

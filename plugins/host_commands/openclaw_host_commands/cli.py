"""`openclaw nodes notify` (PROTOCOL 18.7, 21.2)."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from openclaw_core.hookspecs import NodeCall, NodeCommands

__all__ = ["add_commands"]


def add_commands(nodes: NodeCommands) -> None:
    """Add the sub-command."""
    nodes.add("notify", notify)


async def notify(
    call: NodeCall,
    title: Annotated[str, typer.Option("--title", help="Headline.")] = "",
    body: Annotated[str, typer.Option("--body", help="Text below it.")] = "",
    sound: Annotated[str | None, typer.Option("--sound", help="Name of a sound of the node.")] = None,
    priority: Annotated[
        Literal["passive", "active", "timeSensitive"] | None,
        typer.Option("--priority", help="How much it may disturb."),
    ] = None,
    delivery: Annotated[
        Literal["system", "overlay", "auto"], typer.Option("--delivery", help="Where it shows.")
    ] = "system",
) -> None:
    """Show a notification on the node."""
    if not (title.strip() or body.strip()):
        raise typer.BadParameter("give a headline, a text (--body) or both", param_hint="'--title'")
    params = {"title": title, "body": body, "sound": sound, "priority": priority, "delivery": delivery}
    answer = await call.invoke("system.notify", params)
    call.show(answer, "notify ok")

"""`openclaw nodes location get` (PROTOCOL 18.5, 21.2)."""

from __future__ import annotations

from typing import Annotated

import typer

from openclaw_core.hookspecs import NodeCall, NodeCommands
from openclaw_location.models import DesiredAccuracy

__all__ = ["add_commands"]


def add_commands(nodes: NodeCommands) -> None:
    """Add the group."""
    nodes.group("location", "Where a node is.").add("get", get, invoke_timeout_ms=20_000)


async def get(
    call: NodeCall,
    max_age: Annotated[
        int | None, typer.Option("--max-age", min=0, help="A fix this old, in ms, is good enough.")
    ] = None,
    accuracy: Annotated[
        DesiredAccuracy | None, typer.Option("--accuracy", help="How exact it has to be.")
    ] = None,
    location_timeout: Annotated[
        int, typer.Option("--location-timeout", min=1, help="How long to wait for a fix, in ms.")
    ] = 10_000,
) -> None:
    """Print where the node is: latitude,longitude ±metres."""
    answer = await call.invoke(
        "location.get", {"maxAgeMs": max_age, "desiredAccuracy": accuracy, "timeoutMs": location_timeout}
    )
    metres = answer.get("accuracyMeters")
    call.show(answer, f"{answer['lat']},{answer['lon']}" + ("" if metres is None else f" ±{metres:g}m"))

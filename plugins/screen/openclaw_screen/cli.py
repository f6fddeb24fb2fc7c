"""`openclaw nodes screen …`: pictures and recordings of a screen, saved (PROTOCOL 18.4, 21.2)."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from openclaw_core.hookspecs import NodeCall, NodeCommands

__all__ = ["add_commands"]

_SCREEN = Annotated[int, typer.Option("--screen", min=0, help="Which screen; 0 is the first.")]


def add_commands(nodes: NodeCommands) -> None:
    """Add the group."""
    screen = nodes.group("screen", "Pictures and recordings of a node's screens.")
    screen.add("snapshot", snapshot, invoke_timeout_ms=30_000, saves=("png", "jpg"))
    screen.add("record", record, invoke_timeout_ms=120_000, saves=("mp4",))


async def snapshot(
    call: NodeCall,
    screen: _SCREEN = 0,
    max_width: Annotated[int | None, typer.Option("--max-width", min=1, help="Widest, in px.")] = None,
    form: Annotated[Literal["png", "jpeg"], typer.Option("--format", help="Of the picture.")] = "png",
) -> None:
    """Take a picture of a screen, save it and print where."""
    params = {"screenIndex": screen, "maxWidth": max_width, "format": form}
    answer = await call.invoke("screen.snapshot", params)
    path = call.save_media(answer, "screen-snapshot")
    facts = {key: answer.get(key) for key in ("width", "height", "screenIndex")}
    call.show({"file": {"path": path, **facts}}, path)


async def record(
    call: NodeCall,
    screen: _SCREEN = 0,
    duration: Annotated[str, typer.Option("--duration", help="Length, e.g. 10000 (ms) or 10s.")] = "10000",
    fps: Annotated[float, typer.Option("--fps", min=0.1, max=60, help="Pictures per second.")] = 10,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="With the microphone's sound.")] = True,
) -> None:
    """Record a screen, save the film and print where."""
    params = {
        "durationMs": call.milliseconds(duration),
        "screenIndex": screen,
        "fps": fps,
        "format": "mp4",
        "includeAudio": audio,
    }
    answer = await call.invoke("screen.record", params)
    path = call.save_media(answer, "screen-record")
    facts = {key: answer.get(key) for key in ("durationMs", "fps", "screenIndex", "hasAudio")}
    call.show({"file": {"path": path, **facts}}, path)

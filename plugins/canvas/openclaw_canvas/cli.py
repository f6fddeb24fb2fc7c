"""`openclaw nodes canvas …` (PROTOCOL 18.2, 21.2)."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from openclaw_core.hookspecs import NodeCall, NodeCommands

__all__ = ["add_commands"]

_BUDGET_MS = 30_000
_Px = Annotated[float | None, typer.Option(help="In CSS px.")]


def add_commands(nodes: NodeCommands) -> None:
    """Add the group."""
    canvas = nodes.group("canvas", "The page a node shows.")
    canvas.add("present", present, invoke_timeout_ms=_BUDGET_MS)
    canvas.add("hide", hide, invoke_timeout_ms=_BUDGET_MS)
    canvas.add("navigate", navigate, invoke_timeout_ms=_BUDGET_MS)
    canvas.add("eval", evaluate, invoke_timeout_ms=_BUDGET_MS)
    canvas.add("snapshot", snapshot, invoke_timeout_ms=_BUDGET_MS, saves=("png", "jpg"))
    a2ui = canvas.group("a2ui", "Surfaces of A2UI on the page.")
    a2ui.add("push", push, invoke_timeout_ms=_BUDGET_MS)
    a2ui.add("reset", reset, invoke_timeout_ms=_BUDGET_MS)


async def present(
    call: NodeCall,
    target: Annotated[str | None, typer.Option("--target", help="URL or path to show.")] = None,
    x: _Px = None,
    y: _Px = None,
    width: _Px = None,
    height: _Px = None,
) -> None:
    """Show the canvas; without --target with what it shows already."""
    given = {"x": x, "y": y, "width": width, "height": height}
    placement = {key: value for key, value in given.items() if value is not None}
    answer = await call.invoke("canvas.present", {"url": target, "placement": placement or None})
    call.show(answer, "canvas present ok")


async def hide(call: NodeCall) -> None:
    """Hide the canvas."""
    call.show(await call.invoke("canvas.hide"), "canvas hide ok")


async def navigate(
    call: NodeCall, page: Annotated[str, typer.Argument(metavar="URL", help="URL or path to go to.")]
) -> None:
    """Show another page."""
    call.show(await call.invoke("canvas.navigate", {"url": page}), "canvas navigate ok")


async def evaluate(
    call: NodeCall, script: Annotated[str, typer.Argument(help="A JavaScript program.")]
) -> None:
    """Run a program in the page and print what its last expression gives."""
    answer = await call.invoke("canvas.eval", {"javaScript": script})
    found = (answer or {}).get("result")
    call.show(answer, found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))


async def snapshot(
    call: NodeCall,
    form: Annotated[Literal["png", "jpeg"], typer.Option("--format", help="Of the picture.")] = "png",
    max_width: Annotated[int | None, typer.Option("--max-width", min=16, help="Widest, in px.")] = None,
    quality: Annotated[float | None, typer.Option("--quality", min=0.05, max=1, help="Of a JPEG.")] = None,
) -> None:
    """Take a picture of the page, save it and print where."""
    params = {"format": form, "maxWidth": max_width, "quality": quality}
    path = call.save_media(await call.invoke("canvas.snapshot", params), "canvas-snapshot")
    call.show({"file": {"path": path}}, path)


async def push(
    call: NodeCall,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSONL, a message a line; - reads stdin.")],
) -> None:
    """Show what A2UI messages say."""
    try:
        text = await asyncio.to_thread(_read, file)
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint="'FILE'") from None
    call.show(await call.invoke("canvas.a2ui.pushJSONL", {"jsonl": text}), "canvas a2ui push ok")


async def reset(call: NodeCall) -> None:
    """Take every surface away."""
    call.show(await call.invoke("canvas.a2ui.reset"), "canvas a2ui reset ok")


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")

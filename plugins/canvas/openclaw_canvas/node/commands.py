"""What each command does on a node (PROTOCOL 18.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openclaw_canvas.models import (
    CanvasResult,
    EvalParams,
    EvalResult,
    NavigateParams,
    PresentParams,
    PushResult,
    SnapshotParams,
    SnapshotResult,
)
from openclaw_canvas.node.canvas_page import BLANK, CanvasPage
from openclaw_canvas.node.chromium import shows_window
from openclaw_canvas.node.desk import open_desk
from openclaw_canvas.node.picture import take_picture
from openclaw_canvas.node.script import run_script
from openclaw_canvas.node.window import hide_window, show_window
from openclaw_core import CommandError, NodeContext

__all__ = ["evaluate", "hide", "navigate", "present", "push", "reset", "snapshot"]


@asynccontextmanager
async def _canvas(node: NodeContext) -> AsyncIterator[CanvasPage]:
    """The page; one that goes away while a command uses it is an error its caller can read."""
    from playwright.async_api import Error

    desk = await node.resource(open_desk)
    page = await desk.page()
    try:
        yield page
    except Error as error:
        if not page.gone:
            raise
        text = f"the canvas went away ({error.message.splitlines()[0]}); the next command opens it anew"
        raise CommandError("UNAVAILABLE", text) from None


async def present(args: PresentParams, node: NodeContext) -> CanvasResult:
    """Show the canvas, at `url` when there is one."""
    async with _canvas(node) as page, page.turn:
        if args.url is not None:
            await page.go(args.url)
        elif page.url == BLANK:
            await page.show_a2ui()
        placement = args.placement
        if shows_window(node.config):
            await show_window(page, placement)
        elif placement is not None:
            await page.resize(placement.width, placement.height)
    return CanvasResult()


async def hide(node: NodeContext) -> CanvasResult:
    """Take the canvas off the screen, if it is open and on one."""
    desk = await node.resource(open_desk)
    if desk.opened is not None and shows_window(node.config):
        async with _canvas(node) as page, page.turn:
            await hide_window(page)
    return CanvasResult()


async def navigate(args: NavigateParams, node: NodeContext) -> CanvasResult:
    """Go to a page."""
    async with _canvas(node) as page, page.turn:
        await page.go(args.url)
    return CanvasResult()


async def evaluate(args: EvalParams, node: NodeContext) -> EvalResult:
    """Run a program in the page. Others go on meanwhile: it may wait for them."""
    async with _canvas(node) as page:
        return EvalResult(result=await run_script(page, args.java_script))


async def snapshot(args: SnapshotParams, node: NodeContext) -> SnapshotResult:
    """Take a picture."""
    kind = args.format or "png"
    async with _canvas(node) as page, page.turn:
        budget = node.config.max_snapshot_bytes
        data = await take_picture(page, kind, args.max_width, args.quality or 0.9, budget)
    return SnapshotResult(format=kind, base64=data)


async def push(messages: list[Any], node: NodeContext) -> PushResult:
    """Show A2UI surfaces on the host page."""
    async with _canvas(node) as page, page.turn:
        await page.show_a2ui()
        return PushResult(surfaces=await page.apply(messages))


async def reset(node: NodeContext) -> CanvasResult:
    """Remove the surfaces; a canvas that is not open has none."""
    desk = await node.resource(open_desk)
    if desk.opened is not None:
        async with _canvas(node) as page, page.turn:
            await page.reset_a2ui()
    return CanvasResult()

"""The canvas's window on the screen: where it is, and whether it is there."""

from __future__ import annotations

from typing import Any

from openclaw_canvas.models import Placement
from openclaw_canvas.node.canvas_page import CanvasPage

__all__ = ["hide_window", "show_window"]

_NAMES = {"x": "left", "y": "top", "width": "width", "height": "height"}
_FAR_AWAY = -30_000
"""An X coordinate, px, that is on no screen."""


async def show_window(page: CanvasPage, placement: Placement | None) -> None:
    """Bring the window up, and to its place; what the placement does not name stays."""
    window = await page.devtools.send("Browser.getWindowForTarget")
    if window["bounds"].get("windowState") != "normal":
        await _set_bounds(page, window, {"windowState": "normal"})
    wanted = placement.model_dump(by_alias=True, exclude_none=True) if placement else {}
    bounds = {_NAMES[name]: round(value) for name, value in wanted.items()}
    bounds = {**(page.left_from or {}), **bounds}
    page.left_from = None
    if bounds:
        await _set_bounds(page, window, bounds)
    await page.devtools.send("Page.bringToFront")


async def hide_window(page: CanvasPage) -> None:
    """Take the window off the screen; the page goes on."""
    window = await page.devtools.send("Browser.getWindowForTarget")
    if page.left_from is not None:
        return
    page.left_from = {name: window["bounds"][name] for name in ("left", "top")}
    await _set_bounds(page, window, {"windowState": "minimized"})
    window = await page.devtools.send("Browser.getWindowForTarget")
    if window["bounds"].get("windowState") == "normal":  # no window manager, or one that does not do it
        await _set_bounds(page, window, {"left": _FAR_AWAY})


async def _set_bounds(page: CanvasPage, window: dict[str, Any], bounds: dict[str, Any]) -> None:
    await page.devtools.send("Browser.setWindowBounds", {"windowId": window["windowId"], "bounds": bounds})

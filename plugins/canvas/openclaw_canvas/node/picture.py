"""`canvas.snapshot`: what is visible, as small as it must be."""

from __future__ import annotations

from typing import Any, Literal

from openclaw_canvas.node.canvas_page import CanvasPage
from openclaw_core import CommandError

__all__ = ["take_picture"]

_MOST_ATTEMPTS = 6
_LEAST_WIDTH = 16


async def take_picture(
    page: CanvasPage, kind: Literal["png", "jpeg"], max_width: int | None, quality: float, budget: int
) -> str:
    """A picture of the viewport, base64.

    Taken again with less quality, then smaller, until it fits.

    Args:
        max_width: in px.
        quality: of a JPEG, 0 to 1.
        budget: most characters of base64.

    Raises:
        CommandError: `PAYLOAD_TOO_LARGE`; even a small picture does not fit.
    """
    view = (await page.devtools.send("Page.getLayoutMetrics"))["cssVisualViewport"]
    width: float = view["clientWidth"]
    scale = min(1.0, (max_width or width) / width)
    for _ in range(_MOST_ATTEMPTS):
        data = await _capture(page, view, kind, quality, scale)
        if len(data) <= budget:
            return data
        if kind == "jpeg" and quality > 0.5:
            quality = 0.5
        else:
            # Size goes with the square of the scale; a little less than that, to be sure to fit.
            scale *= min(0.9, 0.95 * (budget / len(data)) ** 0.5)
        if scale * width < _LEAST_WIDTH:
            break
    raise CommandError(
        "PAYLOAD_TOO_LARGE",
        f"the snapshot does not fit into {budget} characters of base64; ask for a jpeg or a smaller "
        "maxWidth, or raise plugins.entries.canvas.config.maxSnapshotBytes on the node",
    )


async def _capture(page: CanvasPage, view: dict[str, Any], kind: str, quality: float, scale: float) -> str:
    clip = {
        "x": view["pageX"],
        "y": view["pageY"],
        "width": view["clientWidth"],
        "height": view["clientHeight"],
        "scale": scale,
    }
    request: dict[str, Any] = {"format": kind, "clip": clip}
    if kind == "jpeg":
        request["quality"] = round(quality * 100)
    data: str = (await page.devtools.send("Page.captureScreenshot", request))["data"]
    return data

"""The eight commands. Their functions run on a node host and import its half when called."""

from __future__ import annotations

from openclaw_canvas.gateway.actions import ACTION
from openclaw_canvas.gateway.methods import CHANGED
from openclaw_canvas.models import (
    CanvasResult,
    EvalParams,
    EvalResult,
    HideParams,
    NavigateParams,
    PresentParams,
    PushLinesParams,
    PushParams,
    PushResult,
    ResetParams,
    SnapshotParams,
    SnapshotResult,
)
from openclaw_canvas.probe import probe
from openclaw_canvas.settings import CanvasSettings
from openclaw_core import Example, Family, NodeContext, command
from openclaw_core.commands import Platform

__all__ = ["FAMILY"]

# macOS by 9.2; iOS and Android, whose apps have a canvas too (25.5); Linux, as this package is installed.
PLATFORMS: frozenset[Platform] = frozenset(("android", "ios", "linux", "macos"))

DONE = {"ok": True}
DOCUMENT = "/__openclaw__/canvas/documents/hello/"
CATALOG = "https://a2ui.org/specification/v0_9/catalogs/basic/catalog.json"
GREETING = [
    {"version": "v0.9", "createSurface": {"surfaceId": "main", "catalogId": CATALOG}},
    {
        "version": "v0.9",
        "updateComponents": {
            "surfaceId": "main",
            "components": [{"id": "root", "component": "Text", "text": "Hello", "variant": "h1"}],
        },
    },
]


@command(
    "canvas.present",
    platforms=PLATFORMS,
    foreground=True,
    idempotent=True,
    examples=(
        Example({}, DONE, "bring up what it showed before"),
        Example({"url": DOCUMENT, "placement": {"x": 0, "y": 0, "width": 800}}, DONE, "show a document"),
    ),
)
async def present(args: PresentParams, node: NodeContext) -> CanvasResult:
    """Show the canvas.

    Opens it where it is closed, goes to `url` when there is one, and puts its window where
    `placement` says. Without a url it shows what it showed before, or the A2UI page.
    """
    from openclaw_canvas.node import commands

    return await commands.present(args, node)


@command("canvas.hide", platforms=PLATFORMS, foreground=True, idempotent=True)
async def hide(_args: HideParams, node: NodeContext) -> CanvasResult:
    """Take the canvas off the screen; what it shows is kept."""
    from openclaw_canvas.node import commands

    return await commands.hide(node)


@command(
    "canvas.navigate",
    platforms=PLATFORMS,
    foreground=True,
    idempotent=True,
    examples=(
        Example({"url": DOCUMENT}, DONE, "a document the gateway hosts"),
        Example({"url": "https://example.com/"}, DONE, "a page of the web"),
    ),
)
async def navigate(args: NavigateParams, node: NodeContext) -> CanvasResult:
    """Go to a page.

    `url` is a hosted document's path (/__openclaw__/canvas/documents/ID/…), a file of the node
    (openclaw-canvas:///…) or an http(s) URL.
    """
    from openclaw_canvas.node import commands

    return await commands.navigate(args, node)


@command(
    "canvas.eval",
    platforms=PLATFORMS,
    foreground=True,
    examples=(Example({"javaScript": "document.title"}, {"result": "Hello"}),),
)
async def evaluate(args: EvalParams, node: NodeContext) -> EvalResult:
    """Run JavaScript in the page and return what its last expression gives."""
    from openclaw_canvas.node import commands

    return await commands.evaluate(args, node)


@command(
    "canvas.snapshot",
    platforms=PLATFORMS,
    foreground=True,
    read_only=True,
    idempotent=True,
    examples=(
        Example(
            {"format": "jpeg", "maxWidth": 800, "quality": 0.8}, {"format": "jpeg", "base64": "/9j/4AAQ"}
        ),
    ),
)
async def snapshot(args: SnapshotParams, node: NodeContext) -> SnapshotResult:
    """Take a picture of the page as it is visible."""
    from openclaw_canvas.node import commands

    return await commands.snapshot(args, node)


@command(
    "canvas.a2ui.push",
    platforms=PLATFORMS,
    foreground=True,
    examples=(Example({"messages": GREETING}, {"ok": True, "surfaces": ["main"]}),),
)
async def push(args: PushParams, node: NodeContext) -> PushResult:
    """Show a user interface described in A2UI messages, version 0.8 or 0.9.

    What people do on it comes back as the event canvas.a2ui.action.
    """
    from openclaw_canvas.node import commands

    return await commands.push(args.messages, node)


@command(
    "canvas.a2ui.pushJSONL",
    platforms=PLATFORMS,
    foreground=True,
    examples=(Example({"jsonl": '{"deleteSurface": {"surfaceId": "main"}}'}, {"ok": True, "surfaces": []}),),
)
async def push_lines(args: PushLinesParams, node: NodeContext) -> PushResult:
    """Show a user interface described in JSONL: one A2UI message per line."""
    from openclaw_canvas.node import commands

    return await commands.push(args.messages, node)


@command("canvas.a2ui.reset", platforms=PLATFORMS, foreground=True, idempotent=True)
async def reset(_args: ResetParams, node: NodeContext) -> CanvasResult:
    """Remove every A2UI surface from the canvas."""
    from openclaw_canvas.node import commands

    return await commands.reset(node)


FAMILY = Family(
    name="canvas",
    title="Canvas",
    commands=(present, hide, navigate, evaluate, snapshot, push, push_lines, reset),
    caps=("canvas",),
    events={ACTION: "operator.read", CHANGED: "operator.read"},
    config=CanvasSettings,
    probe=probe,
)

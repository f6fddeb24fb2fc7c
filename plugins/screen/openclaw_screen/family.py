"""The commands. Their functions run on a node host and import its half when called."""

from __future__ import annotations

from typing import Any

from openclaw_core import Example, Family, NodeContext, Probe, command
from openclaw_core.commands import DESKTOP_PLATFORMS
from openclaw_screen.config import ScreenConfig
from openclaw_screen.models import Recording, RecordParams, Snapshot, SnapshotParams

__all__ = ["FAMILY"]


@command(
    "screen.snapshot",
    platforms=DESKTOP_PLATFORMS,
    admin_approval=True,
    foreground=True,
    read_only=True,
    permission="screen",
    examples=(Example({"maxWidth": 1280, "format": "jpeg"}, says="what is on the screen now"),),
)
async def snapshot(args: SnapshotParams, node: NodeContext) -> Snapshot:
    """Take a picture of a screen."""
    from openclaw_screen.node.snapshot import take_snapshot

    return await take_snapshot(args, node.config)


@command(
    "screen.record",
    dangerous=True,
    foreground=True,
    timeout_ms=120_000,
    permission="screen",
    examples=(
        Example(
            {"durationMs": 5000, "fps": 10, "screenIndex": 0, "includeAudio": False},
            {"format": "mp4", "base64": "AAAA", "durationMs": 5000, "fps": 10, "hasAudio": False},
        ),
    ),
)
async def record(args: RecordParams, node: NodeContext) -> Recording:
    """Record a screen.

    The answer is an MP4 of the asked length. Headless node hosts record without sound.
    """
    from openclaw_screen.node.recording import record_screen

    return await record_screen(args, node.config)


def _probe(config: Any) -> Probe:
    from openclaw_screen.node.probe import probe

    return probe(config)


FAMILY = Family(
    name="screen",
    title="Screen",
    commands=(snapshot, record),
    caps=("screen",),
    config=ScreenConfig,
    probe=_probe,
)

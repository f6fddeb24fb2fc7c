"""The commands. Their functions run on a node host and import its half when called."""

from __future__ import annotations

from typing import Any

from openclaw_camera.config import CameraConfig
from openclaw_camera.models import (
    Clip,
    ClipParams,
    DeviceList,
    ListParams,
    Photo,
    PtzControlParams,
    PtzResult,
    PtzStatus,
    PtzStatusParams,
    SnapParams,
)
from openclaw_core import Command, Example, Family, NodeContext, Probe, command
from openclaw_core.commands import ALL_PLATFORMS

__all__ = ["FAMILY"]

# Phones show the picture to the person who holds them: their app has to be in front (14.3).
_FOREGROUND = True
_PTZ_STATE = {
    "axes": {
        "pan": {
            "current": 10,
            "min": -170,
            "max": 170,
            "step": 1,
            "unit": "degrees",
            "canSet": True,
            "canMove": True,
        }
    },
    "canHome": False,
}


@command(
    "camera.list",
    platforms=ALL_PLATFORMS - {"watchos"},
    foreground=_FOREGROUND,
    read_only=True,
    idempotent=True,
    examples=(
        Example({}, {"devices": [{"id": "/dev/video0", "name": "USB camera", "position": "unknown"}]}),
    ),
)
async def list_cameras(_args: ListParams, node: NodeContext) -> DeviceList:
    """List the node's cameras."""
    from openclaw_camera.node.devices import describe_all

    return await describe_all(node.config)


@command(
    "camera.snap",
    dangerous=True,
    foreground=_FOREGROUND,
    timeout_ms=30_000,
    permission="camera",
    examples=(Example({"maxWidth": 1280}, says="a photo for a quick look"),),
)
async def snap(args: SnapParams, node: NodeContext) -> Photo:
    """Take one photo.

    The answer is a JPEG of at most maxWidth px, made smaller where it would not fit a frame.
    """
    from openclaw_camera.node.photo import take_photo

    return await take_photo(args, node.config)


@command(
    "camera.clip",
    dangerous=True,
    foreground=_FOREGROUND,
    timeout_ms=120_000,
    permission="camera",
    examples=(Example({"durationMs": 5000, "includeAudio": False}, says="what moves, without a sound"),),
)
async def clip(args: ClipParams, node: NodeContext) -> Clip:
    """Record a short clip.

    The answer is an MP4 of the asked length; hasAudio tells whether a microphone was there.
    """
    from openclaw_camera.node.clip import record_clip

    return await record_clip(args, node.config)


# No node host of ours moves a camera: these two are for apps that do.
PTZ_STATUS = Command(
    "camera.ptz.status",
    PtzStatusParams,
    PtzStatus,
    title="Where a camera points",
    description="Where a camera points and how far it can be moved: pan, tilt in degrees, zoom in percent.",
    platforms=frozenset({"macos"}),
    foreground=_FOREGROUND,
    read_only=True,
    idempotent=True,
    permission="camera",
    examples=(Example({"deviceId": "cam-1"}, _PTZ_STATE),),
)
PTZ_CONTROL = Command(
    "camera.ptz.control",
    PtzControlParams,
    PtzResult,
    title="Move a camera",
    description="Move a camera: set its axes, move them by a delta, or send it home.",
    dangerous=True,
    foreground=_FOREGROUND,
    permission="camera",
    examples=(
        Example(
            {"deviceId": "cam-1", "operation": "set", "target": {"panDegrees": 10}}, {"state": _PTZ_STATE}
        ),
        Example({"deviceId": "cam-1", "operation": "move", "delta": {"zoomPercent": -5}}),
        Example({"deviceId": "cam-1", "operation": "home"}),
    ),
)


def _probe(config: Any) -> Probe:
    from openclaw_camera.node.probe import probe

    return probe(config)


FAMILY = Family(
    name="camera",
    title="Camera",
    commands=(list_cameras, snap, clip, PTZ_STATUS, PTZ_CONTROL),
    caps=("camera",),
    config=CameraConfig,
    probe=_probe,
)

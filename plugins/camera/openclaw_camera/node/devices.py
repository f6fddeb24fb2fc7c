"""The cameras of this machine, and which of them an invoke means."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import av
from av.container import InputContainer
from av.device import enumerate_input_devices

from openclaw_camera.config import CameraConfig
from openclaw_camera.models import Device, DeviceList, Facing
from openclaw_core import CommandError, in_thread

__all__ = ["SYNTHETIC_ID", "Camera", "cameras", "check_enabled", "choose", "describe_all", "open_failure"]

SYNTHETIC_ID = "synthetic"
UNKNOWN = "unknown"

_DRIVERS = {"darwin": "avfoundation", "win32": "dshow"}
_DRIVER = _DRIVERS.get(sys.platform, "v4l2")
_SYNTHETIC_PICTURE = "testsrc2=size=1920x1080:rate=15"
_ADJUSTMENT_MS = 2000


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that can be opened.

    Attributes:
        id: what `deviceId` names; `position` as of the contract.
        source, driver: what libav opens.
        adjustment_ms: how long it needs before its pictures are good, where the caller does not say.
    """

    id: str
    name: str
    source: str
    driver: str
    position: str = UNKNOWN
    device_type: str = "camera"
    adjustment_ms: int = _ADJUSTMENT_MS

    @property
    def is_synthetic(self) -> bool:
        """It is no device: its picture and sound are computed."""
        return self.id == SYNTHETIC_ID

    def open(self) -> InputContainer:
        """Start it.

        Raises:
            CommandError: `CAMERA_PERMISSION_REQUIRED` or `CAMERA_UNAVAILABLE`.
        """
        try:
            return av.open(self.source, format=self.driver)
        except OSError as error:
            raise open_failure(self.source, error) from None


_SYNTHETIC = Camera(
    SYNTHETIC_ID, "Test picture", _SYNTHETIC_PICTURE, "lavfi", device_type="synthetic", adjustment_ms=0
)


def check_enabled(config: CameraConfig) -> None:
    """Raise `CAMERA_DISABLED` where the person at the node does not want it used."""
    if not config.enabled:
        raise CommandError(
            "CAMERA_DISABLED",
            "the camera is switched off at the node; enable it there: set "
            "plugins.entries.camera.config.enabled to true in openclaw.json and restart the node",
        )


def cameras(config: CameraConfig) -> list[Camera]:
    """Every camera that can be opened now; asks the devices, so call it off the event loop."""
    try:
        found = enumerate_input_devices(_DRIVER)
    except OSError:  # this build has no such driver, or the system has no camera service
        found = []
    devices = [
        Camera(item.name, item.description or item.name, _source(item.name), _DRIVER)
        for item in found
        if "video" in item.media_types or not item.media_types
    ]
    offered = [*devices, *([_SYNTHETIC] if config.synthetic else [])]
    return [replace(item, position=config.positions.get(item.id, UNKNOWN)) for item in offered]


def _source(name: str) -> str:
    return f"video={name}" if _DRIVER == "dshow" else name


def choose(config: CameraConfig, device_id: str | None, facing: Facing | None = None) -> Camera:
    """The camera an invoke means: the named one, else one that looks there, else the first.

    No camera here says where it looks; `CameraConfig.positions` does. One of which nothing is known
    may look anywhere: the answer tells which it was.

    Raises:
        CommandError: `INVALID_REQUEST` for an unknown id, `CAMERA_UNAVAILABLE` without a camera, or
            when each is known to look elsewhere, `CAMERA_PERMISSION_REQUIRED` for a device that this
            user may not open.
    """
    found = cameras(config)
    if device_id is None:
        if not found:
            raise CommandError("CAMERA_UNAVAILABLE", "no camera is connected to the node; plug one in")
        return found[0] if facing is None else _looking(found, facing)
    for camera in found:
        if camera.id == device_id:
            return camera
    if _DRIVER == "v4l2" and device_id.startswith("/dev/video") and _is_shut(device_id):
        raise open_failure(device_id, PermissionError())
    raise CommandError("INVALID_REQUEST", f"unknown deviceId {device_id!r}; {_known(found)}")


def _looking(found: Sequence[Camera], facing: Facing) -> Camera:
    for position in (facing, UNKNOWN):
        for camera in found:
            if camera.position == position:
                return camera
    listed = ", ".join(f"{camera.id} ({camera.position})" for camera in found)
    raise CommandError(
        "CAMERA_UNAVAILABLE",
        f"no camera of the node looks to the {facing}; it has {listed}: name one with deviceId, or correct "
        "plugins.entries.camera.config.positions in the node's openclaw.json",
    )


def _is_shut(path: str) -> bool:
    return os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK, effective_ids=True)


def _known(found: Iterable[Camera]) -> str:
    names = ", ".join(camera.id for camera in found)
    return f"the node has: {names} (camera.list)" if names else "the node has no camera"


def open_failure(source: str, error: OSError) -> CommandError:
    """A refusal of the system in the contract's words (18.3)."""
    if isinstance(error, PermissionError):
        return CommandError(
            "CAMERA_PERMISSION_REQUIRED",
            f"the node's user may not open {source}; add it to the group that may (usermod -aG video USER), "
            "or allow the camera in the system's privacy settings, and restart the node",
        )
    return CommandError(
        "CAMERA_UNAVAILABLE",
        f"{source} does not open ({error.strerror or error}); "
        "is it plugged in, and does no other program use it?",
    )


async def describe_all(config: CameraConfig) -> DeviceList:
    """Answer of `camera.list`.

    Raises:
        CommandError: `CAMERA_DISABLED`.
    """
    check_enabled(config)
    found = await in_thread(lambda _stop: cameras(config))
    return DeviceList(
        devices=[
            Device(id=item.id, name=item.name, position=item.position, device_type=item.device_type)
            for item in found
        ]
    )

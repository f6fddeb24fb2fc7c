"""Params and results of `camera.*` (PROTOCOL 18.3).

The params of `camera.ptz.control` are closed, as the contract says; others ignore what they do
not know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from openclaw_core.models import Params, Result, Whole

__all__ = [
    "Axes",
    "Axis",
    "Clip",
    "ClipParams",
    "Device",
    "DeviceList",
    "Facing",
    "ListParams",
    "Photo",
    "PtzControlParams",
    "PtzResult",
    "PtzStatus",
    "PtzStatusParams",
    "PtzTarget",
    "SnapParams",
]


Finite = Annotated[float, Field(allow_inf_nan=False)]
Facing = Literal["front", "back"]
DeviceId = Annotated[str, Field(min_length=1)]


class ListParams(Params):
    """`camera.list` takes nothing."""


class Device(Result):
    """One camera. `id` is what `deviceId` takes; on Linux the path of the device."""

    id: DeviceId
    name: str
    position: str | None = None
    device_type: str | None = None


class DeviceList(Result):
    """The cameras of the node."""

    devices: list[Device]


class SnapParams(Params):
    """A photo. Sizes in px, times in ms.

    `delayMs` is how long the camera may adjust itself before; absent means 0 on phones and 2000 on
    macOS and Linux. `quality` below 0.05 counts as 0.05.
    """

    facing: Facing | None = None
    max_width: Annotated[int, Field(ge=1, le=16_384), Whole] = 1600
    quality: Annotated[float, Field(ge=0, le=1)] = 0.9
    format: Literal["jpg", "jpeg"] = "jpg"
    delay_ms: Annotated[int, Field(ge=0, le=10_000), Whole] | None = None
    device_id: DeviceId | None = None


class _Media(Result):
    format: Annotated[str, Field(min_length=1)]
    base64: Annotated[str, Field(min_length=1)] | None = None
    url: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _something_to_see(self) -> Any:
        if self.base64 is None and self.url is None:
            raise PydanticCustomError("no_media", "neither base64 nor url is there; give one of them")
        return self


class Photo(_Media):
    """A photo as base64 or under a URL; `width` and `height` in px.

    `deviceId` tells which camera took it, `facing` where that one looks: `front`, `back`, or `unknown`.
    """

    width: Annotated[int, Field(ge=1), Whole]
    height: Annotated[int, Field(ge=1), Whole]
    facing: str | None = None
    device_id: str | None = None


class ClipParams(Params):
    """A clip of `durationMs`, with sound where there is a microphone."""

    facing: Facing | None = None
    duration_ms: Annotated[int, Field(ge=200, le=60_000), Whole] = 3000
    include_audio: bool = True
    format: Literal["mp4"] = "mp4"
    device_id: DeviceId | None = None


class Clip(_Media):
    """A clip as base64 or under a URL; `deviceId` and `facing` as of a photo."""

    duration_ms: Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0)]
    has_audio: bool
    facing: str | None = None
    device_id: str | None = None


class PtzStatusParams(Params):
    """`camera.ptz.status`: which camera; none is chosen by itself."""

    device_id: DeviceId


class Axis(Result):
    """One way a camera moves: degrees for pan and tilt, percent for zoom."""

    current: Finite
    min: Finite
    max: Finite
    step: Finite
    unit: str
    can_set: bool
    can_move: bool
    default: Finite | None = None


class Axes(Result):
    """What of a camera can be moved."""

    pan: Axis | None = None
    tilt: Axis | None = None
    zoom: Axis | None = None


class PtzStatus(Result):
    """Where a camera points."""

    axes: Axes
    can_home: bool


class PtzTarget(Params):
    """Axes to set or to move by; absent ones stay."""

    model_config = ConfigDict(extra="forbid")

    pan_degrees: Finite | None = None
    tilt_degrees: Finite | None = None
    zoom_percent: Finite | None = None

    @model_validator(mode="after")
    def _one_axis(self) -> PtzTarget:
        if self.pan_degrees is None and self.tilt_degrees is None and self.zoom_percent is None:
            raise PydanticCustomError(
                "no_axis", "no axis is named; give panDegrees, tiltDegrees or zoomPercent"
            )
        return self


class PtzControlParams(Params):
    """`camera.ptz.control`: `set` with `target`, `move` with `delta`, or `home`."""

    model_config = ConfigDict(extra="forbid")

    device_id: DeviceId
    operation: Literal["set", "move", "home"]
    target: PtzTarget | None = None
    delta: PtzTarget | None = None

    @model_validator(mode="after")
    def _what_it_needs(self) -> PtzControlParams:
        needed = {"set": "target", "move": "delta", "home": None}[self.operation]
        for field in ("target", "delta"):
            if (getattr(self, field) is not None) is not (field == needed):
                rule = "set takes target, move takes delta, home takes neither"
                raise PydanticCustomError("ptz_operation", "{rule}", {"rule": rule})
        return self


class PtzResult(Result):
    """Where the camera points afterwards; `adjusted` names what it could not do exactly."""

    state: PtzStatus

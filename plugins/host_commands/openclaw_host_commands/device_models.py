"""Params and results about a device and its files (PROTOCOL 18.6, 18.8)."""

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from openclaw_core.models import Params, Result, Whole

__all__ = [
    "MAX_UPLOAD_BYTES",
    "Battery",
    "DeviceHealth",
    "DeviceInfo",
    "DeviceStatus",
    "Folder",
    "ListDirParams",
    "ListDirResult",
    "Network",
    "NoParams",
    "Storage",
    "Thermal",
    "UploadParams",
    "UploadResult",
]

MAX_UPLOAD_BYTES = 16 * 1024 * 1024
Bytes = Annotated[int, Field(ge=0), Whole]


class NoParams(Params):
    """Nothing to say."""


class DeviceInfo(Result):
    """What the device is."""

    device_name: str
    model_identifier: str
    system_name: str
    system_version: str
    app_version: str
    app_build: str
    locale: str


class Battery(Result):
    """`level` from 0 to 1, None for a device without one."""

    level: Annotated[float, Field(ge=0, le=1)] | None = None
    state: Literal["unknown", "unplugged", "charging", "full"]
    low_power_mode_enabled: bool


class Thermal(Result):
    """`nominal`, `fair`, `serious` or `critical`; `unknown` without sensors."""

    state: str


class Storage(Result):
    """The disk with the person's files, in bytes."""

    total_bytes: Bytes
    free_bytes: Bytes
    used_bytes: Bytes


class Network(Result):
    """How the device is connected; `interfaces` names kinds or names of what is up."""

    status: Literal["satisfied", "unsatisfied", "requiresConnection"]
    is_expensive: bool
    is_constrained: bool
    interfaces: list[str]


class DeviceStatus(Result):
    """How the device is."""

    battery: Battery
    thermal: Thermal
    storage: Storage
    network: Network
    uptime_seconds: Annotated[float, Field(ge=0)]


class DeviceHealth(Result):
    """A map of the device's own; the contract pins no field of it.

    This node host answers memory and disk in bytes, load as the average over 1, 5 and 15
    minutes, and temperatures in °C by sensor.
    """


class ListDirParams(Params):
    """`fs.listDir`: an absolute folder, one below home, or home when absent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"path": "/tmp"}, {}]})  # noqa: S108

    path: str | None = None


class Folder(Result):
    """One folder in a folder; `hidden` is there only when its name starts with a dot."""

    name: str
    path: str
    hidden: bool | None = None


class ListDirResult(Result):
    """The folders in a folder; `parent` is None at the root."""

    path: str
    parent: str | None
    home: str
    entries: list[Folder]


def _plain_name(name: str) -> str:
    if name in ("", ".", "..") or any(mark in name for mark in "/\\\0"):
        raise PydanticCustomError("file_name", "a file name without folders is needed, e.g. notes.txt")
    return name


def _base64(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise PydanticCustomError("base64", "this is not base64") from None
    if size > MAX_UPLOAD_BYTES:
        raise PydanticCustomError(
            "too_large", "{size} bytes; at most {limit} are taken", {"size": size, "limit": MAX_UPLOAD_BYTES}
        )
    return text


class UploadParams(Params):
    """`terminal.upload`: a file of at most 16 MiB for the node's terminal."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "a.txt", "contentBase64": "aGkK"}]})

    name: Annotated[str, Field(max_length=255), AfterValidator(_plain_name)]
    content_base64: Annotated[str, AfterValidator(_base64)]


class UploadResult(Result):
    """Where it is now, and its size in bytes."""

    path: str
    size: Bytes

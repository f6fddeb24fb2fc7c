"""Params, result and settings of the family (PROTOCOL 18.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from openclaw_core.models import Params, Result, Settings, Whole

__all__ = [
    "DesiredAccuracy",
    "FixedPosition",
    "GeoClueSettings",
    "GpsdSettings",
    "Latitude",
    "LocationConfig",
    "LocationParams",
    "LocationResult",
    "Longitude",
    "Source",
]

DesiredAccuracy = Literal["coarse", "balanced", "precise"]
Source = Literal["gps", "wifi", "cell", "unknown"]


def _iso_8601(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Timestamp = Annotated[str, AfterValidator(_iso_8601)]


class LocationParams(Params):
    """`location.get`.

    Attributes:
        timeout_ms: how long to wait for a fix, in ms.
        max_age_ms: a fix that is not older, in ms, is enough; absent: a new one is wanted.
        desired_accuracy: `precise` waits for a good fix; `coarse` also hides where exactly.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"timeoutMs": 5000, "maxAgeMs": 60_000, "desiredAccuracy": "balanced"}]
        },
    )

    timeout_ms: Annotated[int, Field(ge=1000, le=60_000), Whole] = 10_000
    max_age_ms: Annotated[int, Field(ge=0), Whole] | None = None
    desired_accuracy: DesiredAccuracy | None = None


class LocationResult(Result):
    """A position on WGS 84; fields that are null or absent are not known.

    Attributes:
        lat, lon: degrees.
        accuracy_meters: radius within which the position is likely, in m.
        altitude_meters: above mean sea level, in m; speed_mps: in m/s; heading_deg: from true north.
        timestamp: when the position was measured, ISO 8601.
        is_precise: not reduced on purpose or for want of a permission.
    """

    lat: Latitude
    lon: Longitude
    accuracy_meters: Annotated[float, Field(ge=0)]
    altitude_meters: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    timestamp: Timestamp
    is_precise: bool
    source: Source


class GpsdSettings(Settings):
    """Where gpsd listens."""

    enabled: bool = True
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 2947


class GeoClueSettings(Settings):
    """`desktop_id` is the application name that GeoClue's agent shows to the person."""

    enabled: bool = True
    desktop_id: Annotated[str, Field(min_length=1)] = "openclaw-node"


class FixedPosition(Settings):
    """A position for a machine that does not move; degrees and metres."""

    lat: Latitude
    lon: Longitude
    accuracy_meters: Annotated[float, Field(ge=0)] = 100.0
    altitude_meters: float | None = None


class LocationConfig(Settings):
    """`plugins.entries.location.config` on a node."""

    enabled: bool = True
    gpsd: GpsdSettings = GpsdSettings()
    geoclue: GeoClueSettings = GeoClueSettings()
    fixed: FixedPosition | None = None

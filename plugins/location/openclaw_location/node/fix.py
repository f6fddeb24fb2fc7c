"""One measured position, and how it is told."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from openclaw_location.models import DesiredAccuracy, FixedPosition, LocationResult, Source

__all__ = ["Fix", "fix_of_config", "tell"]

_COARSE_DECIMALS = 2
# Half the diagonal of a cell of 0.01 by 0.01 degrees at the equator, where it is largest.
_COARSE_ERROR_M = 790.0
_PRECISE_WITHIN_M = 100.0


@dataclass(frozen=True, slots=True)
class Fix:
    """A position.

    Attributes:
        lat, lon: degrees.
        accuracy_m: likely error in m.
        taken_at: when it was measured, as its source says.
        heard_at: the same on this machine's monotonic clock, in s; ages are counted from it.
        altitude_m: above mean sea level; speed_mps; heading_deg: None when unknown.
    """

    lat: float
    lon: float
    accuracy_m: float
    source: Source
    taken_at: datetime
    heard_at: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None


def fix_of_config(fixed: FixedPosition) -> Fix:
    """The configured position, as of now."""
    return Fix(
        fixed.lat,
        fixed.lon,
        fixed.accuracy_meters,
        "unknown",
        datetime.now(UTC),
        time.monotonic(),
        altitude_m=fixed.altitude_meters,
    )


def tell(fix: Fix, desired: DesiredAccuracy | None) -> LocationResult:
    """The fix as an answer; `coarse` rounds it and leaves out what would say more."""
    coarse = desired == "coarse"
    if coarse:
        fix = _blur(fix)
    maybe = {"altitude_meters": fix.altitude_m, "speed_mps": fix.speed_mps, "heading_deg": fix.heading_deg}
    known = {name: value for name, value in maybe.items() if value is not None}
    return LocationResult(
        lat=fix.lat,
        lon=fix.lon,
        accuracy_meters=round(fix.accuracy_m, 1),
        timestamp=fix.taken_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        is_precise=not coarse and fix.accuracy_m <= _PRECISE_WITHIN_M,
        source=fix.source,
        **known,
    )


def _blur(fix: Fix) -> Fix:
    return replace(
        fix,
        lat=round(fix.lat, _COARSE_DECIMALS),
        lon=round(fix.lon, _COARSE_DECIMALS),
        accuracy_m=math.ceil(fix.accuracy_m + _COARSE_ERROR_M),
        altitude_m=None,
        speed_mps=None,
        heading_deg=None,
    )

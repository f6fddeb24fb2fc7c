"""Fixes from gpsd over its JSON socket: a class of reports a line, TPV being a position.

https://gpsd.io/gpsd_json.html; every field but `class` may be absent.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from openclaw_core import CommandError
from openclaw_location.models import GpsdSettings
from openclaw_location.node.fix import Fix

__all__ = ["GpsdReports", "gpsd_fixes"]

_WATCH = b'?WATCH={"enable":true,"json":true};\n'
_LONGEST_LINE = 1 << 20
# gpsd's own expectation for a receiver without corrections, in m per unit of dilution.
_METRES_PER_DOP = 15.0
_USUAL_DOP = 2.0
_MODE_2D = 2


class GpsdReports:
    """Reads report after report; remembers what TPV leaves to others.

    Pure: lines go in, fixes come out.
    """

    def __init__(self) -> None:
        self._hdop = _USUAL_DOP

    def read(self, line: bytes) -> Fix | None:
        """The fix a line carries, or None.

        Raises:
            CommandError: `LOCATION_UNAVAILABLE`, gpsd has no receiver.
        """
        try:
            report = json.loads(line)
        except ValueError:
            return None
        if not isinstance(report, dict):
            return None
        match report.get("class"):
            case "TPV":
                return self._fix(report)
            case "SKY":
                self._hdop = _number(report.get("hdop")) or self._hdop
            case "DEVICES" if report.get("devices") == []:
                raise CommandError("LOCATION_UNAVAILABLE", "gpsd has no receiver; add one with gpsdctl add")
        return None

    def _fix(self, report: dict[str, Any]) -> Fix | None:
        lat, lon, mode = (_number(report.get(key)) for key in ("lat", "lon", "mode"))
        if lat is None or lon is None or not (abs(lat) <= 90 and abs(lon) <= 180):
            return None
        if mode is None or mode < _MODE_2D:
            return None
        altitudes = (_number(report.get(key)) for key in ("altMSL", "alt"))
        return Fix(
            lat,
            lon,
            self._accuracy(report),
            "gps",
            _moment(report.get("time")),
            time.monotonic(),
            altitude_m=next((value for value in altitudes if value is not None), None),
            speed_mps=_number(report.get("speed")),
            heading_deg=_number(report.get("track")),
        )

    def _accuracy(self, report: dict[str, Any]) -> float:
        """gpsd's estimate of the error, or what the satellites' geometry lets one expect; in m."""
        whole, east, north = (_number(report.get(key)) for key in ("eph", "epx", "epy"))
        if whole:
            return whole
        if east and north:
            return math.hypot(east, north)
        return self._hdop * _METRES_PER_DOP


async def gpsd_fixes(settings: GpsdSettings) -> AsyncIterator[Fix]:
    """Every fix gpsd reports, until the iterator is closed.

    Raises:
        CommandError: `LOCATION_UNAVAILABLE`: gpsd does not answer, has no receiver or went away.
    """
    where = f"gpsd at {settings.host}:{settings.port}"
    try:
        reader, writer = await asyncio.open_connection(settings.host, settings.port, limit=_LONGEST_LINE)
    except OSError as error:
        raise _gone(f"{where} does not answer ({error}); start gpsd") from error
    reports = GpsdReports()
    try:
        writer.write(_WATCH)
        await writer.drain()
        while line := await reader.readline():
            fix = reports.read(line)
            if fix is not None:
                yield fix
    except (OSError, ValueError) as error:  # ValueError: a line without end
        raise _gone(f"{where} broke off ({error})") from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    raise _gone(f"{where} closed the connection; see its log")


def _gone(text: str) -> CommandError:
    return CommandError("LOCATION_UNAVAILABLE", text)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _moment(text: Any) -> datetime:
    """gpsd's time of the fix; now, for a receiver that does not know the date."""
    if isinstance(text, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.now(UTC)

"""Shapes of 18.5, the facts of 9.2, and how a fix is told."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_location.family import FAMILY
from openclaw_location.models import FixedPosition, LocationConfig, LocationParams, LocationResult
from openclaw_location.node.fix import Fix, fix_of_config, tell
from openclaw_location.node.geoclue import fix_of_location
from openclaw_location.node.gpsd import GpsdReports
from openclaw_location.node.locate import LastFix
from pydantic import ValidationError

from openclaw_core import CommandError

ANSWER = {
    "lat": 52.52,
    "lon": 13.405,
    "accuracyMeters": 12,
    "timestamp": "2026-03-01T10:00:00Z",
    "isPrecise": True,
    "source": "wifi",
}
LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


def test_facts() -> None:
    (get,) = FAMILY.commands
    assert (get.name, FAMILY.caps, get.dangerous) == ("location.get", ("location",), False)
    assert get.platforms == {"ios", "android", "macos", "windows", "linux", "unknown"}


def test_the_gateways_half_imports_nothing_of_a_node() -> None:
    code = (
        "import sys, openclaw_location.plugin as p; p.openclaw_family();"
        "bad = [m for m in sys.modules if m.startswith(('openclaw_location.node', 'dbus_fast'))];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"altitudeMeters": None},
        {"altitudeMeters": 34.5, "speedMps": 0, "headingDeg": 359.5, "verticalAccuracy": 3},
    ],
)
def test_answers_of_phones_pass_whole(extra: dict[str, Any]) -> None:
    answer = {**ANSWER, **extra}
    assert LocationResult.model_validate(answer).model_dump(mode="json") == answer


@pytest.mark.parametrize(
    "wrong",
    [{"lat": 91}, {"source": "magic"}, {"timestamp": "yesterday"}, {"lon": "13"}, {"accuracyMeters": -1}],
)
def test_impossible_answers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LocationResult.model_validate({**ANSWER, **wrong})


def test_params_have_the_ranges_of_the_contract() -> None:
    params = LocationParams.model_validate({"maxAgeMs": 0.0, "timeoutMs": None, "other": 1})
    assert (params.max_age_ms, LocationParams().timeout_ms) == (0, 10_000)
    for wrong in ({"timeoutMs": 999}, {"timeoutMs": 60_001}, {"maxAgeMs": -1}, {"desiredAccuracy": "exact"}):
        with pytest.raises(ValidationError):
            LocationParams.model_validate(wrong)
    with pytest.raises(ValidationError):
        LocationConfig.model_validate({"fixed": {"lat": 95.0, "lon": 0.0}})


@given(LATITUDES, LONGITUDES, st.floats(0, 1e6))
def test_a_coarse_answer_hides_the_place_and_says_so(lat: float, lon: float, accuracy: float) -> None:
    fix = fix_of_config(FixedPosition(lat=lat, lon=lon, accuracy_meters=accuracy, altitude_meters=3.0))
    told = tell(fix, "coarse")
    assert (told.lat, told.lon) == (round(lat, 2), round(lon, 2))
    assert told.accuracy_meters >= accuracy + 780
    assert (told.is_precise, told.altitude_meters) == (False, None)
    exact = tell(fix, None)
    assert (exact.lat, exact.lon, exact.altitude_meters) == (lat, lon, 3.0)
    assert exact.is_precise is (accuracy <= 100)


@given(st.integers(0, 100_000), st.integers(0, 100_000), st.floats(0, 200))
def test_the_last_fix_counts_by_age_and_quality(max_age_ms: int, age_ms: int, accuracy: float) -> None:
    last = LastFix()
    assert last.recall(max_age_ms, 100.0, 0.0) is None
    last.fix = Fix(1.0, 2.0, accuracy, "gps", datetime.now(UTC), 1000.0)
    found = last.recall(max_age_ms, 100.0, 1000.0 + age_ms / 1000)
    if abs(max_age_ms - age_ms) > 1:  # of milliseconds as floats
        assert (found is not None) is (accuracy <= 100 and age_ms <= max_age_ms)
    assert last.recall(None, 1e9, 1000.0) is None


def test_reports_of_gpsd_are_read_with_what_they_lack() -> None:
    reports = GpsdReports()
    for nothing in (b"", b"[]", b"{", b'{"class":"TPV","mode":1}', b'{"class":"TPV","mode":3,"lat":1e999}'):
        assert reports.read(nothing) is None
    assert reports.read(b'{"class":"TPV","mode":1,"lat":1,"lon":2}') is None
    plain = reports.read(b'{"class":"TPV","mode":2,"lat":1,"lon":-2}')
    assert plain is not None
    assert (plain.lat, plain.lon, plain.accuracy_m, plain.altitude_m) == (1.0, -2.0, 30.0, None)
    reports.read(b'{"class":"SKY","hdop":0.8}')
    when = b'"time":"2026-01-02T03:04:05Z"'
    full = reports.read(b'{"class":"TPV","mode":3,"lat":1,"lon":2,"altMSL":5,"speed":0,"track":90,%b}' % when)
    assert full is not None
    assert (full.accuracy_m, full.altitude_m, full.speed_mps, full.heading_deg) == (12.0, 5.0, 0.0, 90.0)
    assert full.taken_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    measured = reports.read(b'{"class":"TPV","mode":3,"lat":1,"lon":2,"epx":3,"epy":4}')
    assert measured is not None
    assert measured.accuracy_m == 5.0
    with pytest.raises(CommandError, match="LOCATION_UNAVAILABLE: gpsd has no receiver"):
        reports.read(b'{"class":"DEVICES","devices":[]}')


def test_what_geoclue_does_not_know_is_left_out() -> None:
    unknown = {"Accuracy": 0.0, "Altitude": -1.7976931348623157e308, "Speed": -1.0, "Heading": -1.0}
    fix = fix_of_location({"Latitude": 1.0, "Longitude": 2.0, **unknown, "Description": "GeoIP"})
    assert (fix.altitude_m, fix.speed_mps, fix.heading_deg, fix.source) == (None, None, None, "unknown")
    assert fix.accuracy_m == 15_000
    known = {"Accuracy": 30.0, "Altitude": 0.0, "Speed": 0.0, "Heading": 0.0, "Description": "WiFi"}
    stamp = (int(time.time()) - 100, 0)
    fix = fix_of_location({"Latitude": 1.0, "Longitude": 2.0, **known, "Timestamp": stamp})
    assert (fix.accuracy_m, fix.altitude_m, fix.speed_mps, fix.heading_deg) == (30.0, 0.0, 0.0, 0.0)
    assert fix.source == "wifi"
    assert 99 < time.monotonic() - fix.heard_at < 102

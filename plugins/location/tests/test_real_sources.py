"""Against a real gpsd and a real GeoClue, both hearing a real NMEA log (packages gpsd, geoclue-2.0, dbus)."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from .conftest import GEOCLUE_OFF, GPSD_OFF, Place, refusal
from .sky import ALTITUDE, LAT, LON, daemon, gpsd, nmea_socket

pytestmark = pytest.mark.families

SERVICE = "org.freedesktop.GeoClue2"
GEOCLUE = "/usr/libexec/geoclue"


def is_there(answer: dict[str, Any]) -> None:
    assert answer["lat"] == pytest.approx(LAT, abs=1e-4)
    assert answer["lon"] == pytest.approx(LON, abs=1e-4)
    assert answer["altitudeMeters"] == pytest.approx(ALTITUDE, abs=0.1)
    assert answer["source"] == "gps"
    age = datetime.now(UTC) - datetime.fromisoformat(answer["timestamp"])
    assert abs(age.total_seconds()) < 30


def test_gpsd_tells_where_the_log_was_written(run: Any, place: Place) -> None:
    async def scene() -> None:
        async with gpsd(0.9) as port, place(gpsd={"port": port}, **GEOCLUE_OFF) as node:
            answer = await node.invoke("location.get", {"desiredAccuracy": "precise"})
            is_there(answer)
            assert answer["isPrecise"]
            assert answer["accuracyMeters"] <= 20
            assert answer["speedMps"] == pytest.approx(22.4 * 0.514444, abs=0.05)
            assert answer["headingDeg"] == pytest.approx(84.4, abs=0.1)
            coarse = await node.invoke("location.get", {"desiredAccuracy": "coarse"})
            assert (coarse["lat"], coarse["lon"], coarse["isPrecise"]) == (48.12, 11.52, False)

    run(scene())


def test_precise_waits_for_a_good_fix_and_takes_the_best_in_time(run: Any, place: Place) -> None:
    async def scene() -> None:
        async with gpsd(*[4.0] * 40, 0.9) as port, place(gpsd={"port": port}, **GEOCLUE_OFF) as node:
            quick = await node.invoke("location.get", {})
            assert quick["accuracyMeters"] > 20
            patient = await node.invoke("location.get", {"desiredAccuracy": "precise"})
            assert patient["accuracyMeters"] <= 20
        async with gpsd(4.0) as port, place(gpsd={"port": port}, **GEOCLUE_OFF) as node:
            best = await node.invoke("location.get", {"desiredAccuracy": "precise", "timeoutMs": 1000})
            assert best["accuracyMeters"] > 20

    run(scene())


def test_max_age_takes_the_last_fix(run: Any, place: Place) -> None:
    async def scene() -> None:
        async with gpsd(*[0.9] * 30, None) as port, place(gpsd={"port": port}, **GEOCLUE_OFF) as node:
            first = await node.invoke("location.get", {})
            code = ""
            while code != "LOCATION_TIMEOUT":  # until the receiver lost the sky
                frame = await node.attempt("location.get", {"timeoutMs": 1000})
                if not frame["ok"]:
                    code, message = await refusal(node, timeoutMs=1000)
                    assert "no fix within 1 s" in message
            again = await node.invoke("location.get", {"maxAgeMs": 60_000})
            assert (again["lat"], again["lon"]) == (first["lat"], first["lon"])
            assert (await refusal(node, timeoutMs=1000, maxAgeMs=0))[0] == "LOCATION_TIMEOUT"

    run(scene())


@pytest.fixture
def system_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bus of the test's own in the place of the system's."""
    argv = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    daemon = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", daemon.stdout.readline().strip())
    yield
    daemon.terminate()
    daemon.wait(10)
    daemon.stdout.close()


@asynccontextmanager
async def geoclue(socket: Path, *hdops: float | None, allows: bool | None) -> AsyncIterator[None]:
    """GeoClue with this sky, and a person who allows or refuses; None: nobody to ask."""
    from dbus_fast import BusType, Message, Variant
    from dbus_fast.aio import MessageBus

    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    there = asyncio.Event()

    def hear(message: Any) -> Any:
        if message.member == "NameOwnerChanged" and message.body[0] == SERVICE and message.body[2]:
            there.set()
        if message.member == "GetAll" and message.path == "/org/freedesktop/GeoClue2/Agent":
            most = Variant("u", 8 if allows else 0)  # the exact place, or none
            return Message.new_method_return(message, "a{sv}", [{"MaxAccuracyLevel": most}])
        return None

    bus.add_message_handler(hear)
    bus_name = "org.freedesktop.DBus"
    rule = [f"type='signal',interface='{bus_name}',member='NameOwnerChanged'"]
    await bus.call(Message(bus_name, "/org/freedesktop/DBus", bus_name, "AddMatch", signature="s", body=rule))
    async with nmea_socket(socket, *hdops):
        try:
            async with daemon(GEOCLUE, "-t", "0", "-u", str(socket)):
                await asyncio.wait_for(there.wait(), 20)
                if allows is not None:
                    path, manager = "/org/freedesktop/GeoClue2/Manager", f"{SERVICE}.Manager"
                    whose = ["geoclue-demo-agent"]
                    added = Message(SERVICE, path, manager, "AddAgent", signature="s", body=whose)
                    assert not (await bus.call(added)).error_name
                yield
        finally:
            bus.disconnect()


@pytest.mark.usefixtures("system_bus")
def test_geoclue_tells_when_gpsd_is_not_there(run: Any, place: Place, tmp_path: Path) -> None:
    async def scene() -> None:
        gone = {"gpsd": {"port": 1}}
        async with geoclue(tmp_path / "nmea", 0.9, allows=True), place(**gone) as node:
            answer = await node.invoke("location.get", {"timeoutMs": 8000})
            is_there(answer)

    run(scene())


@pytest.mark.usefixtures("system_bus")
def test_a_person_may_say_no_to_geoclue(run: Any, place: Place, tmp_path: Path) -> None:
    async def scene() -> None:
        async with geoclue(tmp_path / "nmea", 0.9, allows=False), place(**GPSD_OFF) as node:
            code, message = await refusal(node, timeoutMs=8000)
            assert (code, "location settings" in message) == ("LOCATION_PERMISSION_REQUIRED", True)

    run(scene())


@pytest.mark.usefixtures("system_bus")
def test_geoclue_without_an_agent_is_waited_for_no_longer_than_asked(
    run: Any, place: Place, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with geoclue(tmp_path / "nmea", 0.9, allows=None), place(**GPSD_OFF) as node:
            code, message = await refusal(node, timeoutMs=1000)
            assert (code, "agent" in message) == ("LOCATION_TIMEOUT", True)

    run(scene())

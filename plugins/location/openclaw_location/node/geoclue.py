"""Fixes from GeoClue 2 over the system bus.

One connection makes the client, starts it and hears of its locations: GeoClue gives a client
to the connection that asked for it and forgets it with that connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from openclaw_core import CommandError
from openclaw_location.models import DesiredAccuracy, GeoClueSettings, Source
from openclaw_location.node.fix import Fix

__all__ = ["AGENT_CURE", "fix_of_location", "geoclue_fixes"]

_SERVICE = "org.freedesktop.GeoClue2"
_MANAGER_PATH = "/org/freedesktop/GeoClue2/Manager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_BUS = "org.freedesktop.DBus"
_DENIED = "org.freedesktop.DBus.Error.AccessDenied"
# GeoClue's levels city and exact; below exact it asks no satellite receiver.
_LEVEL: dict[DesiredAccuracy, int] = {"coarse": 4, "balanced": 8, "precise": 8}
# When it does not say how good a location is, in m: a satellite receiver's without corrections,
# and what its level "city" stands for, the worst it answers.
_RECEIVER_ACCURACY_M = 30.0
_UNKNOWN_ACCURACY_M = 15_000.0
_LOWEST_ALTITUDE_M = -1e300  # below it stands the constant for "unknown"
_SOURCES: tuple[tuple[str, Source], ...] = (
    ("gps", "gps"),
    ("nmea", "gps"),
    ("wifi", "wifi"),
    ("3g", "cell"),
    ("cdma", "cell"),
)
AGENT_CURE = "GeoClue waits for an agent that speaks for the person; run one, e.g. the desktop's"


async def geoclue_fixes(settings: GeoClueSettings, desired: DesiredAccuracy) -> AsyncIterator[Fix]:
    """Every location GeoClue tells, until the iterator is closed.

    Without an agent GeoClue answers nothing at all: bound the wait.

    Raises:
        CommandError: `LOCATION_PERMISSION_REQUIRED`: the person or GeoClue's configuration says
            no; `LOCATION_UNAVAILABLE`: there is no bus, no GeoClue, or no dbus-fast.
    """
    try:
        from dbus_fast import BusType
        from dbus_fast.aio import MessageBus
        from dbus_fast.errors import DBusError
    except ImportError as error:
        raise _unavailable("dbus-fast is missing; pip install 'openclaw-location[node]'") from error
    try:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    except (OSError, EOFError, DBusError, ValueError) as error:
        raise _unavailable(f"the system bus does not answer ({error}); start dbus") from error
    client = _Client(bus)
    try:
        await client.start(settings.desktop_id, _LEVEL[desired])
        while True:
            yield await client.next()
    finally:
        await client.close()


class _Client:
    """One GeoClue client on a bus connection of its own."""

    def __init__(self, bus: Any) -> None:
        self._bus = bus
        self._path = ""
        self._locations: asyncio.Queue[str] = asyncio.Queue()
        bus.add_message_handler(self._hear)

    async def start(self, desktop_id: str, level: int) -> None:
        from dbus_fast import Variant

        rule = f"type='signal',sender='{_SERVICE}',interface='{_SERVICE}.Client',member='LocationUpdated'"
        await self._call(_BUS, "/org/freedesktop/DBus", _BUS, "AddMatch", "s", rule)
        (self._path,) = await self._call(_SERVICE, _MANAGER_PATH, f"{_SERVICE}.Manager", "GetClient")
        for name, value in (
            ("DesktopId", Variant("s", desktop_id)),
            ("RequestedAccuracyLevel", Variant("u", level)),
        ):
            owner = f"{_SERVICE}.Client"
            await self._call(_SERVICE, self._path, _PROPERTIES, "Set", "ssv", owner, name, value)
        await self._call(_SERVICE, self._path, f"{_SERVICE}.Client", "Start")

    async def next(self) -> Fix:
        """The next location it tells."""
        path = await self._locations.get()
        (found,) = await self._call(_SERVICE, path, _PROPERTIES, "GetAll", "s", f"{_SERVICE}.Location")
        return fix_of_location({name: variant.value for name, variant in found.items()})

    async def close(self) -> None:
        """Leave the bus; GeoClue stops and forgets the client of a connection that is gone."""
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    def _hear(self, message: Any) -> None:
        if message.member == "LocationUpdated" and message.path == self._path and len(message.body) > 1:
            self._locations.put_nowait(message.body[1])

    async def _call(
        self, destination: str, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> Any:
        from dbus_fast import Message, MessageType

        try:
            reply = await self._bus.call(
                Message(
                    destination=destination,
                    path=path,
                    interface=interface,
                    member=member,
                    signature=signature,
                    body=list(body),
                )
            )
        except (OSError, EOFError) as error:
            raise _unavailable(f"the system bus broke off ({error})") from error
        if reply.message_type is MessageType.ERROR:
            text = reply.body[0] if reply.body else reply.error_name
            if reply.error_name == _DENIED:
                raise CommandError(
                    "LOCATION_PERMISSION_REQUIRED",
                    f"GeoClue refused ({text}); allow the node in the desktop's location settings,"
                    " or in /etc/geoclue/geoclue.conf",
                )
            raise _unavailable(f"GeoClue failed ({text}); is the package geoclue-2.0 installed?")
        return reply.body


def fix_of_location(found: dict[str, Any]) -> Fix:
    """A location object's properties as a fix; 0, -1 and the lowest double stand for unknown."""
    seconds, micros = found.get("Timestamp") or (0, 0)
    now = time.time()
    taken_at = min(seconds + micros / 1e6, now) if seconds else now
    altitude, speed, heading = (found.get(name) for name in ("Altitude", "Speed", "Heading"))
    altitude = altitude if altitude is not None and altitude > _LOWEST_ALTITUDE_M else None
    source = _source(str(found.get("Description") or "").lower(), altitude)
    unknown_m = _RECEIVER_ACCURACY_M if source == "gps" else _UNKNOWN_ACCURACY_M
    return Fix(
        found["Latitude"],
        found["Longitude"],
        found.get("Accuracy") or unknown_m,
        source,
        datetime.fromtimestamp(taken_at, UTC),
        time.monotonic() - (now - taken_at),
        altitude_m=altitude,
        speed_mps=speed if speed is not None and speed >= 0 else None,
        heading_deg=heading if heading is not None and heading >= 0 else None,
    )


def _source(described: str, altitude: float | None) -> Source:
    """Its words where it has some; an altitude comes from satellites only."""
    named = next((source for word, source in _SOURCES if word in described), None)
    return named or ("unknown" if altitude is None else "gps")


def _unavailable(text: str) -> CommandError:
    return CommandError("LOCATION_UNAVAILABLE", text)

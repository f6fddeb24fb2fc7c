"""Which sources of positions this machine has; looked at every few seconds, so nothing is started."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path

from openclaw_core.contexts import Probe
from openclaw_location.models import GpsdSettings, LocationConfig

__all__ = ["probe_sources"]

_CONNECT_S = 0.5
_ACTIVATION = "dbus-1/system-services/org.freedesktop.GeoClue2.service"
_SOCKETS = ("/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket")


def probe_sources(config: LocationConfig | None) -> Probe:
    """Something works as soon as one source is there.

    A family that is switched off stays declared, so that a caller is told `LOCATION_DISABLED`.
    """
    config = config or LocationConfig()
    if not config.enabled:
        return Probe(permissions={"location": False})
    lacks = [
        _gpsd_lack(config.gpsd),
        _geoclue_lack() if config.geoclue.enabled else "GeoClue is switched off",
    ]
    if config.fixed is not None or None in lacks:
        return Probe(permissions={"location": True})
    reasons = "; ".join(lack for lack in lacks if lack)
    return Probe(
        unavailable=f"no source of positions: {reasons}; or set plugins.entries.location.config.fixed to"
        ' {"lat": …, "lon": …}'
    )


def _gpsd_lack(settings: GpsdSettings) -> str | None:
    if not settings.enabled:
        return "gpsd is switched off"
    try:
        with socket.create_connection((settings.host, settings.port), _CONNECT_S):
            return None
    except OSError as error:
        return f"gpsd at {settings.host}:{settings.port} does not answer ({error}); install and start gpsd"


def _geoclue_lack() -> str | None:
    if sys.platform != "linux":
        return "GeoClue is there on Linux only"
    if importlib.util.find_spec("dbus_fast") is None:
        return "dbus-fast is missing for GeoClue; pip install 'openclaw-location[node]'"
    if not os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") and not any(Path(path).exists() for path in _SOCKETS):
        return "there is no system bus for GeoClue; start dbus"
    folders = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    if not any(Path(folder, _ACTIVATION).exists() for folder in folders.split(":")):
        return "GeoClue is not installed; install the package geoclue-2.0"
    return None

"""What this machine is and how it is (PROTOCOL 18.6); psutil is the extra [node]."""

from __future__ import annotations

import asyncio
import locale
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from openclaw_core import CommandError
from openclaw_host_commands.device_models import (
    Battery,
    DeviceHealth,
    DeviceInfo,
    DeviceStatus,
    Network,
    Storage,
    Thermal,
)

__all__ = ["read_health", "read_info", "read_status"]

_MODEL = Path("/sys/devices/virtual/dmi/id/product_name")
_FULL_PERCENT = 99.5
# Of the way to a sensor's own critical temperature.
_HEAT = ((1.0, "critical"), (0.92, "serious"), (0.8, "fair"))


def _psutil() -> Any:
    try:
        import psutil
    except ImportError as error:
        cure = "psutil is missing; pip install 'openclaw-host-commands[node]'"
        raise CommandError("UNAVAILABLE", cure) from error
    return psutil


def read_info(display_name: str) -> DeviceInfo:
    """What this machine is, as its kernel and firmware tell."""
    try:
        model = _MODEL.read_text().strip()
    except OSError:
        model = ""
    return DeviceInfo(
        device_name=display_name,
        model_identifier=model or platform.machine(),
        system_name=platform.system(),
        system_version=platform.release(),
        app_version=version("openclaw-core"),
        app_build=version("openclaw-host-commands"),
        locale=locale.getlocale()[0] or "C",
    )


async def read_status() -> DeviceStatus:
    """How this machine is now.

    Raises:
        CommandError: `UNAVAILABLE`: psutil is not installed.
    """
    return await asyncio.to_thread(_status, _psutil())


def _status(psutil: Any) -> DeviceStatus:
    disk = psutil.disk_usage(str(Path.home()))
    names = sorted(name for name, state in psutil.net_if_stats().items() if _leads_out(name, state))
    return DeviceStatus(
        battery=_battery(psutil),
        thermal=Thermal(state=_heat(psutil)),
        storage=Storage(total_bytes=disk.total, free_bytes=disk.free, used_bytes=disk.used),
        network=Network(
            status="satisfied" if names else "unsatisfied",
            is_expensive=False,
            is_constrained=False,
            interfaces=names,
        ),
        uptime_seconds=round(max(time.time() - psutil.boot_time(), 0.0), 1),
    )


def _leads_out(name: str, state: Any) -> bool:
    return bool(state.isup) and not name.startswith("lo")


def _battery(psutil: Any) -> Battery:
    found = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if found is None:
        return Battery(state="unknown", low_power_mode_enabled=False)
    level = min(max(found.percent / 100, 0.0), 1.0)
    if found.power_plugged is None:
        return Battery(level=level, state="unknown", low_power_mode_enabled=False)
    if not found.power_plugged:
        return Battery(level=level, state="unplugged", low_power_mode_enabled=False)
    full = found.percent >= _FULL_PERCENT
    return Battery(level=level, state="full" if full else "charging", low_power_mode_enabled=False)


def _temperatures(psutil: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = (
        psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    )
    return found


def _heat(psutil: Any) -> str:
    """The worst of the sensors that know their own limit."""
    sensors = [sensor for group in _temperatures(psutil).values() for sensor in group]
    heats = [sensor.current / sensor.critical for sensor in sensors if sensor.critical and sensor.current]
    if not heats:
        return "unknown"
    return next((state for limit, state in _HEAT if max(heats) >= limit), "nominal")


async def read_health() -> DeviceHealth:
    """How loaded this machine is.

    Raises:
        CommandError: `UNAVAILABLE`: psutil is not installed.
    """
    return await asyncio.to_thread(_health, _psutil())


def _health(psutil: Any) -> DeviceHealth:
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(Path.home()))
    temperatures = {
        group: [sensor.current for sensor in sensors] for group, sensors in _temperatures(psutil).items()
    }
    return DeviceHealth.model_validate(
        {
            "cpuCount": os.cpu_count() or 1,
            "loadAverage": [round(value, 2) for value in psutil.getloadavg()],
            "memory": {"totalBytes": memory.total, "availableBytes": memory.available},
            "storage": {"totalBytes": disk.total, "freeBytes": disk.free},
            "temperaturesC": temperatures,
        }
    )

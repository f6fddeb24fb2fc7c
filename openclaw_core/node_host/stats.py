"""Load, memory and disk of this machine for `node.host.stats` (PROTOCOL 12.4)."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from openclaw_core.protocol.nodes import HostStats

__all__ = ["available_memory", "collect_stats"]

_MEMINFO = Path("/proc/meminfo")


def collect_stats(directory: Path) -> HostStats | None:
    """Facts of now, the disk being the one that holds `directory`; None where memory is untold."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        free = available_memory(_MEMINFO.read_text("ascii")) if _MEMINFO.exists() else None
        if free is None:
            free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    facts: dict[str, object] = {
        "cpuCount": os.cpu_count() or 1,
        "memoryTotalBytes": total,
        "memoryFreeBytes": min(free, total),
    }
    with suppress(AttributeError, OSError):
        facts["loadAverage"] = list(os.getloadavg())
    with suppress(OSError):
        disk = shutil.disk_usage(directory)
        facts |= {"diskTotalBytes": disk.total, "diskAvailableBytes": disk.free}
    return HostStats.model_validate(facts)


def available_memory(meminfo: str) -> int | None:
    """`MemAvailable` of /proc/meminfo in bytes."""
    for line in meminfo.splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None

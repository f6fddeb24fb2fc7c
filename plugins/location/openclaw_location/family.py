"""The one command. Its function runs on a node host and imports that half when called."""

from __future__ import annotations

from typing import Any

from openclaw_core import Family, NodeContext, command
from openclaw_core.commands import Example, Platform
from openclaw_core.contexts import Probe
from openclaw_location.models import LocationConfig, LocationParams, LocationResult

__all__ = ["FAMILY"]

# Everything but watches (9.2); Linux because this family is installed.
PLATFORMS: frozenset[Platform] = frozenset(("ios", "android", "macos", "windows", "linux", "unknown"))

EXAMPLES = (
    Example(
        {"timeoutMs": 5000, "desiredAccuracy": "balanced"},
        {
            "lat": 48.1173,
            "lon": 11.5167,
            "accuracyMeters": 8.5,
            "altitudeMeters": 545.4,
            "timestamp": "2026-03-23T12:35:19Z",
            "isPrecise": True,
            "source": "gps",
        },
        "to know where the node is now",
    ),
    Example({"maxAgeMs": 300_000, "desiredAccuracy": "coarse"}, says="when the town is enough"),
)


# The longest wait a caller may ask for, and room for the way there and back.
@command(
    "location.get", platforms=PLATFORMS, read_only=True, idempotent=True, timeout_ms=65_000, examples=EXAMPLES
)
async def get(args: LocationParams, node: NodeContext) -> LocationResult:
    """Tell where the node is.

    Answers latitude and longitude with the likely error in metres and the time of the fix.
    """
    from openclaw_location.node.locate import locate

    return await locate(args, node)


def _probe(config: Any) -> Probe:
    from openclaw_location.node.probe import probe_sources

    return probe_sources(config)


FAMILY = Family(
    name="location",
    title="Location",
    commands=(get,),
    caps=("location",),
    config=LocationConfig,
    probe=_probe,
)

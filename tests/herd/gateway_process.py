"""The gateway as a person starts it, which also tells what it holds: STATE_DIR PORT TOKEN."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from openclaw_core import Family, hookimpl
from openclaw_core.config import load_settings
from openclaw_core.discovery import Candidate, discover
from openclaw_core.gateway.connection import Connection
from openclaw_core.gateway.gateway import Gateway
from openclaw_core.gateway.http import FrontDoor
from openclaw_core.gateway.server import run_gateway
from openclaw_core.hookspecs import RpcMethod
from openclaw_core.plugins import Plugins
from openclaw_core.services.events import EventFilter
from openclaw_core.services.nodes import LiveNode
from openclaw_core.services.presence import Guest

_WATCHED = (Connection, FrontDoor, LiveNode, EventFilter, Guest, asyncio.Task)


class Nothing(BaseModel):
    """No params."""


async def inventory(_args: Nothing, _context: Any) -> dict[str, Any]:
    """Everything in this process that a connection could have left behind."""
    gc.collect()
    found = Counter({kind.__name__: 0 for kind in _WATCHED})
    watched = [item for item in gc.get_objects() if type(item) in _WATCHED]
    found.update(type(item).__name__ for item in watched)
    asker = next(item for item in watched if isinstance(item, Connection))
    return {"objects": dict(found), "tables": _sizes(asker._gateway)}


def _sizes(gateway: Gateway) -> dict[str, int]:
    """How many entries each table in memory has."""
    runtime = gateway.runtime
    registry, presence = runtime.registry, runtime.presence
    return {
        "connections": len(gateway.connections),
        "unauthenticated": len(gateway.door),
        "tasks": len(gateway._tasks),
        "subscribers": len(runtime.events),
        "filters": len(runtime.events._filters),
        "live nodes": len(list(runtime.nodes)),
        "links": len(runtime.nodes._bus._links),
        "device locks": len(registry._locks),
        "guests": len(presence._guests),
        "device requests": len(registry.pair_requests),
        "surface requests": len(registry.surface_requests),
        "devices": len(registry.devices),
        "surfaces": len(registry.surfaces),
        "invokes in flight": len(runtime.invokes),
        "queued sends": len(gateway.outbox._waiting),
    }


class Inventory:
    """A family of one method for the test to ask."""

    @hookimpl
    def openclaw_family(self) -> Family:
        return Family("inventory", "Inventory", commands=())

    @hookimpl
    def openclaw_methods(self) -> list[RpcMethod]:
        return [RpcMethod("inventory.get", "operator.admin", Nothing, inventory)]


def main(state_dir: Path, port: int, token: str) -> int:
    """Serve with the installed families until a signal comes; the exit code."""
    settings = load_settings(state_dir, {"port": port, "auth.token": token})
    plugins = Plugins([*discover(), Candidate("inventory", "tests", "0", Inventory())])
    return run_gateway(settings, plugins=plugins)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))

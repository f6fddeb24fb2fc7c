"""`events.subscribe`: a connection chooses which broadcasts it wants (PROTOCOL 15.3, additive)."""

from __future__ import annotations

from typing import Any

from openclaw_core.gateway.router import Call, Method
from openclaw_core.protocol.surfaces import EventsSubscribeParams
from openclaw_core.services.runtime import Runtime

__all__ = ["event_methods"]


def event_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""

    def subscribe(call: Call) -> dict[str, Any]:
        return runtime.events.subscribe(call.connection, call.params.events)

    # No scope of its own: it can only take away from what the connection's scopes let through.
    return [Method("events.subscribe", subscribe, "operator", None, EventsSubscribeParams)]

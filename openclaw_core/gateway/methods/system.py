"""`health`, `status`, `system-presence`: the gateway about itself (PROTOCOL 15.1, 16.2)."""

from __future__ import annotations

from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.gateway.router import Call, Method
from openclaw_core.services.runtime import Runtime

__all__ = ["health_snapshot", "system_methods"]


def health_snapshot(runtime: Runtime) -> dict[str, Any]:
    """What everyone may know: nodes and browsers get the same few facts."""
    return {"ok": True, "ts": runtime.now_ms()}


class _About:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def health(self, call: Call) -> dict[str, Any]:
        del call
        return health_snapshot(self._runtime)

    def presence(self, call: Call) -> list[dict[str, Any]]:
        del call
        return self._runtime.presence.rows()

    def status(self, call: Call) -> dict[str, Any]:
        del call
        runtime, registry = self._runtime, self._runtime.registry
        paired = [row for row in registry.devices.values() if "node" in row.roles]
        return {
            "runtimeVersion": runtime.version,
            "bootId": runtime.boot_id,
            "uptimeMs": runtime.now_ms() - runtime.started_at_ms,
            "authMode": runtime.settings.auth_mode,
            "nodes": {
                "paired": len(paired),
                "connected": sum(1 for _ in runtime.nodes),
                "pendingDevices": len(registry.pair_requests),
                "pendingSurfaces": len(registry.surface_requests),
            },
            "invokesInFlight": len(runtime.invokes),
            "families": [
                {"name": item.family.name, "distribution": item.distribution, "version": item.version}
                for item in runtime.plugins.loaded
            ],
            "failedFamilies": [
                {"name": item.name, "reason": item.reason, "cure": item.cure}
                for item in runtime.plugins.failed
            ],
        }


def system_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    about = _About(runtime)
    return [
        Method("health", about.health, "any"),
        Method("status", about.status, "operator", scopes.READ),
        Method("system-presence", about.presence, "operator", scopes.READ),
    ]

"""`node.pair.request` and `node.pair.verify` (PROTOCOL 25.1, 25.3)."""

from __future__ import annotations

from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.gateway.router import Call, Method
from openclaw_core.protocol import legacy as wire
from openclaw_core.services.runtime import Runtime

__all__ = ["legacy_methods"]


class _Legacy:
    def __init__(self, runtime: Runtime) -> None:
        self._pairing = runtime.legacy_pairing

    async def announce(self, call: Call) -> dict[str, Any]:
        return await self._pairing.announce(call.connection.caller, call.params)

    def verify(self, call: Call) -> dict[str, Any]:
        return self._pairing.verify(call.connection.caller, call.params.node_id, call.params.token)


def legacy_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    legacy = _Legacy(runtime)
    return [
        Method("node.pair.request", legacy.announce, "operator", scopes.PAIRING, wire.NodePairAnnounceParams),
        Method("node.pair.verify", legacy.verify, "operator", scopes.PAIRING, wire.NodePairVerifyParams),
    ]

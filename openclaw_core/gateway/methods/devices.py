"""`device.pair.*`, `device.token.*` and `device.scopes.*` (PROTOCOL 6.5, 7)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from openclaw_core.auth import scopes
from openclaw_core.errors import InvalidRequestError
from openclaw_core.gateway.router import Call, Handler, Method
from openclaw_core.protocol import devices as wire
from openclaw_core.protocol.limits import CLOSE_INVALIDATED
from openclaw_core.services.joint_approval import approve_with_surface
from openclaw_core.services.runtime import Runtime

__all__ = ["device_methods"]


class _Devices:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pairing = runtime.pairing
        self._device_ids = runtime.events.device_ids

    def list_all(self, call: Call) -> dict[str, Any]:
        listed = self._pairing.list_for(call.connection.caller, self._device_ids())
        for row in listed["pending"]:
            request = self._runtime.registry.pair_request(row["requestId"])
            if request is not None and "node" in request.roles:
                row["declaredSurface"] = self._runtime.first_surfaces.describe(request)
        return listed

    async def approve(self, call: Call) -> dict[str, Any]:
        caller, request_id = call.connection.caller, call.params.request_id
        if not call.params.surface:
            return await self._pairing.approve(caller, request_id, self._device_ids())
        return await approve_with_surface(self._runtime, caller, request_id)

    async def reject(self, call: Call) -> dict[str, Any]:
        return await self._pairing.reject(call.connection.caller, call.params.request_id)

    async def remove(self, call: Call) -> dict[str, Any]:
        device_id = call.params.device_id
        result = await self._pairing.remove(call.connection.caller, device_id)
        self._runtime.nodes.forget(device_id)
        self._close_soon(device_id, None, "device removed")
        return result

    async def rename(self, call: Call) -> dict[str, Any]:
        params = call.params
        return await self._pairing.rename(call.connection.caller, params.device_id, params.label)

    async def rotate(self, call: Call) -> dict[str, Any]:
        params = call.params
        result = await self._runtime.tokens.rotate(
            call.connection.caller, params.device_id, params.role, params.scopes
        )
        self._changed(params, "device token rotated")
        return result

    async def revoke(self, call: Call) -> dict[str, Any]:
        params = call.params
        result = await self._runtime.tokens.revoke(call.connection.caller, params.device_id, params.role)
        self._changed(params, "device token revoked")
        return result

    async def request_upgrade(self, call: Call) -> dict[str, Any]:
        connection, wanted = call.connection, frozenset(call.params.scopes)
        if connection.knock is None:
            raise InvalidRequestError(
                "device identity required: only a device can be given more scopes",
                {"code": "DEVICE_IDENTITY_REQUIRED"},
            )
        held = connection.caller.scopes
        return await self._runtime.scope_upgrades.request(connection.knock, held, wanted)

    async def wait_upgrade(self, call: Call) -> dict[str, Any]:
        device_id, request_id = call.connection.device_id, call.params.request_id
        return await self._runtime.scope_upgrades.wait(device_id, request_id)

    def _changed(self, params: Any, reason: str) -> None:
        self._runtime.events.broadcast("device.pair.changed", {})
        self._close_soon(params.device_id, params.role, reason)

    def _close_soon(self, device_id: str, role: str | None, reason: str) -> None:
        # The caller may be the very device: its answer goes out before its socket closes (7.3).
        close = self._runtime.events.close_device
        self._runtime.loop.call_soon(close, device_id, role, CLOSE_INVALIDATED, reason)


def device_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""
    devices = _Devices(runtime)
    request = wire.DevicePairRequestParams
    rows: list[tuple[str, Handler, type[BaseModel]]] = [
        ("device.pair.list", devices.list_all, wire.DevicePairListParams),
        ("device.pair.approve", devices.approve, wire.DevicePairApproveParams),
        ("device.pair.reject", devices.reject, request),
        ("device.pair.remove", devices.remove, wire.DevicePairRemoveParams),
        ("device.pair.rename", devices.rename, wire.DevicePairRenameParams),
        ("device.token.rotate", devices.rotate, wire.DeviceTokenRotateParams),
        ("device.token.revoke", devices.revoke, wire.DeviceTokenRevokeParams),
    ]
    # Who has no scope at all may ask for one.
    upgrades: list[tuple[str, Handler, type[BaseModel]]] = [
        ("device.scopes.requestUpgrade", devices.request_upgrade, wire.DeviceScopesRequestUpgradeParams),
        ("device.scopes.waitUpgrade", devices.wait_upgrade, wire.DeviceScopesWaitUpgradeParams),
    ]
    return [
        *(Method(name, handler, "operator", scopes.PAIRING, params) for name, handler, params in rows),
        *(Method(name, handler, "operator", None, params) for name, handler, params in upgrades),
    ]

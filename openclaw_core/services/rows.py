"""Stored rows as operators see them on the wire (PROTOCOL 6.1, 6.5, 8.3, 8.4)."""

from __future__ import annotations

from typing import Any

from openclaw_core.services.registry import Registry
from openclaw_core.store.models import Device, DeviceToken, PairRequest, SurfaceRequest

__all__ = ["device_row", "pair_request_row", "surface_request_row", "without_none"]


def without_none(row: dict[str, Any]) -> dict[str, Any]:
    """The row without the fields that have no value: absent on the wire, never null."""
    return {key: value for key, value in row.items() if value is not None}


def pair_request_row(row: PairRequest) -> dict[str, Any]:
    """A pending device request (6.1)."""
    return without_none(
        {
            "requestId": row.request_id,
            "deviceId": row.device_id,
            "publicKey": row.public_key,
            "displayName": row.display_name,
            "platform": row.platform,
            "deviceFamily": row.device_family,
            "clientId": row.client_id,
            "clientMode": row.client_mode,
            "browserOrigin": row.browser_origin,
            "role": row.role,
            "roles": row.roles,
            "scopes": row.scopes,
            "remoteIp": row.remote_ip,
            "silent": row.silent,
            "isRepair": row.is_repair,
            "ts": row.ts_ms,
        }
    )


def device_row(registry: Registry, row: Device, connected: bool) -> dict[str, Any]:
    """A paired device (6.5); token values never appear."""
    return without_none(
        {
            "deviceId": row.device_id,
            "publicKey": row.public_key,
            "displayName": row.display_name,
            "operatorLabel": row.operator_label,
            "platform": row.platform,
            "deviceFamily": row.device_family,
            "clientId": row.client_id,
            "clientMode": row.client_mode,
            "role": row.roles[-1] if "operator" not in row.roles else "operator",
            "roles": row.roles,
            "scopes": row.scopes,
            "remoteIp": row.remote_ip,
            "approvedVia": row.approved_via,
            "nodeSurface": _surface_row(registry, row.device_id),
            "pendingNodeSurface": _pending_surface_row(registry, row.device_id),
            "createdAtMs": row.created_at_ms,
            "approvedAtMs": row.approved_at_ms,
            "lastSeenAtMs": row.last_seen_at_ms,
            "lastSeenReason": row.last_seen_reason,
            "connected": connected or None,
            "tokens": [_token_row(token) for token in registry.tokens_of(row.device_id)],
        }
    )


def _token_row(row: DeviceToken) -> dict[str, Any]:
    return without_none(
        {
            "role": row.role,
            "scopes": row.scopes,
            "createdAtMs": row.created_at_ms,
            "rotatedAtMs": row.rotated_at_ms,
            "revokedAtMs": row.revoked_at_ms,
            "lastUsedAtMs": row.last_used_at_ms,
        }
    )


def _surface_row(registry: Registry, node_id: str) -> dict[str, Any] | None:
    row = registry.surfaces.get(node_id)
    if row is None or row.approved_at_ms is None:
        return None
    return without_none(
        {
            "displayName": row.display_name,
            "version": row.version,
            "caps": row.caps,
            "commands": row.commands,
            "permissions": row.permissions or None,
            "createdAtMs": row.created_at_ms,
            "approvedAtMs": row.approved_at_ms,
        }
    )


def _pending_surface_row(registry: Registry, node_id: str) -> dict[str, Any] | None:
    row = registry.surface_requests.get(node_id)
    if row is None:
        return None
    return without_none(
        {
            "requestId": row.request_id,
            "displayName": row.display_name,
            "platform": row.platform,
            "version": row.version,
            "deviceFamily": row.device_family,
            "caps": row.caps,
            "commands": row.commands,
            "silent": row.silent or None,
            "remoteIp": row.remote_ip,
            "ts": row.ts_ms,
        }
    )


def surface_request_row(row: SurfaceRequest, required_scopes: tuple[str, ...]) -> dict[str, Any]:
    """A pending surface request (8.3)."""
    return without_none(
        {
            "requestId": row.request_id,
            "nodeId": row.node_id,
            "clientId": row.client_id,
            "clientMode": row.client_mode,
            "displayName": row.display_name,
            "platform": row.platform,
            "version": row.version,
            "deviceFamily": row.device_family,
            "caps": row.caps,
            "commands": row.commands,
            "requiredApproveScopes": list(required_scopes),
            "permissions": row.permissions or None,
            "remoteIp": row.remote_ip,
            "silent": row.silent,
            "ts": row.ts_ms,
        }
    )

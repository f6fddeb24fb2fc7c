"""hello-ok: what a client learns when it got in (PROTOCOL 3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from openclaw_core.auth import scopes
from openclaw_core.gateway.handshake import Admission
from openclaw_core.gateway.methods.system import health_snapshot
from openclaw_core.protocol import limits
from openclaw_core.services.runtime import Runtime
from openclaw_core.services.scoped_urls import Holder

__all__ = ["hello_ok"]

_POLICY = {
    "maxPayload": limits.MAX_PAYLOAD_BYTES,
    "maxBufferedBytes": limits.MAX_BUFFERED_BYTES,
    "tickIntervalMs": limits.TICK_INTERVAL_MS,
}


def hello_ok(runtime: Runtime, features: Mapping[str, Any], admission: Admission, holder: Holder) -> bytes:
    """The encoded payload; `features` are those of the role, and a node sees no presence."""
    held = admission.caller.scopes
    may_read = admission.role == "operator" and scopes.holds(held, scopes.READ)
    snapshot: dict[str, Any] = {
        "presence": runtime.presence.rows() if may_read else [],
        "health": health_snapshot(runtime),
        "stateVersion": runtime.events.state_version,
        "uptimeMs": runtime.now_ms() - runtime.started_at_ms,
    }
    if admission.role == "operator" and scopes.holds(held, scopes.ADMIN):
        snapshot["stateDir"] = str(runtime.settings.state_dir)
        snapshot["configPath"] = str(runtime.settings.config_path)
        snapshot["authMode"] = runtime.settings.auth_mode
    urls = runtime.scoped_urls.at_hello(holder) if admission.role == "node" or may_read else {}
    return orjson.dumps(
        {
            "type": "hello-ok",
            "protocol": limits.PROTOCOL_VERSION,
            "server": {
                "version": runtime.version,
                "bootId": runtime.boot_id,
                "connId": admission.caller.conn_id,
            },
            "features": features,
            "snapshot": snapshot,
            **({"pluginSurfaceUrls": urls} if urls else {}),
            "auth": _auth(runtime, admission),
            "policy": _POLICY,
        }
    )


def _auth(runtime: Runtime, admission: Admission) -> dict[str, Any]:
    # The published schema closes this object without `method`, which the original sends.
    auth: dict[str, Any] = {"role": admission.role, "scopes": sorted(admission.caller.scopes)}
    if admission.token is not None:
        auth["deviceToken"] = runtime.tokens.value(admission.token)
        auth["issuedAtMs"] = admission.token.rotated_at_ms or admission.token.created_at_ms
    if admission.code is not None and admission.role == "node":
        # The operator half of a native app that came by a setup code (6.6).
        other = runtime.tokens.live(admission.caller.device_id or "", "operator")
        if other is not None:
            auth["deviceTokens"] = [
                {
                    "deviceToken": runtime.tokens.value(other),
                    "role": "operator",
                    "scopes": other.scopes,
                    "issuedAtMs": other.rotated_at_ms or other.created_at_ms,
                }
            ]
    return auth

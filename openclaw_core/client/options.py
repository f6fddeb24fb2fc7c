"""What a client is and wants, and the `connect` params that say so (PROTOCOL 3.2, 3.4, 5.5)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openclaw_core import __version__
from openclaw_core.auth.signing import SignedFields
from openclaw_core.client.identity import Identity
from openclaw_core.protocol.connect import Challenge
from openclaw_core.protocol.limits import PROTOCOL_VERSION

__all__ = ["ConnectOptions", "connect_params", "local_device_family", "local_platform"]

_PLATFORMS = {"darwin": "macos", "win32": "windows"}
_FAMILIES = {"macos": "Mac", "windows": "Windows", "linux": "Linux"}


def local_platform() -> str:
    """This machine as the protocol names it: `linux`, `macos`, `windows`, else sys.platform."""
    return _PLATFORMS.get(sys.platform, sys.platform)


def local_device_family() -> str | None:
    """`Linux`, `Mac` or `Windows`; None elsewhere."""
    return _FAMILIES.get(local_platform())


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    """Everything one connection needs; optional fields left None are not sent.

    Attributes:
        url: `ws://host:port` or `wss://host:port`.
        token, password, device_token, bootstrap_token: credentials, chapter 5.
        identity: device key; None connects without a device (5.3).
        scopes: operator scopes wanted.
        tls_fingerprint: SHA-256 of the one certificate that is accepted, colons allowed.
        timeout_ms: budget for reaching the gateway and for the whole handshake.
    """

    url: str
    token: str | None = None
    password: str | None = None
    device_token: str | None = None
    bootstrap_token: str | None = None
    identity: Identity | None = None
    role: str = "operator"
    scopes: tuple[str, ...] = ()
    client_id: str = "cli"
    client_mode: str = "cli"
    client_version: str = __version__
    platform: str = ""
    device_family: str | None = None
    display_name: str | None = None
    instance_id: str | None = None
    caps: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    permissions: Mapping[str, bool] | None = None
    path_env: str | None = None
    tls_fingerprint: str | None = None
    timeout_ms: int = 10_000
    min_protocol: int = PROTOCOL_VERSION
    max_protocol: int = PROTOCOL_VERSION

    @property
    def signed_token(self) -> str:
        """The credential the signature binds (3.4 field 8); never the password."""
        return self.token or self.device_token or self.bootstrap_token or ""


def connect_params(options: ConnectOptions, challenge: Challenge) -> dict[str, Any]:
    """The `connect` params that answer `challenge`, as JSON data."""
    platform = options.platform or local_platform()
    family = options.device_family or local_device_family()
    params: dict[str, Any] = {
        "minProtocol": options.min_protocol,
        "maxProtocol": options.max_protocol,
        "client": _present(
            id=options.client_id,
            version=options.client_version,
            platform=platform,
            mode=options.client_mode,
            displayName=options.display_name,
            deviceFamily=family,
            instanceId=options.instance_id,
        ),
        "role": options.role,
        "scopes": list(options.scopes),
        "caps": list(options.caps),
    }
    params |= _present(
        commands=list(options.commands) if options.role == "node" else None,
        permissions=dict(options.permissions) if options.permissions is not None else None,
        pathEnv=options.path_env,
        auth=_present(
            token=options.token,
            password=options.password,
            deviceToken=options.device_token,
            bootstrapToken=options.bootstrap_token,
        )
        or None,
    )
    if options.identity is not None:
        params["device"] = _device_proof(options, options.identity, challenge, platform, family or "")
    return params


def _device_proof(
    options: ConnectOptions, identity: Identity, challenge: Challenge, platform: str, family: str
) -> dict[str, Any]:
    fields = SignedFields(
        device_id=identity.device_id,
        client_id=options.client_id,
        client_mode=options.client_mode,
        role=options.role,
        scopes=options.scopes,
        # The gateway's clock, not ours: a device with a wrong clock can still prove itself.
        signed_at=challenge.ts,
        token=options.signed_token,
        nonce=challenge.nonce,
        platform=platform,
        device_family=family,
    )
    return {
        "id": identity.device_id,
        "publicKey": identity.public_key,
        "signature": identity.sign(fields),
        "signedAt": challenge.ts,
        "nonce": challenge.nonce,
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != ""}

"""Connecting as this machine: its endpoint, its device key and tokens (PROTOCOL 5.3, 5.5)."""

from __future__ import annotations

from openclaw_core.client.connection import Connection, EventHandler
from openclaw_core.client.handshake import HandshakeRefusedError
from openclaw_core.client.identity import load_or_create_identity
from openclaw_core.client.options import ConnectOptions
from openclaw_core.client.session import connect_with_tokens
from openclaw_core.client.tokens import DeviceTokens
from openclaw_core.endpoint import Endpoint

__all__ = ["dial"]


async def dial(
    endpoint: Endpoint, scopes: tuple[str, ...], on_event: EventHandler | None = None
) -> Connection:
    """Connect as an operator, with this machine's device key where the gateway wants one.

    Raises:
        As `connect_with_tokens`.
    """
    if endpoint.needs_identity:
        return await _dial(endpoint, scopes, on_event, with_identity=True)
    try:
        connection = await _dial(endpoint, scopes, on_event, with_identity=False)
    except HandshakeRefusedError as error:
        # A gateway without authentication wants to know the device instead (5.3).
        if not error.detail_code.endswith("DEVICE_IDENTITY_REQUIRED"):
            raise
    else:
        if connection.hello.auth.scopes or not scopes:
            return connection
        # A proxy on this machine stands between: the secret alone gives no scope there (5.3).
        await connection.close()
    return await _dial(endpoint, scopes, on_event, with_identity=True)


async def _dial(
    endpoint: Endpoint, scopes: tuple[str, ...], on_event: EventHandler | None, *, with_identity: bool
) -> Connection:
    options = ConnectOptions(
        url=endpoint.url,
        token=endpoint.token,
        password=endpoint.password,
        identity=load_or_create_identity(endpoint.identity_file) if with_identity else None,
        scopes=scopes,
        tls_fingerprint=endpoint.tls_fingerprint,
        timeout_ms=endpoint.connect_timeout_ms,
    )
    return await connect_with_tokens(options, DeviceTokens(endpoint.tokens_file), on_event)

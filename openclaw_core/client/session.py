"""Connecting with a memory: which credential to use, and what to do with device tokens (PROTOCOL 5.5)."""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import replace
from urllib.parse import urlsplit

from openclaw_core.client.connection import Connection, EventHandler, connect
from openclaw_core.client.handshake import HandshakeRefusedError
from openclaw_core.client.options import ConnectOptions
from openclaw_core.client.tokens import DeviceTokens
from openclaw_core.errors import ConfigError

__all__ = ["choose_credential", "connect_with_tokens", "may_retry_with_device_token"]

_log = logging.getLogger(__name__)


async def connect_with_tokens(
    options: ConnectOptions, tokens: DeviceTokens, on_event: EventHandler | None = None
) -> Connection:
    """Connect, using and keeping the device's token at this gateway.

    A stored token is used when no other credential was given, and once more after the
    shared token was refused, where 5.5 allows it. A stored token that the gateway refuses
    is forgotten; the one in hello-ok is kept.

    Raises:
        As `connect`; ConfigError also for a broken token file.
    """
    if options.identity is None:
        return await connect(options, on_event)
    key = (options.url, options.identity.device_id, options.role)
    stored = tokens.get(*key)
    chosen = choose_credential(options, stored)
    try:
        try:
            connection = await connect(chosen, on_event)
        except HandshakeRefusedError as error:
            if stored is None or not may_retry_with_device_token(chosen, error):
                raise
            chosen = replace(chosen, token=None, password=None, device_token=stored)
            connection = await connect(chosen, on_event)
    except HandshakeRefusedError as error:
        if error.detail_code != "AUTH_DEVICE_TOKEN_MISMATCH" or chosen.device_token != stored:
            raise
        if stored is not None:
            tokens.forget(*key, stored)
        if not options.bootstrap_token or chosen.bootstrap_token:
            raise
        # The device was removed here and got a new setup code: its old token is history.
        connection = await connect(options, on_event)
    _keep(connection, tokens, key)
    return connection


def choose_credential(options: ConnectOptions, stored: str | None) -> ConnectOptions:
    """The options with the stored device token filled in, when nothing better was given.

    Order of 5.5: explicit token, explicit device token, stored device token, bootstrap
    token, password. A password is the gateway's own secret and, unlike a stale stored
    token, was given on purpose: it also keeps the stored token out.
    """
    if stored is None or options.token or options.device_token or options.password:
        return options
    return replace(options, device_token=stored, bootstrap_token=None)


def may_retry_with_device_token(options: ConnectOptions, error: HandshakeRefusedError) -> bool:
    """True when a refused shared token may be followed by the device token (5.5).

    Only to a loopback gateway or one with a pinned certificate: any other that refuses
    the token may be an impostor that collects device tokens.
    """
    details = error.details or {}
    if error.detail_code != "AUTH_TOKEN_MISMATCH" or details.get("canRetryWithDeviceToken") is not True:
        return False
    return _is_loopback(options.url) or bool(options.tls_fingerprint)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keep(connection: Connection, tokens: DeviceTokens, key: tuple[str, str, str]) -> None:
    token = connection.hello.auth.device_token
    if token is None:
        return
    try:
        tokens.put(*key, token)
    except ConfigError as error:
        # The connection stands; only the next start will need another credential.
        _log.warning("the device token could not be kept: %s", error)

"""TLS of `wss://` gateways: certificate trust, or a pin on one certificate (PROTOCOL 1.1)."""

from __future__ import annotations

import hashlib
import re
import ssl
from typing import Any

from websockets.asyncio.client import ClientConnection

from openclaw_core.errors import ConfigError

__all__ = ["CertificateMismatchError", "normalize_fingerprint", "pinned_connection", "pinned_context"]

_HEX64 = re.compile(r"[0-9a-f]{64}\Z")


class CertificateMismatchError(ConfigError):
    """The gateway showed another certificate than the pinned one; nothing was sent to it."""

    def __init__(self, url: str, pinned: str, seen: str) -> None:
        super().__init__(
            f"the certificate of {url} has SHA-256 fingerprint {seen}, pinned is {pinned}; "
            "if the gateway's certificate was renewed on purpose, pin the new fingerprint"
        )


def normalize_fingerprint(text: str) -> str:
    """64 lower-case hex digits from a SHA-256 fingerprint with or without colons.

    Raises:
        ConfigError: it is not a SHA-256 fingerprint.
    """
    compact = text.strip().lower().removeprefix("sha256:").replace(":", "")
    if not _HEX64.match(compact):
        raise ConfigError(
            f"TLS fingerprint {text!r} is not the SHA-256 of a certificate: 64 hex digits, colons allowed"
        )
    return compact


def pinned_context() -> ssl.SSLContext:
    """A context that accepts any certificate, for use with `pinned_connection` only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def pinned_connection(url: str, fingerprint: str) -> type[ClientConnection]:
    """A connection class that checks the certificate before the first HTTP byte is sent."""

    class PinnedConnection(ClientConnection):
        async def handshake(self, *args: Any, **kwargs: Any) -> None:
            tls = self.transport.get_extra_info("ssl_object")
            seen = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
            if seen != fingerprint:
                raise CertificateMismatchError(url, fingerprint, seen)
            await super().handshake(*args, **kwargs)

    return PinnedConnection

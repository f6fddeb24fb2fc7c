"""Which browser pages may open a socket (PROTOCOL 1.1, 5.4 last row)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from openclaw_core.errors import InvalidRequestError

__all__ = ["is_loopback_name", "origin_allowed", "origin_refusal"]

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_WEB = ("http", "https")


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int | None


def origin_allowed(origin: str | None, host_header: str, allowed: Iterable[str], loopback: bool) -> bool:
    """True when the page may connect.

    Args:
        origin: the upgrade's Origin header; None, when a client sends none, is no page.
        host_header: the upgrade's Host header.
        allowed: `gateway.controlUi.allowedOrigins`; `*` allows every well-formed origin.
        loopback: the peer is this host.
    """
    if origin is None:
        return True
    page = _parse(origin)
    if page is None:
        return False
    if any(entry.strip() == "*" or _parse(entry) == page for entry in allowed):
        return True
    if page.scheme not in _WEB:
        return False  # of an app's own files, whose "host" is made up: nothing was loaded from this port
    target = _parse(f"{page.scheme}://{host_header}")
    if target is None or target.port != page.port:
        return False
    # The page came from this very port, by a host that nobody can rebind to it, as any other name could be.
    if is_loopback_name(page.host):
        return loopback and is_loopback_name(target.host)
    return _is_address(page.host) and page.host == target.host


def origin_refusal() -> InvalidRequestError:
    """The refusal of a page that is not allowed."""
    return InvalidRequestError(
        "origin not allowed (add the page's origin to gateway.controlUi.allowedOrigins)",
        {"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"},
    )


def _parse(text: str) -> _Origin | None:
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    extra = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc
    if extra or not parts.scheme or not parts.hostname or "\\" in text:
        return None
    return _Origin(parts.scheme, parts.hostname, _PORTS.get(parts.scheme) if port is None else port)


def is_loopback_name(host: str) -> bool:
    """True for this machine's own name or address; nothing is resolved."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

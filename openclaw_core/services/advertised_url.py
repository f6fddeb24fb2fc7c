"""Under which URL other machines reach this gateway (PROTOCOL 6.6, `gatewayUrl`)."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from openclaw_core.config import Settings
from openclaw_core.errors import InvalidRequestError

__all__ = ["Advertised", "advertise", "http_url", "parse_public_url"]

_SCHEMES = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}
_MAX_URLS = 8


@dataclass(frozen=True, slots=True)
class Advertised:
    """The URLs, best first, and where they come from (`urlSource`)."""

    urls: tuple[str, ...]
    source: str


def advertise(settings: Settings, port: int, *, public_url: str | None, prefer_remote: bool) -> Advertised:
    """The URLs for a setup code.

    Args:
        port: the one the gateway listens on.
        public_url: the caller's own word; it wins.
        prefer_remote: use `gateway.remote.url` where it is set.

    Raises:
        InvalidRequestError: `public_url` is no URL, or nobody but this host reaches the gateway.
    """
    if public_url is not None:
        return Advertised((parse_public_url(public_url),), "request.publicUrl")
    remote = settings.gateway.remote.url
    if remote and prefer_remote:
        return Advertised((parse_public_url(remote),), "gateway.remote.url")
    if settings.binds_loopback_only:
        raise InvalidRequestError(
            "the gateway listens on loopback only, where no other machine reaches it: set gateway.bind to "
            "lan and restart it, or pass publicUrl with the address of a proxy or tunnel in front of it"
        )
    scheme = "wss" if settings.gateway.tls.enabled else "ws"
    host = settings.bind_host
    hosts = own_addresses() if host in ("0.0.0.0", "::") else [host]  # noqa: S104 — compared, not bound
    urls = tuple(f"{scheme}://{_bracketed(item)}:{port}" for item in hosts[:_MAX_URLS])
    if not urls:
        raise InvalidRequestError(
            "this host has no network address but loopback: connect it, or pass publicUrl"
        )
    return Advertised(urls, f"gateway.bind={settings.gateway.bind}")


def parse_public_url(text: str) -> str:
    """The WebSocket URL behind a `ws`, `wss`, `http` or `https` URL.

    Raises:
        InvalidRequestError: anything else.
    """
    try:
        parts = urlsplit(text.strip())
        usable = parts.hostname and parts.port != 0 and parts.username is None
    except ValueError:
        usable = None
    if not usable or parts.scheme not in _SCHEMES or parts.query or parts.fragment:
        raise InvalidRequestError(
            f"publicUrl {text!r} is not usable: give ws://, wss://, http:// or https:// with a host"
        )
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}"


def http_url(websocket_url: str) -> str:
    """The same place for a browser."""
    return "http" + websocket_url.removeprefix("ws")


def own_addresses() -> list[str]:
    """This host's addresses that others may reach, the one of the default route first."""
    found: dict[str, None] = {}
    # Connecting a UDP socket sends nothing; it only asks the routing table (documentation networks).
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))
                found[probe.getsockname()[0]] = None
        except OSError:
            continue  # no route of this family
    try:
        infos = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        infos = []
    found.update({str(info[4][0]): None for info in infos})
    return [text for text in found if _is_reachable(text)]


def _is_reachable(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

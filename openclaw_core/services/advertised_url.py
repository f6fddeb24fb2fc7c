"""Under which URL other machines reach this gateway (PROTOCOL 6.6, `gatewayUrl`)."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from openclaw_core.auth.origin import is_loopback_name
from openclaw_core.config import Settings
from openclaw_core.errors import InvalidRequestError

__all__ = ["Advertised", "advertise", "advertised_as", "http_url", "own_addresses", "parse_public_url"]

_SCHEMES = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}
_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_MAX_URLS = 8


@dataclass(frozen=True, slots=True)
class Advertised:
    """The URLs, best first, and where they come from (`urlSource`).

    `foreign_pin`: the certificate there, where the operator named it; None when it is the gateway's own.
    """

    urls: tuple[str, ...]
    source: str
    foreign_pin: str | None = None

    @property
    def is_private(self) -> bool:
        """True when nobody on the way can read what is said there: TLS, or this host only."""
        return all(
            url.startswith("wss://") or is_loopback_name(urlsplit(url).hostname or "") for url in self.urls
        )


def advertise(settings: Settings, port: int, *, public_url: str | None) -> Advertised:
    """The URLs for a setup code: the caller's, the configured one, or the addresses of this host.

    Args:
        port: the one the gateway listens on.
        public_url: the caller's own word; it wins.

    Raises:
        InvalidRequestError: `public_url` is no URL, or nobody but this host reaches the gateway.
    """
    if public_url is not None:
        return Advertised((parse_public_url(public_url),), "request.publicUrl")
    remote = settings.gateway.remote
    if remote.url:
        return Advertised((parse_public_url(remote.url),), "gateway.remote.url", remote.tls_fingerprint)
    if settings.binds_loopback_only:
        raise InvalidRequestError(
            "the gateway listens on loopback only, where no other machine reaches it: set gateway.bind to "
            "lan and restart it, or name the address of a proxy or tunnel in front of it, as publicUrl or "
            "in gateway.remote.url"
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


def advertised_as(settings: Settings, netloc: str, *, secure: bool) -> Advertised:
    """The URL for somebody who already found the gateway under this host and port."""
    url, remote = f"{'wss' if secure else 'ws'}://{netloc}", settings.gateway.remote
    is_remote = remote.url is not None and urlsplit(remote.url).netloc == netloc
    return Advertised((url,), "request", remote.tls_fingerprint if is_remote else None)


def parse_public_url(text: str) -> str:
    """The WebSocket URL behind a `ws`, `wss`, `http` or `https` URL, without a default port.

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
    scheme = _SCHEMES[parts.scheme]
    # The original's node takes a code only if its URL is spelled the way browsers spell it.
    port = "" if parts.port in (None, _DEFAULT_PORTS[scheme]) else f":{parts.port}"
    return f"{scheme}://{_bracketed(str(parts.hostname))}{port}{parts.path.rstrip('/')}"


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

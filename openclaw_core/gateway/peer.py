"""Who is at the other end of a socket, as far as the network tells (PROTOCOL 1.1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from websockets.datastructures import Headers

from openclaw_core.gateway.upgrade import HttpRefusal

__all__ = ["Peer", "identify_peer"]

_FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a connection comes from.

    Attributes:
        ip: the client's address; behind a trusted proxy the one that proxy saw.
        loopback: a process of this very host that came without a proxy.
        origin: the browser's Origin header, None for other clients.
        host: the Host header as sent.
        secure: a trusted proxy says that the client came by TLS.
        proxied_by_loopback: a program of this host named `ip`; any local one could have.
    """

    ip: str
    loopback: bool
    origin: str | None
    host: str
    secure: bool = False
    proxied_by_loopback: bool = False

    @property
    def remote_ip(self) -> str | None:
        """The address to show people; None for this host, as on the wire."""
        return None if self.loopback else self.ip


def identify_peer(address: str, headers: Headers, trusted_proxies: Iterable[str]) -> Peer:
    """Tell the client from the proxy in front of it.

    Args:
        address: the socket's peer address.
        trusted_proxies: `gateway.trustedProxies`, addresses or networks.

    Raises:
        HttpRefusal: forwarding headers from an address that is no trusted proxy: they
            would let anyone claim to be anyone, this host included.
    """
    forwarded = [name for name in _FORWARDING if name in headers]
    origin, host = headers.get("Origin"), headers.get("Host", "")
    if not forwarded:
        return Peer(address, _is_loopback(address), origin, host)
    networks = [ipaddress.ip_network(item, strict=False) for item in trusted_proxies]
    if not _within(address, networks):
        raise _unattributed(f"{forwarded[0]} came from {address}, which is not in gateway.trustedProxies")
    hops = [hop.strip() for value in headers.get_all("X-Forwarded-For") for hop in value.split(",")]
    hops = hops or [headers.get("X-Real-IP", "").strip()]
    # The nearest hop that is not one of our proxies is the last one nobody could forge.
    client = next((hop for hop in reversed(hops) if not _within(hop, networks)), hops[0])
    if not _is_address(client):
        raise _unattributed("the trusted proxy named no client address; let it send X-Forwarded-For")
    secure = headers.get("X-Forwarded-Proto", "").strip() == "https"
    return Peer(client, False, origin, host, secure, _is_loopback(address))


def _unattributed(why: str) -> HttpRefusal:
    error = {
        "message": f"Proxy client attribution is required: {why}",
        "type": "proxy_attribution_required",
    }
    return HttpRefusal(HTTPStatus.FORBIDDEN, "application/json", orjson.dumps({"error": error}))


def _within(address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)

"""Who is at the other end of a socket, as far as the network tells (PROTOCOL 1.1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson
from websockets.datastructures import Headers

from openclaw_core.auth.proxy_identity import ProxyIdentity, read_identity
from openclaw_core.config import GatewayConfig
from openclaw_core.gateway.upgrade import HttpRefusal

__all__ = ["Peer", "admit_peer", "identify_peer"]

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
        proxied: a trusted proxy named `ip`.
        proxied_by_loopback: a program of this host named `ip`; any local one could have.
        identity: whom a trusted proxy authenticated, where the gateway asks for that.
    """

    ip: str
    loopback: bool
    origin: str | None
    host: str
    secure: bool = False
    proxied: bool = False
    proxied_by_loopback: bool = False
    identity: ProxyIdentity | None = None

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
    real_ip = headers.get("X-Real-IP", "").strip()
    hops = hops or [real_ip]
    # The nearest hop that is not one of our proxies is the last one nobody could forge.
    client = next((hop for hop in reversed(hops) if not _within(hop, networks)), hops[0])
    if not _is_address(client):
        raise _unattributed("the trusted proxy named no client address; let it send X-Forwarded-For")
    if real_ip and not _within(real_ip, networks) and not _is_same(real_ip, client):
        # A proxy that sets one of the two passes the other one on as the client made it up.
        raise _unattributed(f"X-Real-IP says {real_ip[:64]} and X-Forwarded-For {client}; let it set both")
    secure = headers.get("X-Forwarded-Proto", "").strip() == "https"
    return Peer(client, False, origin, host, secure, True, _is_loopback(address))


def admit_peer(address: str, headers: Headers, config: GatewayConfig) -> Peer:
    """The client of an upgrade, with whom its proxy authenticated in the mode `trusted-proxy` (5.1).

    Raises:
        HttpRefusal: as `identify_peer`.
    """
    peer = identify_peer(address, headers, config.trusted_proxies)
    rules = config.auth.trusted_proxy
    if config.auth.mode != "trusted-proxy" or rules.user_header is None:
        return peer
    identity = read_identity(
        headers,
        proxied=peer.proxied,
        loopback=peer.proxied_by_loopback,
        user_header=rules.user_header,
        required_headers=rules.required_headers,
        allow_users=rules.allow_users,
        allow_loopback=rules.allow_loopback,
    )
    return replace(peer, identity=identity)


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


def _is_same(one: str, other: str) -> bool:
    return _is_address(one) and ipaddress.ip_address(one) == ipaddress.ip_address(other)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)

"""Approvals that a rule gives instead of a person: trusted networks, setup codes (PROTOCOL 6.4, 6.6)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final, Literal

from openclaw_core.auth import scopes as rights
from openclaw_core.auth.pairing_rules import Asked, PairingReason

__all__ = [
    "ACCESS_SCOPES",
    "NATIVE_APPS",
    "SetupAccess",
    "admits_network",
    "admits_proxy_user",
    "setup_grants",
]

SetupAccess = Literal["full", "limited", "node"]

NATIVE_APPS: Final = frozenset(("openclaw-macos", "openclaw-ios", "openclaw-watchos", "openclaw-android"))
"""The maker's own apps, by their word: they are node and operator in one."""

_LIMITED = frozenset((rights.READ, rights.WRITE, rights.APPROVALS, rights.TALK_SECRETS))
ACCESS_SCOPES: Final[dict[str, frozenset[str]]] = {
    "full": _LIMITED | {rights.ADMIN, rights.PAIRING},
    "limited": _LIMITED,
    "node": frozenset(),
}
"""What a setup code lets an operator have at most."""


def admits_network(
    *,
    ip: str,
    networks: Iterable[str],
    loopback: bool,
    proxied_by_loopback: bool,
    browser_origin: bool,
    reason: PairingReason,
    asked: Asked,
) -> bool:
    """True when `gateway.nodes.pairing.autoApproveCidrs` lets a new node pair (6.4, `trusted-cidr`).

    Only the first pairing of a node that asks for no scopes, and only its device: what it may
    do still waits for a person.

    Args:
        ip: the client's address.
        networks: the configured networks.
        proxied_by_loopback: forwarding headers from a program on this host name the address;
            any local program can do that, so they prove nothing.
        browser_origin: the upgrade carried an Origin header.
    """
    if loopback or proxied_by_loopback or browser_origin:
        return False
    if reason != "not-paired" or asked.role != "node" or asked.scopes:
        return False
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return not address.is_loopback and any(
        address in ipaddress.ip_network(network, strict=False) for network in networks
    )


def admits_proxy_user(*, named: bool, reason: PairingReason, asked: Asked) -> bool:
    """True when a user whom a trusted proxy authenticated may pair by itself (6.4, `trusted-proxy`).

    Only the first pairing of an operator's device: nodes, wider scopes and changed devices wait
    for a person as always.

    Args:
        named: the configuration names the user in `gateway.auth.trustedProxy.allowUsers`.
    """
    return named and reason == "not-paired" and asked.role == "operator"


def setup_grants(access: SetupAccess, *, client_id: str, reason: PairingReason, asked: Asked) -> bool:
    """True when a setup code approves this connect at once; else a person has to (6.6).

    A node code pairs a node that asks for no scopes. The other two pair an operator within
    their scopes, and the node half of a native app. A device that is known and suddenly
    describes itself differently, or an operator that asks for more than it has, always waits.
    """
    if reason not in ("not-paired", "role-upgrade"):
        return False
    if asked.role == "node":
        return not asked.scopes and (access == "node" or client_id in NATIVE_APPS)
    return access != "node" and rights.covers(ACCESS_SCOPES[access], asked.scopes)

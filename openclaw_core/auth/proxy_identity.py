"""Who a trusted reverse proxy says is there: `gateway.auth.mode: trusted-proxy` (PROTOCOL 5.1, 5.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["ProxyIdentity", "read_identity"]


@dataclass(frozen=True, slots=True)
class ProxyIdentity:
    """What the headers of an upgrade prove.

    Attributes:
        user: whom the proxy authenticated; None when it proved nobody.
        reason: `authReason` of 5.4 when there is no user.
        named: the user is one of those the configuration names.
    """

    user: str | None = None
    reason: str | None = None
    named: bool = False


def read_identity(
    headers: Mapping[str, str],
    *,
    proxied: bool,
    loopback: bool,
    user_header: str,
    required_headers: Iterable[str] = (),
    allow_users: Collection[str] = (),
    allow_loopback: bool = False,
) -> ProxyIdentity:
    """Judge the identity headers of one upgrade; case of header names and of users does not matter.

    Args:
        headers: by name, each at most once.
        proxied: the peer is in `gateway.trustedProxies` and told for which client it speaks.
        loopback: the peer is a program of this host, and any of them could say the same.
        user_header, required_headers: header names; a blank value counts as absent.
        allow_users: users that may come; empty lets in whoever the proxy authenticated.
        allow_loopback: the proxy runs on this host and is believed all the same.
    """
    if not proxied:
        return ProxyIdentity(reason="trusted_proxy_untrusted_source")
    if loopback and not allow_loopback:
        return ProxyIdentity(reason="trusted_proxy_loopback_source")
    missing = next((name for name in required_headers if not headers.get(name, "").strip()), None)
    if missing is not None:
        return ProxyIdentity(reason=f"trusted_proxy_missing_header_{missing.lower()}")
    user = headers.get(user_header, "").strip()
    if not user:
        return ProxyIdentity(reason="trusted_proxy_user_missing")
    named = user.casefold() in {name.strip().casefold() for name in allow_users}
    if allow_users and not named:
        return ProxyIdentity(reason="trusted_proxy_user_not_allowed")
    return ProxyIdentity(user=user, named=named)

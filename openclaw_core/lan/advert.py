"""The record of DNS-SD by which gateways are found: `_openclaw-gw._tcp`, with the original's TXT keys.

Nothing in it is proven: whoever is on the network may say whatever they like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["SERVICE_TYPE", "Advert", "MdnsMode", "describe_gateway", "read_advert"]

SERVICE_TYPE: Final = "_openclaw-gw._tcp.local."

MdnsMode = Literal["off", "minimal", "full"]
"""`discovery.mdns.mode`. This gateway never tells paths or SSH ports, so that full is minimal here."""

_MAX_TEXT_CHARS = 128
_MAX_ADDRESSES = 8
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Advert:
    """What somebody on the network says about a gateway.

    Attributes:
        name: what it calls itself.
        addresses: IP addresses of the record, at most 8.
        port: of the record.
        tls: it claims to speak TLS.
        fingerprint: SHA-256 it claims for its certificate, 64 hex digits; a hint, never a pin.
    """

    name: str
    addresses: tuple[str, ...]
    port: int
    tls: bool = False
    fingerprint: str | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        """WebSocket URLs, one for each address."""
        scheme = "wss" if self.tls else "ws"
        return tuple(
            f"{scheme}://{f'[{address}]' if ':' in address else address}:{self.port}"
            for address in self.addresses
        )


def describe_gateway(
    display_name: str, host: str, port: int, *, fingerprint: str | None, reachable: bool
) -> dict[str, str]:
    """The TXT record of a gateway.

    Args:
        host: this machine's name, without `.local`.
        fingerprint: SHA-256 of its certificate; None without TLS.
        reachable: others reach it by its addresses.
    """
    told = {
        "role": "gateway",
        "displayName": display_name[:_MAX_TEXT_CHARS],
        "lanHost": f"{host}.local",
        "gatewayPort": str(port),
        "transport": "gateway",
    }
    if fingerprint is not None:
        told |= {"gatewayTls": "1", "gatewayTlsSha256": fingerprint}
    if reachable:
        told["gatewayDirectReachable"] = "1"
    return told


def read_advert(
    instance: str, addresses: Iterable[str], port: int | None, told: Mapping[str, str]
) -> Advert | None:
    """An advert from the network; None when it is no gateway's.

    Address and port come from the record itself; the TXT's own are hints that nobody needs.

    Args:
        instance: the name before the service type.
    """
    found = tuple(addresses)[:_MAX_ADDRESSES]
    if not found or not port or told.get("role", "gateway") != "gateway":
        return None
    fingerprint = told.get("gatewayTlsSha256", "").replace(":", "").lower()
    return Advert(
        name=_plain(told.get("displayName", "")) or _plain(instance) or "unnamed",
        addresses=found,
        port=port,
        tls=told.get("gatewayTls") == "1",
        fingerprint=fingerprint if _FINGERPRINT.match(fingerprint) else None,
    )


def _plain(text: str) -> str:
    """Without what could move a terminal's cursor or hide in a name."""
    return "".join(char for char in text if char.isprintable())[:_MAX_TEXT_CHARS].strip()

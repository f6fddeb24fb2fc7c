"""Gateways of the local network: what one says of itself by mDNS, and who of them can be trusted.

Needs the extra `discovery` for `browse`; the rest is pure.
"""

from __future__ import annotations

from openclaw_core.lan.advert import SERVICE_TYPE, Advert, MdnsMode, describe_gateway, read_advert
from openclaw_core.lan.trust import Pins, UntrustedAdvertError, choose

__all__ = [
    "SERVICE_TYPE",
    "Advert",
    "MdnsMode",
    "Pins",
    "UntrustedAdvertError",
    "choose",
    "describe_gateway",
    "read_advert",
]

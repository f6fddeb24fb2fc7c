"""Which platform a device is, for the command policy (PROTOCOL 9.1)."""

from __future__ import annotations

import re
from functools import lru_cache

from openclaw_core.auth.signing import normalize
from openclaw_core.commands import Platform

__all__ = ["KNOWN_CLIENT_IDS", "labelled_platform", "resolve_platform"]

KNOWN_CLIENT_IDS = frozenset(
    (
        "cli",
        "fingerprint",
        "gateway-client",
        "node-host",
        "openclaw-android",
        "openclaw-browser-copilot",
        "openclaw-control-ui",
        "openclaw-ios",
        "openclaw-linux",
        "openclaw-macos",
        "openclaw-probe",
        "openclaw-tui",
        "openclaw-watchos",
        "openclaw-worker",
        "test",
        "webchat",
        "webchat-ui",
    )
)
"""The client ids of 3.2. Any other id connects too and is of platform `unknown`."""

_FAMILIES: dict[Platform, frozenset[str]] = {
    "ios": frozenset(("iphone", "ipad", "ios")),
    "watchos": frozenset(("apple watch", "watchos")),
    "android": frozenset(("android",)),
    "macos": frozenset(("mac",)),
    "windows": frozenset(("windows",)),
    "linux": frozenset(("linux",)),
}
_FAMILY_MAY_BE_EMPTY: frozenset[Platform] = frozenset(("ios", "android"))
_EXACT: dict[str, Platform] = {name: name for name in _FAMILIES}
_NODE_HOST_ALIASES: dict[str, Platform] = {"darwin": "macos", "win32": "windows"}
_LABELS: dict[str, Platform] = {
    "android": "android",
    "ios": "ios",
    "ipados": "ios",
    "macos": "macos",
    "watchos": "watchos",
}
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*( \(sdk [0-9]+\))?")


def labelled_platform(text: str) -> Platform | None:
    """The platform of a native app's label, e.g. `iOS 18.4.0` or `Android 15`; None for other texts."""
    name, _, version = normalize(text).partition(" ")
    return _LABELS.get(name) if _VERSION.fullmatch(version) else None


@lru_cache(1_024)
def resolve_platform(platform: str, device_family: str | None, client_id: str | None) -> Platform:
    """The platform whose default commands a node may get.

    Args:
        platform, device_family: as the client sent them.
        client_id: `client.id`; one that is not of 3.2 is always `unknown`. None, for a
            record without it, gets no aliases.
    """
    if client_id is not None and client_id not in KNOWN_CLIENT_IDS:
        return "unknown"
    text, family = normalize(platform), normalize(device_family or "")
    if not text:
        return _by_family(family)
    exact = _EXACT.get(text) or (_NODE_HOST_ALIASES.get(text) if client_id == "node-host" else None)
    if exact is not None:
        return exact if _fits(exact, family) else "unknown"
    labelled = labelled_platform(text)
    return labelled if labelled is not None and family in _FAMILIES[labelled] else "unknown"


def _fits(platform: Platform, family: str) -> bool:
    if not family:
        return platform in _FAMILY_MAY_BE_EMPTY
    return family in _FAMILIES[platform]


def _by_family(family: str) -> Platform:
    return next((name for name, families in _FAMILIES.items() if family in families), "unknown")

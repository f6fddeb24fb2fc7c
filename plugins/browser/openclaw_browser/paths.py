"""Which browser requests may travel to a node: the path rules both halves share (PROTOCOL 9.4, 18.9)."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["is_host_local", "is_profile_mutation", "normal_path", "profile_mutation_in"]

_MUTATIONS = frozenset({"/profiles/create", "/profiles/import", "/reset-profile"})
_ONE_PROFILE = re.compile(r"/profiles/[^/]+")
_HOST_LOCAL = frozenset(
    {
        ("GET", "/system-profiles"),
        ("GET", "/system-profile-import/status"),
        ("POST", "/system-profile-import/dismiss"),
    }
)


def normal_path(path: str) -> str:
    """The path with one slash at its start and none at its end; blank stays blank."""
    bare = path.strip()
    if not bare:
        return ""
    return "/" + bare.strip("/")


def is_profile_mutation(method: str, path: str) -> bool:
    """Whether a request creates, imports, deletes or resets a profile that outlives the browser.

    Args:
        method: upper case.
        path: as `normal_path` gives it.
    """
    if method == "POST":
        return path in _MUTATIONS
    return method == "DELETE" and _ONE_PROFILE.fullmatch(path) is not None


def is_host_local(method: str, path: str) -> bool:
    """Whether a request is about the profiles of people's own browsers; those stay on their machine."""
    return (method, path) in _HOST_LOCAL


def profile_mutation_in(params: Any) -> bool:
    """Whether unchecked `browser.proxy` params ask for a profile mutation."""
    if not isinstance(params, dict):
        return False
    method, path = params.get("method"), params.get("path")
    if not isinstance(path, str):
        return False
    verb = method.strip().upper() if isinstance(method, str) else "GET"
    return is_profile_mutation(verb, normal_path(path))

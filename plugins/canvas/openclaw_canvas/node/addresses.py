"""Where the canvas may go: hosted paths, files of this node, http(s); and what all else is told.

Hosted pages and local files have addresses of their own inside the browser, on hosts that do
not exist. The node answers for them. So a page's address, and all that its links resolve
to, outlives every scoped URL, and no page gets to see one.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from openclaw_core import CommandError

__all__ = ["A2UI_PAGE", "HOSTED", "LOCAL", "Address", "resolve"]

HOSTED = "https://gateway.openclaw-canvas.invalid"
LOCAL = "https://local.openclaw-canvas.invalid"
HOME = "/__openclaw__/canvas/"
CAPABILITY = "/__openclaw__/cap/"
A2UI_PAGE = f"{HOSTED}{HOME}a2ui/"


@dataclass(frozen=True, slots=True)
class Address:
    """A place to go.

    Attributes:
        url: what the browser is given.
        hosted: path and query on the gateway, for a hosted page.
    """

    url: str
    hosted: str | None = None


def resolve(url: str, surface_url: str | None) -> Address:
    """Find what `canvas.present` or `canvas.navigate` was asked for (18.2).

    Args:
        surface_url: the scoped URL now; by it a full URL of this gateway's own is known.

    Raises:
        CommandError: `INVALID_REQUEST` for anything else.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _refuse(url, str(error)) from None
    if parts.scheme in ("http", "https"):
        own = _own_path(parts, surface_url)
        return _hosted(parts, own) if own is not None else Address(url)
    if parts.scheme == "openclaw-canvas":
        return Address(f"{LOCAL}{_rest(parts, parts.path or '/')}")
    if parts.scheme:
        raise _refuse(url, f"the canvas opens no {parts.scheme}: URLs")
    if url == "/":
        return _hosted(parts, HOME)
    if parts.netloc or not f"{parts.path}/".startswith(HOME):
        raise _refuse(url, "it is neither a hosted path nor a URL with its scheme")
    return _hosted(parts, parts.path)


def _own_path(parts: SplitResult, surface_url: str | None) -> str | None:
    """The hosted path in a full URL of our gateway, scoped or not, or in a page's own address."""
    if parts.netloc not in (urlsplit(HOSTED).netloc, urlsplit(surface_url or HOSTED).netloc):
        return None
    path = parts.path
    if path.startswith(CAPABILITY):
        path = "/" + path.removeprefix(CAPABILITY).partition("/")[2]
    return path if f"{path}/".startswith(HOME) else None


def _hosted(parts: SplitResult, path: str) -> Address:
    target = f"{path}?{parts.query}" if parts.query else path
    return Address(f"{HOSTED}{_rest(parts, path)}", target)


def _rest(parts: SplitResult, path: str) -> str:
    return SplitResult("", "", path, parts.query, parts.fragment).geturl()


def _refuse(url: str, why: str) -> CommandError:
    cure = f"give a path below {HOME}documents/, an openclaw-canvas:/// URL, or http(s)"
    return CommandError("INVALID_REQUEST", f"url {url[:200]!r} cannot be opened: {why}; {cure}")

"""Which pages a tab may show: http and https unless the node's owner says otherwise."""

from __future__ import annotations

from urllib.parse import urlsplit

from openclaw_browser.node.failures import RouteError, blocked

__all__ = ["check_shown", "check_target"]

_HARMLESS = ("about:blank", "about:srcdoc", "chrome-error:")


def check_target(url: str, allowed: tuple[str, ...]) -> str:
    """The URL to open.

    Raises:
        RouteError: it is no absolute URL, carries a password, or its scheme is not allowed.
    """
    text = url.strip()
    if text == "about:blank":
        return text
    try:
        parts = urlsplit(text)
        user = parts.username or parts.password
    except ValueError as error:
        raise RouteError(400, f"no URL: {error}", reason="navigation_blocked") from None
    if user:
        raise RouteError(
            400,
            "a URL must not carry a user name or password; open it without and log in on the page",
            reason="navigation_blocked",
        )
    scheme = parts.scheme.lower()
    if scheme in ("http", "https") and not parts.hostname:
        raise RouteError(400, f"{text[:200]!r} names no host; write it as https://host/path")
    if not scheme or (scheme not in allowed and "." in text.split(":", 1)[0]):
        raise RouteError(400, f"{text[:200]!r} has no scheme; write it as https://host/path")
    if scheme not in allowed:
        raise blocked(text, allowed)
    return text


def check_shown(url: str, allowed: tuple[str, ...]) -> None:
    """Refuse to work on a page that no caller may open, however the tab came there.

    Raises:
        RouteError: the scheme of the tab's URL is not allowed.
    """
    if url in ("", ":") or url.startswith(_HARMLESS):
        return
    scheme, _, rest = url.partition(":")
    if scheme.lower() == "blob":
        scheme = rest.partition(":")[0]
    if scheme.lower() not in allowed:
        raise blocked(url, allowed)

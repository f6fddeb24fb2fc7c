"""How a browser request fails: an HTTP status and a sentence for whoever asked."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

__all__ = ["GONE", "SNAPSHOT_AGAIN", "RouteError", "blocked", "browser_gone", "readable", "tab_missing"]

GONE = re.compile(r"has been closed|Target closed|Connection closed|Browser closed")
SNAPSHOT_AGAIN = "take a new snapshot and use a ref from it"


class RouteError(Exception):
    """A route's refusal or failure.

    Args:
        status: as in HTTP; under 500 the request cannot succeed as it stands.
        message: a sentence that says what to do next.
        code: stable, of the `ACT_…` kind; None for none.
        reason: stable, e.g. `navigation_blocked`; None for none.
    """

    def __init__(
        self, status: int, message: str, *, code: str | None = None, reason: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.reason = reason

    def body(self) -> dict[str, Any]:
        """The failure's body on the wire."""
        facts = {"error": self.message, "code": self.code, "reason": self.reason}
        return {key: value for key, value in facts.items() if value is not None}


def tab_missing(reference: str, ended: str | None) -> RouteError:
    """No tab has this id, handle or label; `ended` says why the browser lost its tabs."""
    hint = f"; {ended}" if ended else ""
    how = f"a bare number is no tab; did you mean t{reference}? " if reference.isdigit() else ""
    return RouteError(
        404,
        f'tab not found: "{reference}"{hint}. {how}List them with GET /tabs and pass suggestedTargetId,'
        " tabId, label or targetId",
    )


def blocked(url: str, allowed: tuple[str, ...]) -> RouteError:
    """A URL the navigation policy refuses."""
    schemes = ", ".join(f"{scheme}:" for scheme in allowed)
    return RouteError(
        400,
        f"navigation to {url[:200]} is blocked by policy: only {schemes} and about:blank may be shown"
        " (allowSchemes of plugins.entries.browser.config on the node)",
        reason="navigation_blocked",
    )


def browser_gone(profile: str) -> RouteError:
    """The browser ended while it worked."""
    return RouteError(
        503,
        f'the browser of profile "{profile}" ended unexpectedly and its tabs are lost; send the request'
        " again and it is started anew (logins are kept)",
    )


def readable(error: PlaywrightError, target: str) -> RouteError:
    """What Playwright says of an action, for somebody who knows refs and not Playwright."""
    text = str(error)
    first = re.sub(r"^\w+\.\w+: ", "", text.splitlines()[0] if text else "failed")
    failed = "ACT_OPERATION_FAILED"
    if "strict mode violation" in text:
        found = re.search(r"resolved to (\d+) elements", text)
        many = found.group(1) if found else "several"
        return RouteError(500, f"{target} matches {many} elements; {SNAPSHOT_AGAIN}", code=failed)
    for pattern, said in _STATES:
        if re.search(pattern, text):
            return RouteError(500, f"{target} {said}", code=failed)
    if isinstance(error, PlaywrightTimeout):
        return RouteError(
            500,
            f"{target}: {first.rstrip('.')}; the page was not ready for it, {SNAPSHOT_AGAIN}",
            code=failed,
        )
    return RouteError(500, f"{target}: {first}", code=failed)


_STATES = (
    (r"intercepts pointer events", "is covered by another element; close what lies over it, or scroll"),
    (r"element is not visible", "is not visible; scroll, open what hides it, or take a new snapshot"),
    (r"element is not enabled", "is disabled; do first what the page asks for"),
    (r"element is not editable|Element is not an <input>", "takes no text; choose an editable element"),
    (r"element is not stable", "is moving; wait until it stands still"),
    (r"Cannot type text into input\[type=number\]", "takes a number only"),
    (r'Input of type "[^"]+" cannot be filled', "is no text field; click it instead"),
    (r"Malformed value", "refuses this format of value"),
    (r"did not find some options", "has no such option; a snapshot lists them"),
)

"""From a ref or selector to the element on the page."""

from __future__ import annotations

import re

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator

from openclaw_browser.node.failures import SNAPSHOT_AGAIN, RouteError
from openclaw_browser.node.tabs import Tab

__all__ = ["element", "normal_ref"]

_REF = re.compile(r"(?:@|ref=)?((?:f\d+)?e\d+)")


def normal_ref(ref: str) -> str:
    """`e7` of `e7`, `@e7` and `ref=e7`.

    Raises:
        RouteError: it is no ref.
    """
    found = _REF.fullmatch(ref.strip())
    if found is None:
        raise RouteError(400, f"{ref[:80]!r} is no ref of a snapshot, such as e7 or f1e7; {SNAPSHOT_AGAIN}")
    return found[1]


async def element(tab: Tab, ref: str | None, selector: str | None = None) -> tuple[Locator, str]:
    """The element and how to call it in an error; a ref goes before a selector.

    Raises:
        RouteError: the ref is of an element or page that is gone, or of no snapshot.
    """
    if ref is None:
        return tab.page.locator(selector or "body"), f'selector "{selector}"'
    name = normal_ref(ref)
    locator = tab.page.locator(f"aria-ref={name}")
    try:
        present = await locator.count()
    except PlaywrightError as error:
        if "aria-ref" not in str(error):
            raise
        present = 0  # its frame is gone
    if not present:
        raise RouteError(
            409,
            f'unknown or stale ref "{name}": the page changed since its snapshot, or had none in this tab;'
            f" {SNAPSHOT_AGAIN}",
            code="ACT_OPERATION_FAILED",
        )
    return locator, f'element "{name}"'

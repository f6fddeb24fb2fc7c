"""What the node's browser answers to: method and path → handler."""

from __future__ import annotations

from urllib.parse import unquote

from openclaw_browser.node.request import Handler
from openclaw_browser.node.routes.act import ACT_ROUTES
from openclaw_browser.node.routes.basic import BASIC_ROUTES
from openclaw_browser.node.routes.observe import OBSERVE_ROUTES
from openclaw_browser.node.routes.page import PAGE_ROUTES
from openclaw_browser.node.routes.tabs import TAB_ROUTES, close_tab
from openclaw_browser.node.routes.transfer import TRANSFER_ROUTES

__all__ = ["ROUTES", "find_route"]

ROUTES: dict[str, Handler] = {
    **BASIC_ROUTES,
    **TAB_ROUTES,
    **PAGE_ROUTES,
    **ACT_ROUTES,
    **OBSERVE_ROUTES,
    **TRANSFER_ROUTES,
}


def find_route(method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
    """The handler of a request and what its path carries; None when there is no such route."""
    handler = ROUTES.get(f"{method} {path}")
    if handler is not None:
        return handler, {}
    parent, _, last = path.rpartition("/")
    if method == "DELETE" and parent == "/tabs" and last:
        return close_tab, {"targetId": unquote(last)}
    return None

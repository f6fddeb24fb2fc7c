"""HTTP routes of families, behind scoped URLs (PROTOCOL 13)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, Router
from starlette.types import Message, Receive, Scope, Send

from openclaw_core.plugins import Plugins
from openclaw_core.services.audit import Audit
from openclaw_core.services.scoped_urls import CAPABILITY_PATH, Grant, ScopedUrls

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["SURFACE_PREFIX", "SurfaceDoor", "surface_routes"]

_log = logging.getLogger(__name__)

SURFACE_PREFIX = "/__openclaw__"
_TOKEN_QUERY = "oc_cap"  # noqa: S105 — a parameter's name
# The URL is the key: it must not travel on in a Referer or stay in a cache. A family's pages
# run in an origin of their own, so that what they show cannot act as the Control UI.
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox allow-scripts allow-forms",
}


class SurfaceDoor:
    """Everything below `/__openclaw__`: lets in who has a live token, to its family's routes only."""

    def __init__(self, urls: ScopedUrls, plugins: Plugins, audit: Audit) -> None:
        self._urls = urls
        self._plugins = plugins
        self._loaded = plugins.loaded
        self._families = family_routes(plugins)
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as an ASGI application."""
        token, prefix = _find_token(scope)
        grant = self._urls.open(token) if token else None
        if grant is None:
            address = (scope.get("client") or ("unknown",))[0]
            self._audit.refuse("surface.open", "UNAUTHORIZED", "unknown", None, ip=address)
            await _refusal(401, "Unauthorized", "unauthorized")(scope, receive, send)
            return
        router = self._router_of(grant.family)
        if router is None:
            await _refusal(404, f"family {grant.family} serves no pages", "not_found")(scope, receive, send)
            return
        await _serve(router, grant, _inner(scope, grant, prefix), receive, send)

    def _router_of(self, family: str) -> Router | None:
        if self._loaded is not self._plugins.loaded:  # families came or went
            self._loaded, self._families = self._plugins.loaded, family_routes(self._plugins)
        return self._families.get(family)


def family_routes(plugins: Plugins) -> dict[str, Router]:
    """Family → its routes; a family whose routes are not its own, or whose hook breaks, has none."""
    found = {}
    for family, answer in plugins.answers("openclaw_http_routes"):
        routes = answer if isinstance(answer, list) else [answer]
        home = f"{SURFACE_PREFIX}/{family.name}"
        wrong = [item for item in routes if not _is_below(item, home)]
        if wrong:
            _log.error(
                "family %s: its HTTP routes are not served: %r is not below %s; give it such a path",
                family.name, wrong[0], home,
            )  # fmt: skip
            continue
        found[family.name] = Router(routes, redirect_slashes=False)
    return found


def _is_below(item: Any, home: str) -> bool:
    path = item.path if isinstance(item, Route | Mount) else ""
    return path == home or path.startswith(f"{home}/")


def _find_token(scope: Scope) -> tuple[str, str]:
    """The token, and the part of the path that carries it; in the query it is `oc_cap` (13.1)."""
    path: str = scope["path"]
    if path.startswith(CAPABILITY_PATH):
        token = path.removeprefix(CAPABILITY_PATH).partition("/")[0]
        return token, CAPABILITY_PATH + token
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return query.get(_TOKEN_QUERY, [""])[0], ""


def _inner(scope: Scope, grant: Grant, prefix: str) -> Scope:
    """The request as the family sees it: its own path, with the capability as root."""
    state = {**scope.get("state", {}), "surface": grant.surface, "node_id": grant.node_id}
    outer = ("router", "route", "endpoint", "app_root_path")
    kept = {key: value for key, value in scope.items() if key not in outer}
    return {**kept, "root_path": prefix, "state": state}


async def _serve(router: Router, grant: Grant, scope: Scope, receive: Receive, send: Send) -> None:
    started = False

    async def sealed(message: Message) -> None:
        nonlocal started
        if message["type"] == "http.response.start":
            started = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    try:
        await router(scope, receive, sealed)
    except HTTPException as refused:
        await _refusal(refused.status_code, str(refused.detail), "refused")(scope, receive, sealed)
    except Exception:
        _log.exception("a page of family %s broke", grant.family)
        if started:
            raise  # half an answer is out: only the end of the connection tells
        text = f"family {grant.family} failed; the gateway's log has the details"
        await _refusal(500, text, "family_failed")(scope, receive, sealed)


def _refusal(status: int, message: str, kind: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": kind}}, status, headers=_HEADERS)


def surface_routes(gateway: Gateway) -> list[Mount]:
    """What the HTTP application mounts."""
    runtime = gateway.runtime
    return [Mount(SURFACE_PREFIX, app=SurfaceDoor(runtime.scoped_urls, runtime.plugins, runtime.audit))]

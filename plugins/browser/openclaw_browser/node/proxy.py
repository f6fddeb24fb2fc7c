"""`browser.proxy` on the node: from params to result, within time and size (PROTOCOL 18.9)."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import orjson
from playwright.async_api import Error as PlaywrightError

from openclaw_browser.files import MAX_PAYLOAD_BYTES, size_problem
from openclaw_browser.models import ProxyFailure, ProxyFile, ProxyParams, ProxyResult, Route
from openclaw_browser.node.browsers import Browsers, open_browsers
from openclaw_browser.node.failures import GONE, RouteError, browser_gone
from openclaw_browser.node.profile import Profile
from openclaw_browser.node.request import Reply, Request
from openclaw_browser.node.routes import find_route
from openclaw_browser.paths import is_host_local, is_profile_mutation
from openclaw_core import CommandError, NodeContext

__all__ = ["run_proxy"]

DEFAULT_TIMEOUT_MS = 20_000


async def run_proxy(args: ProxyParams, node: NodeContext) -> ProxyResult:
    """Answer one request.

    Raises:
        CommandError: INVALID_REQUEST or UNAVAILABLE when a route refuses or fails and no envelope was
            asked for, INVALID_REQUEST for a profile mutation, PAYLOAD_TOO_LARGE.
    """
    _refuse_elsewhere(args)
    browsers = await node.resource(open_browsers)
    enveloped = args.error_envelope is not None
    name = _profile_name(args, browsers)
    route: Route | None = None
    if enveloped:
        served = args.path != "/profiles" and name in browsers.allowed()
        route = (
            Route(status="resolved", profile=name, driver="openclaw")
            if served
            else Route(status="unavailable")
        )
    try:
        reply = await _dispatch(args, node, browsers, name)
    except RouteError as error:
        if enveloped:
            return ProxyResult(error=ProxyFailure(status=error.status, body=error.body()), route=route)
        code = "INVALID_REQUEST" if error.status < 500 else "UNAVAILABLE"
        raise CommandError(code, f"{error.status}: {error.message}") from None
    return _result(reply, route)


def _refuse_elsewhere(args: ProxyParams) -> None:
    if is_profile_mutation(args.method, args.path):
        raise CommandError("INVALID_REQUEST", "browser.proxy cannot mutate persistent browser profiles")
    if is_host_local(args.method, args.path):
        raise CommandError("INVALID_REQUEST", "browser.proxy cannot run host-local browser routes")


def _profile_name(args: ProxyParams, browsers: Browsers) -> str:
    """Query before body before params, as the real programs resolve it."""
    body = args.body if isinstance(args.body, dict) else {}
    for value in ((args.query or {}).get("profile"), body.get("profile"), args.profile):
        if isinstance(value, str) and value.strip():
            return value.strip()
    return browsers.config.default_profile


async def _dispatch(args: ProxyParams, node: NodeContext, browsers: Browsers, name: str) -> Reply:
    found = find_route(args.method, args.path)
    if found is None:
        raise RouteError(404, f"no browser route {args.method} {args.path}; GET / tells the status")
    handler, carried = found
    if args.body is not None and not isinstance(args.body, dict):
        raise RouteError(400, f"body must be an object, not {type(args.body).__name__}")
    profile = browsers.profile(browsers.config.default_profile if args.path == "/profiles" else name)
    budget = min(args.timeout_ms or DEFAULT_TIMEOUT_MS, node.timeout_ms or 2**31)
    request = Request(
        args.method,
        args.path,
        {**(args.query or {}), **(args.body or {}), **carried},
        browsers,
        profile,
        asyncio.get_running_loop().time() + budget / 1000,
        tuple(args.upload.files) if args.upload else (),
    )
    try:
        async with asyncio.timeout(budget / 1000), profile.in_use():
            return await handler(request)
    except TimeoutError:
        state = "is running" if profile.running else "is not running"
        raise RouteError(
            504,
            f"browser proxy timed out for {args.method} {args.path} after {budget} ms; the browser of profile"
            f' "{profile.name}" {state}; pass a larger timeoutMs if the page is only slow',
        ) from None
    except PlaywrightError as error:
        raise await _lost(error, profile) from None


async def _lost(error: PlaywrightError, profile: Profile) -> RouteError:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if GONE.search(text):
        if await profile.is_lost():
            return browser_gone(profile.name)
        return RouteError(409, "the tab was closed while it worked; list the tabs with GET /tabs")
    if "crashed" in text:
        return RouteError(409, "the page crashed; open its URL again with POST /navigate")
    return RouteError(500, f"the browser failed: {text[:500]}")


def _result(reply: Reply, route: Route | None) -> ProxyResult:
    problem = size_problem(len(data) for data, _ in reply.files.values())
    if problem is not None:
        raise CommandError("PAYLOAD_TOO_LARGE", f"{problem}; ask for a part of the page, or for jpeg")
    files = [
        ProxyFile(path=path, base64=base64.b64encode(data).decode(), mime_type=mime_type)
        for path, (data, mime_type) in reply.files.items()
    ]
    body: dict[str, Any] = reply.body
    size = sum(len(file.base64) for file in files) + _escaped_size(body)
    if size > MAX_PAYLOAD_BYTES:
        raise CommandError(
            "PAYLOAD_TOO_LARGE",
            f"the result of {size} bytes exceeds the limit of 24 MiB; return less from the page",
        )
    return ProxyResult(result=body, files=files or None, route=route)


def _escaped_size(body: dict[str, Any]) -> int:
    """Bytes of the body as JSON text inside a JSON string."""
    text = orjson.dumps(body)
    return len(text) + text.count(b'"') + text.count(b"\\")

"""Navigate a tab and see what it shows: snapshot, screenshot, PDF."""

from __future__ import annotations

from typing import Any, Literal

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from openclaw_browser.node.elements import element
from openclaw_browser.node.failures import GONE, RouteError, readable
from openclaw_browser.node.request import Handler, Reply, Request
from openclaw_browser.node.routes.tabs import go
from openclaw_browser.node.snapshot import aria_nodes, parse_lines, render, summary
from openclaw_browser.node.tabs import Tab

__all__ = ["PAGE_ROUTES"]

MAX_CHARS, EFFICIENT_CHARS = 40_000, 8_000
MOST_CHARS = 2_000_000


async def _navigate(request: Request) -> Reply:
    url = request.require("url")
    tab = await request.profile.tab(request.text("targetId"))
    await go(request, tab, url)
    return Reply({"ok": True, "targetId": tab.target_id, "url": tab.page.url})


async def _snapshot(request: Request) -> Reply:
    form = request.choice("format", "ai", "aria") or "ai"
    efficient = request.choice("mode", "efficient") is not None
    if request.flag("labels"):
        raise RouteError(501, "this node draws no labels into pictures; leave labels out and use the refs")
    if efficient and form == "aria":
        raise RouteError(400, "mode=efficient goes with format=ai only")
    tab = await request.tab()
    head = {"ok": True, "format": form, "targetId": tab.target_id, "url": tab.page.url}
    dialogs = tab.dialogs.state()
    shown: dict[str, Any] = {"browserState": dialogs} if any(dialogs["dialogs"].values()) else {}
    if tab.dialogs.waiting:
        empty: dict[str, Any] = {"nodes": []} if form == "aria" else {"snapshot": "", "refs": {}}
        return Reply({**head, "blockedByDialog": True, **shown, **empty})
    lines = parse_lines(await _read(request, tab))
    if form == "aria":
        limit = request.number("limit", least=1, most=10_000) or 500
        return Reply({**head, **shown, "nodes": aria_nodes(lines, limit)})
    most = request.number("maxChars", least=0, most=MOST_CHARS)
    if most is None:
        most = EFFICIENT_CHARS if efficient else MAX_CHARS
    kept, cut = render(
        lines,
        interactive=_or(request.flag("interactive"), efficient),
        compact=_or(request.flag("compact"), efficient),
        depth=request.number("depth", least=0, most=100),
        max_chars=most or None,
    )
    return Reply({**head, **shown, **summary(kept), **({"truncated": True} if cut else {})})


def _or(value: bool | None, default: bool) -> bool:
    return default if value is None else value


async def _read(request: Request, tab: Tab) -> str:
    selector, frame = request.text("selector"), request.text("frame")
    budget = request.left_ms(20_000, most=60_000)
    try:
        if frame is not None:
            return (
                await tab.page.frame_locator(frame)
                .locator(selector or "body")
                .aria_snapshot(mode="ai", timeout=budget)
            )
        if selector is not None:
            return await tab.page.locator(selector).aria_snapshot(mode="ai", timeout=budget)
        return await tab.page.aria_snapshot(mode="ai", timeout=budget)
    except PlaywrightTimeout as error:
        if selector or frame:
            raise RouteError(404, f'nothing on the page matches "{frame or selector}"') from None
        raise RouteError(504, f"the page gave no snapshot within {budget:.0f} ms") from error
    except PlaywrightError as error:
        if GONE.search(str(error)):
            raise
        raise readable(
            error, f'selector "{frame or selector}"' if frame or selector else "the page"
        ) from None


async def _screenshot(request: Request) -> Reply:
    whole = request.flag("fullPage") or False
    ref, selector = request.text("ref"), request.text("element")
    kind: Literal["png", "jpeg"] = "jpeg" if request.choice("type", "png", "jpeg") == "jpeg" else "png"
    if whole and (ref or selector):
        raise RouteError(400, "fullPage and ref (or element) exclude each other")
    if request.flag("labels"):
        raise RouteError(501, "this node draws no labels into pictures; leave labels out and use a snapshot")
    tab = await request.tab()
    _refuse_dialog(tab)
    budget = request.left_ms(20_000, most=60_000)
    quality = 85 if kind == "jpeg" else None
    name = "the page"
    try:
        if ref or selector:
            locator, name = await element(tab, ref, selector)
            data = await locator.screenshot(type=kind, timeout=budget, quality=quality)
        else:
            data = await tab.page.screenshot(type=kind, full_page=whole, timeout=budget, quality=quality)
    except PlaywrightError as error:
        if GONE.search(str(error)):
            raise
        raise readable(error, name) from None
    reply = Reply({"ok": True})
    path = reply.attach(data, f"image/{kind}", f"screenshot.{'jpg' if kind == 'jpeg' else 'png'}")
    reply.body |= {"path": path, "targetId": tab.target_id, "url": tab.page.url}
    return reply


async def _pdf(request: Request) -> Reply:
    tab = await request.tab()
    _refuse_dialog(tab)
    try:
        data = await tab.page.pdf(print_background=True)
    except PlaywrightError as error:
        if GONE.search(str(error)):
            raise
        raise readable(error, "the page") from None
    reply = Reply({"ok": True})
    path = reply.attach(data, "application/pdf", "page.pdf")
    reply.body |= {"path": path, "targetId": tab.target_id, "url": tab.page.url}
    return reply


def _refuse_dialog(tab: Tab) -> None:
    if tab.dialogs.waiting:
        raise RouteError(409, "a dialog covers the page; answer it with POST /hooks/dialog {accept} first")


PAGE_ROUTES: dict[str, Handler] = {
    "POST /navigate": _navigate,
    "GET /snapshot": _snapshot,
    "POST /screenshot": _screenshot,
    "POST /pdf": _pdf,
}

"""List, open, focus, label and close tabs."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Error as PlaywrightError

from openclaw_browser.node.failures import GONE, RouteError
from openclaw_browser.node.navigation import check_shown, check_target
from openclaw_browser.node.profile import Running
from openclaw_browser.node.request import Handler, Reply, Request
from openclaw_browser.node.tabs import Tab

__all__ = ["TAB_ROUTES", "close_tab", "go"]


async def go(request: Request, tab: Tab, url: str) -> None:
    """Open a URL in a tab.

    Raises:
        RouteError: it may not be opened, or did not load.
    """
    allowed = request.browsers.config.allow_schemes
    target = check_target(url, allowed)
    try:
        await tab.page.goto(target, timeout=request.left_ms(20_000, least=1_000), wait_until="load")
    except asyncio.CancelledError:
        await _stop_loading(tab)
        raise
    except PlaywrightError as error:
        text = str(error)
        if GONE.search(text):
            raise
        if "Download is starting" in text:
            return  # the file is there for POST /wait/download
        first = text.splitlines()[0].removeprefix("Page.goto: ")
        raise RouteError(502, f"{target[:200]} did not load: {first}") from None
    tab.crashed = False
    await _leave_blocked(tab, allowed)


async def _stop_loading(tab: Tab) -> None:
    try:
        async with asyncio.timeout(2):
            await tab.cdp.send("Page.stopLoading")
    except (PlaywrightError, TimeoutError):
        return  # the tab is gone, and its loading with it


async def _leave_blocked(tab: Tab, allowed: tuple[str, ...]) -> None:
    """Away from a page that a redirect led to and nobody may open."""
    try:
        check_shown(tab.page.url, allowed)
    except RouteError:
        await tab.page.goto("about:blank")
        raise


async def _list(request: Request) -> Reply:
    running = request.profile.running
    if running is None:
        return Reply({"running": False, "tabs": []})
    return Reply({"running": True, "tabs": await running.tabs.describe()})


async def _open(request: Request) -> Reply:
    url, label = request.require("url"), request.text("label")
    check_target(url, request.browsers.config.allow_schemes)
    running = await request.profile.start()
    tab = await running.tabs.open()
    try:
        if label:
            await running.tabs.label(tab, label)
        await go(request, tab, url)
    except RouteError:
        await tab.page.close()
        raise
    return Reply({**await _entry(running, tab), "resolvedProfile": request.profile.name})


async def _entry(running: Running, tab: Tab) -> dict[str, Any]:
    return next(
        (item for item in await running.tabs.describe() if item["targetId"] == tab.target_id),
        tab.wire("", tab.page.url),
    )


def _running(request: Request) -> Running:
    if request.profile.running is None:
        raise RouteError(
            409,
            f'the browser of profile "{request.profile.name}" is not running; open a tab with'
            " POST /tabs/open, or start it with POST /start",
        )
    return request.profile.running


async def _focus(request: Request) -> Reply:
    running = _running(request)
    tab = await running.tabs.find(request.require("targetId"), request.profile.ended)
    await _bring(running, tab)
    return Reply({"ok": True, "targetId": tab.target_id})


async def _bring(running: Running, tab: Tab) -> None:
    await tab.page.bring_to_front()
    running.tabs.use(tab)


async def close_tab(request: Request) -> Reply:
    """DELETE /tabs/<targetId>."""
    running = _running(request)
    request.choice("targetIdMode", "raw")
    tab = await running.tabs.find(request.require("targetId"), request.profile.ended)
    await tab.page.close()
    return Reply({"ok": True, "targetId": tab.target_id})


async def _act_on_tabs(request: Request) -> Reply:
    action = request.choice("action", "list", "new", "label", "close", "select")
    if action is None:
        raise RouteError(400, "action is required, one of list, new, label, close, select")
    if action == "list":
        running = request.profile.running
        return Reply({"ok": True, "tabs": await running.tabs.describe() if running else []})
    if action == "new":
        running = await request.profile.start()
        tab = await running.tabs.open()
        if label := request.text("label"):
            await running.tabs.label(tab, label)
        return Reply({"ok": True, "tab": await _entry(running, tab)})
    running = _running(request)
    if action == "label":
        tab = await running.tabs.find(request.require("targetId"), request.profile.ended)
        await running.tabs.label(tab, request.require("label"))
        return Reply({"ok": True, "tab": await _entry(running, tab)})
    tab = await _by_index(request, running, required=action == "select")
    if action == "select":
        await _bring(running, tab)
    else:
        await tab.page.close()
    return Reply({"ok": True, "targetId": tab.target_id})


async def _by_index(request: Request, running: Running, *, required: bool) -> Tab:
    index = request.number("index", least=0, most=10_000)
    if index is None and required:
        raise RouteError(400, "index is required")
    tabs = await running.tabs.all()
    if (index or 0) >= len(tabs):
        raise RouteError(404, f"tab not found: there are {len(tabs)} tabs, the first has index 0")
    return tabs[index or 0]


TAB_ROUTES: dict[str, Handler] = {
    "GET /tabs": _list,
    "POST /tabs/open": _open,
    "POST /tabs/focus": _focus,
    "POST /tabs/action": _act_on_tabs,
}

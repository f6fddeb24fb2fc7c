"""Read what a page says and did: text, console, errors, requests, dialogs."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Error as PlaywrightError

from openclaw_browser.node.failures import GONE, readable
from openclaw_browser.node.journal import LEVELS
from openclaw_browser.node.request import Handler, Reply, Request
from openclaw_browser.node.tabs import Tab

__all__ = ["OBSERVE_ROUTES"]

MAX_CHARS = 40_000


def _reply(tab: Tab, **found: Any) -> Reply:
    return Reply({"ok": True, "targetId": tab.target_id, "url": tab.page.url, **found})


async def _console(request: Request) -> Reply:
    level = request.choice("level", *LEVELS)
    tab = await request.tab()
    return _reply(tab, messages=tab.journal.messages(level))


async def _errors(request: Request) -> Reply:
    clear = request.flag("clear")
    tab = await request.tab()
    found = list(tab.journal.errors)
    if clear:
        tab.journal.errors.clear()
    return _reply(tab, errors=found)


async def _requests(request: Request) -> Reply:
    clear, part = request.flag("clear"), request.text("filter")
    tab = await request.tab()
    found = tab.journal.find_requests(part)
    if clear:
        tab.journal.requests.clear()
    return _reply(tab, requests=found)


async def _text(request: Request) -> Reply:
    most = request.number("maxChars", least=1, most=MAX_CHARS) or MAX_CHARS
    selector = request.text("selector")
    tab = await request.tab()
    name = f'selector "{selector}"' if selector else "the page"
    try:
        locator = tab.page.locator(selector or "body").first
        for candidate in () if selector else ("article", "main"):
            found = tab.page.locator(candidate).first
            if await found.count():
                locator = found
                break
        text = await locator.inner_text(timeout=request.left_ms(20_000))
    except PlaywrightError as error:
        if GONE.search(str(error)):
            raise
        raise readable(error, name) from None
    return _reply(tab, text=text[:most], truncated=len(text) > most)


async def _dialogs(request: Request) -> Reply:
    tab = await request.tab()
    return _reply(tab, browserState=tab.dialogs.state())


OBSERVE_ROUTES: dict[str, Handler] = {
    "GET /console": _console,
    "GET /errors": _errors,
    "GET /requests": _requests,
    "GET /text": _text,
    "GET /dialogs": _dialogs,
}

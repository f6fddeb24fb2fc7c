"""Perform the actions of POST /act on a tab."""

from __future__ import annotations

import asyncio
import fnmatch
import time
from collections.abc import Awaitable, Callable
from functools import singledispatch
from typing import Any

from playwright.async_api import Error as PlaywrightError

from openclaw_browser.node.action_models import (
    Action,
    Batch,
    Click,
    ClickCoords,
    Close,
    Drag,
    Evaluate,
    Fill,
    FormField,
    Hover,
    InsertText,
    Press,
    Resize,
    ScrollIntoView,
    Select,
    Type,
    Wait,
)
from openclaw_browser.node.elements import element
from openclaw_browser.node.failures import GONE, RouteError, readable
from openclaw_browser.node.scripts import evaluate, function_of
from openclaw_browser.node.tabs import Tab

__all__ = ["perform"]

DEFAULT_MS, LEAST_MS, MOST_MS = 8_000, 500, 60_000
DEFAULT_WAIT_MS, MOST_WAIT_MS = 20_000, 120_000


async def perform(action: Action, tab: Tab, rest_ms: float) -> dict[str, Any]:
    """Do it; what the answer says beside `ok`.

    Args:
        rest_ms: what is left of the request's budget, in ms.

    Raises:
        RouteError: it cannot be done; the text says why.
        PlaywrightError: the tab or browser is gone.
    """
    waiting = isinstance(action, Wait | Evaluate)
    most = MOST_WAIT_MS if waiting else MOST_MS
    asked = action.timeout_ms or (DEFAULT_WAIT_MS if waiting else DEFAULT_MS)
    budget = max(1.0, min(rest_ms, max(LEAST_MS, min(most, asked))))
    answer: dict[str, Any] = await _do(action, tab, budget) or {}
    return answer


@singledispatch
async def _do(action: Any, _tab: Tab, _ms: float) -> dict[str, Any] | None:
    raise TypeError(f"no such action: {action!r}")


async def _try(target: str, work: Awaitable[Any]) -> Any:
    try:
        return await work
    except PlaywrightError as error:
        if GONE.search(str(error)):
            raise
        raise readable(error, target) from None


@_do.register
async def _click(action: Click, tab: Tab, ms: float) -> None:
    locator, name = await element(tab, action.ref, action.selector)
    click = locator.dblclick if action.double_click else locator.click
    await _try(
        name,
        click(button=action.button, modifiers=list(action.modifiers), delay=action.delay_ms, timeout=ms),
    )


@_do.register
async def _click_point(action: ClickCoords, tab: Tab, _ms: float) -> None:
    count = 2 if action.double_click else 1
    mouse = tab.page.mouse
    work = mouse.click(action.x, action.y, button=action.button, delay=action.delay_ms, click_count=count)
    await _try(f"point {action.x:g},{action.y:g}", work)


@_do.register
async def _type(action: Type, tab: Tab, ms: float) -> None:
    locator, name = await element(tab, action.ref, action.selector)
    if action.slowly:
        await _try(name, locator.click(timeout=ms))
        await _try(name, locator.press_sequentially(action.text, delay=20, timeout=ms))
    else:
        await _try(name, locator.fill(action.text, timeout=ms))
    if action.submit:
        await _try(name, locator.press("Enter", timeout=ms))


@_do.register
async def _insert(action: InsertText, tab: Tab, _ms: float) -> None:
    await _try("the focus", tab.page.keyboard.insert_text(action.text))


@_do.register
async def _press(action: Press, tab: Tab, _ms: float) -> None:
    await _try(f"key {action.key}", tab.page.keyboard.press(action.key, delay=action.delay_ms))


@_do.register
async def _hover(action: Hover, tab: Tab, ms: float) -> None:
    locator, name = await element(tab, action.ref, action.selector)
    await _try(name, locator.hover(timeout=ms))


@_do.register
async def _scroll(action: ScrollIntoView, tab: Tab, ms: float) -> None:
    locator, name = await element(tab, action.ref, action.selector)
    await _try(name, locator.scroll_into_view_if_needed(timeout=ms))


@_do.register
async def _drag(action: Drag, tab: Tab, ms: float) -> None:
    start, start_name = await element(tab, action.start_ref, action.start_selector)
    end, end_name = await element(tab, action.end_ref, action.end_selector)
    await _try(f"{start_name} onto {end_name}", start.drag_to(end, timeout=ms))


@_do.register
async def _select(action: Select, tab: Tab, ms: float) -> None:
    locator, name = await element(tab, action.ref, action.selector)
    await _try(name, locator.select_option(action.values, timeout=ms))


@_do.register
async def _fill(action: Fill, tab: Tab, ms: float) -> None:
    for field in action.fields:
        await _fill_field(field, tab, ms)


async def _fill_field(field: FormField, tab: Tab, ms: float) -> None:
    locator, name = await element(tab, field.ref)
    if field.type in ("checkbox", "radio"):
        on = field.value in (True, 1, "1", "true", "on", "yes")
        await _try(name, locator.set_checked(on, timeout=ms))
        return
    value = field.value
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if await _try(name, locator.evaluate("el => el.tagName", timeout=ms)) == "SELECT":
        await _try(name, locator.select_option(text, timeout=ms))
    else:
        await _try(name, locator.fill(text, timeout=ms))


@_do.register
async def _resize(action: Resize, tab: Tab, _ms: float) -> None:
    await _try("the viewport", tab.page.set_viewport_size({"width": action.width, "height": action.height}))


@_do.register
async def _wait(action: Wait, tab: Tab, ms: float) -> None:
    page, start = tab.page, time.monotonic()

    def rest() -> float:
        return max(1.0, ms - (time.monotonic() - start) * 1000)

    if action.time_ms is not None:
        await asyncio.sleep(action.time_ms / 1000)
    steps: list[tuple[str | None, str, Callable[[str], Awaitable[Any]]]] = [
        (action.text, "text", lambda it: page.get_by_text(it).first.wait_for(timeout=rest())),
        (
            action.text_gone,
            "textGone",
            lambda it: page.get_by_text(it).first.wait_for(state="hidden", timeout=rest()),
        ),
        (action.selector, "selector", lambda it: page.locator(it).first.wait_for(timeout=rest())),
        (action.url, "url", lambda it: page.wait_for_url(_matcher(it), timeout=rest(), wait_until="commit")),
        (
            action.load_state,
            "loadState",
            lambda _: page.wait_for_load_state(action.load_state, timeout=rest()),
        ),
    ]
    for value, name, wait in steps:
        if value:
            await _try(f"wait for {name} {value!r}", wait(value))
    if action.fn:
        function = await function_of(tab, action.fn)
        await _try("wait for fn", page.wait_for_function(f"({function})(undefined)", timeout=rest()))


def _matcher(pattern: str) -> Callable[[str], bool]:
    """A URL, a part of one, or a pattern with `*`."""
    if "*" in pattern:
        return lambda url: fnmatch.fnmatchcase(url, pattern)
    return lambda url: pattern in url


@_do.register
async def _evaluate(action: Evaluate, tab: Tab, ms: float) -> dict[str, Any]:
    target = (await element(tab, action.ref))[0] if action.ref else None
    return {"result": await evaluate(tab, action.fn, target, ms)}


@_do.register
async def _close(_action: Close, tab: Tab, _ms: float) -> None:
    await tab.page.close()


@_do.register
async def _batch(action: Batch, tab: Tab, _ms: float) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    start, url = time.monotonic(), tab.page.url
    for item in action.actions:
        rest = MOST_WAIT_MS - (time.monotonic() - start) * 1000
        entry: dict[str, Any]
        try:
            entry = {"ok": True, **await perform(item, tab, rest)}
        except RouteError as error:
            entry = {"ok": False, "error": error.message}
        if tab.page.url != url:
            url = tab.page.url
            entry |= {"navigated": True, "url": url}
        results.append(entry)
        if not entry["ok"] and action.stop_on_error:
            break
    return {"results": results}

"""JavaScript of the caller in a page: function, expression or statements, and what comes back."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator

from openclaw_browser.node.failures import RouteError
from openclaw_browser.node.tabs import Tab

__all__ = ["as_json", "evaluate", "function_of"]


async def function_of(tab: Tab, source: str) -> str:
    """The caller's code as one function of an element `el`; nothing is run.

    Raises:
        RouteError: it is no JavaScript.
    """
    text = source.strip().rstrip(";")
    body = f"async (el) => {{\n{source}\n}}"
    expression = (
        f"async (el) => {{ const made = (\n{text}\n); return typeof made === 'function' ? made(el) : made; }}"
    )
    if await _syntax_error(tab, expression) is None:
        return expression
    problem = await _syntax_error(tab, body)
    if problem is not None:
        raise RouteError(400, f"fn is no JavaScript: {problem}", code="ACT_INVALID_REQUEST")
    return body


async def _syntax_error(tab: Tab, function: str) -> str | None:
    # Only compiled: evaluating twice to find out would do twice what the code does.
    await tab.cdp.send("Runtime.enable")
    try:
        made = await tab.cdp.send(
            "Runtime.compileScript",
            {"expression": f"({function})", "sourceURL": "", "persistScript": False},
        )
    finally:
        await tab.cdp.send("Runtime.disable")
    details = made.get("exceptionDetails")
    if details is None:
        return None
    text: str = details.get("exception", {}).get("description", details["text"])
    return text


async def evaluate(tab: Tab, source: str, target: Locator | None, timeout_ms: float) -> Any:
    """Run the caller's code and return its result as JSON data.

    Raises:
        RouteError: the code threw, or did not end in time; a loop is then stopped.
    """
    function = await function_of(tab, source)
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            if target is not None:
                return as_json(await target.evaluate(function, timeout=timeout_ms))
            return as_json(await tab.page.evaluate(f"({function})(undefined)"))
    except (TimeoutError, asyncio.CancelledError) as error:
        await _stop(tab)
        if isinstance(error, asyncio.CancelledError):
            raise
        said = f"evaluate did not end within {timeout_ms:.0f} ms and was stopped; pass a larger timeoutMs"
        raise RouteError(504, said, code="ACT_OPERATION_FAILED") from None
    except PlaywrightError as error:
        if "has been closed" in str(error):
            raise
        text = str(error).removeprefix("Page.evaluate: ").removeprefix("Locator.evaluate: ")
        raise RouteError(500, f"evaluate threw {text[:1_000]}", code="ACT_OPERATION_FAILED") from None


async def _stop(tab: Tab) -> None:
    try:
        async with asyncio.timeout(2):
            await tab.cdp.send("Runtime.terminateExecution")
    except (PlaywrightError, TimeoutError):
        return  # the page is gone, or will not be stopped; its tab can still be closed


def as_json(value: Any) -> Any:
    """JSON data of what a page returned: dates as ISO text, what JSON has no form for as null or text."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

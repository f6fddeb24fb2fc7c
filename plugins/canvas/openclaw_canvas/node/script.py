"""`canvas.eval`: a program in the page, as the browser's own console runs one."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from openclaw_canvas.node.canvas_page import CanvasPage
from openclaw_core import CommandError

__all__ = ["run_script"]

_MOST_CHARACTERS = 8_000_000
_GROUP = "canvas.eval"


async def run_script(page: CanvasPage, source: str) -> Any:
    """Run a program and give its last value as JSON data; a promise is awaited.

    Raises:
        CommandError: `INVALID_REQUEST` when it throws or its value is no JSON data,
            `PAYLOAD_TOO_LARGE` when the value is too long to be sent.
    """
    from playwright.async_api import Error

    try:
        answer = await _evaluate(page, source)
    except asyncio.CancelledError:
        await _stop(page)
        raise
    except Error as error:
        if page.gone:
            raise
        why = error.message.strip().splitlines()[0]
        raise CommandError("INVALID_REQUEST", f"javaScript gave no value: {why}") from None
    if "exceptionDetails" in answer:
        raise CommandError("INVALID_REQUEST", f"javaScript threw: {_describe(answer['exceptionDetails'])}")
    result = answer["result"]
    if result["type"] in ("function", "symbol") or "unserializableValue" in result:
        shown = result.get("unserializableValue", result["type"])
        raise CommandError("INVALID_REQUEST", f"its value is {shown}, which is no JSON; return a text of it")
    value = result.get("value")
    if len(json.dumps(value)) > _MOST_CHARACTERS:
        text = f"its value is over {_MOST_CHARACTERS} characters of JSON; return less"
        raise CommandError("PAYLOAD_TOO_LARGE", text)
    return value


async def _evaluate(page: CanvasPage, source: str) -> dict[str, Any]:
    """The console's own way: names may be declared again, `await` stands at the top."""
    request = {"expression": source, "replMode": True, "userGesture": True, "objectGroup": _GROUP}
    answer: dict[str, Any] = await page.devtools.send("Runtime.evaluate", request)
    handle = answer["result"].get("objectId")
    if handle is None or "exceptionDetails" in answer or answer["result"]["type"] == "function":
        return answer
    if answer["result"].get("subtype") == "promise":
        wait = {"promiseObjectId": handle, "returnByValue": True}
        answer = await page.devtools.send("Runtime.awaitPromise", wait)
    else:
        copy = {"objectId": handle, "functionDeclaration": "function() { return this; }"}
        answer = await page.devtools.send("Runtime.callFunctionOn", {**copy, "returnByValue": True})
    await page.devtools.send("Runtime.releaseObjectGroup", {"objectGroup": _GROUP})
    return answer


async def _stop(page: CanvasPage) -> None:
    """End what runs. What only waits leaves the blow to the next program: one that does nothing."""
    from playwright.async_api import Error

    with suppress(Error):
        await page.devtools.send("Runtime.terminateExecution")
        await page.devtools.send("Runtime.evaluate", {"expression": "0"})


def _describe(details: dict[str, Any]) -> str:
    thrown = details.get("exception", {})
    # A thrown error describes itself with its stack; what was thrown stands in the first line.
    text = thrown.get("description") or str(thrown.get("value", details.get("text", "unknown")))
    return text.splitlines()[0]

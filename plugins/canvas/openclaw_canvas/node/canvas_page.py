"""The page: where it is, what runs in it, what it looks like. One method per thing a command does."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from openclaw_canvas.node.actions import ActionBridge
from openclaw_canvas.node.addresses import A2UI_PAGE, HOSTED, Address, resolve
from openclaw_canvas.node.traffic import Traffic
from openclaw_core import CommandError, NodeHostContext

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

__all__ = ["BLANK", "CanvasPage"]

_log = logging.getLogger(__name__)
_MOST_REDIRECTS = 3
BLANK = "about:blank"
_ERROR_PAGE = re.compile("^chrome-error:")
_ERROR_PAGE_MS = 5_000

_APPLY = """async messages => {
  try {
    return {shown: (await openclawA2UI.applyMessages(messages)).surfaces};
  } catch (error) {
    return {problem: error.message};
  }
}"""


class CanvasPage:
    """One Chromium page.

    Attributes:
        turn: held by what changes the page, one command after the other.
        gone: it crashed or somebody closed it.
        left_from: where its window was when it was hidden, `left` and `top` in px; None while it is shown.
    """

    def __init__(self, page: Page, devtools: CDPSession, traffic: Traffic, node: NodeHostContext) -> None:
        self.turn = asyncio.Lock()
        self.gone = False
        self.left_from: dict[str, int] | None = None
        self.devtools = devtools
        self._page = page
        self._traffic = traffic
        self._node = node

    @classmethod
    async def prepare(cls, page: Page, node: NodeHostContext) -> Self:
        """Make a fresh page the canvas of this node."""
        traffic = Traffic(node)
        await traffic.attach(page.context)
        await ActionBridge(node).attach(page.context)
        canvas = cls(page, await page.context.new_cdp_session(page), traffic, node)
        page.on("crash", lambda _: canvas._lose("crashed"))
        page.on("close", lambda _: canvas._lose("was closed"))
        # One page is all there is: what a document opens beside it goes away again.
        page.context.on("page", lambda other: other.close())
        return canvas

    def _lose(self, how: str) -> None:
        if self.gone:
            return
        self.gone = True
        _log.warning("the canvas %s; the next command opens it anew", how)

    @property
    def url(self) -> str:
        """The address in the browser."""
        return self._page.url

    async def go(self, url: str) -> None:
        """Go to what a command named; the page stays as it is when that cannot be had.

        Raises:
            CommandError: `INVALID_REQUEST` for a URL that is not allowed or a document that does
                not exist, `UNAVAILABLE` when a server does not answer.
        """
        surface_url = None
        if urlsplit(url).scheme in ("http", "https"):
            surface_url = await self._node.surface_url("canvas")
        await self._open(resolve(url, surface_url))

    async def show_a2ui(self) -> None:
        """Go to the A2UI host page, unless it is there.

        Raises:
            CommandError: `UNAVAILABLE`; the gateway does not serve it, or has no renderer.
        """
        if not await self.has_a2ui():
            await self._open(resolve(urlsplit(A2UI_PAGE).path, None))
            if not await self.has_a2ui():
                raise CommandError("UNAVAILABLE", "the gateway's A2UI page does not work in this browser")

    async def has_a2ui(self) -> bool:
        """Whether the A2UI host page is what is shown."""
        if not self.url.startswith(HOSTED):
            return False
        return bool(await self._page.evaluate("typeof globalThis.openclawA2UI === 'object'"))

    async def apply(self, messages: list[Any]) -> list[str]:
        """Hand A2UI messages to the host page; ids of the surfaces that are shown then.

        Raises:
            CommandError: `INVALID_REQUEST`; the renderer refused one, and says which and why.
        """
        answer = await self._page.evaluate(_APPLY, messages)
        if "problem" in answer:
            raise CommandError("INVALID_REQUEST", f"the A2UI renderer refused {answer['problem']}")
        shown: list[str] = answer["shown"]
        return shown

    async def reset_a2ui(self) -> None:
        """Remove every surface."""
        if await self.has_a2ui():
            await self._page.evaluate("openclawA2UI.reset()")

    async def resize(self, width: float | None, height: float | None) -> None:
        """Change the size of a page without a window, in CSS px."""
        now = self._page.viewport_size or {"width": 1280, "height": 800}
        await self._page.set_viewport_size(
            {"width": round(width or now["width"]), "height": round(height or now["height"])}
        )

    async def _open(self, address: Address) -> None:
        from playwright.async_api import Error

        if address.hosted is not None:
            address = await self._fetch(address)
        try:
            await self._page.goto(address.url, timeout=0)  # the invoke's own deadline cancels it
        except asyncio.CancelledError:
            if not self.gone:
                await self.devtools.send("Page.stopLoading")
            raise
        except Error as error:
            if self.gone:
                raise
            await self._meet_error_page(error.message)
            why = error.message.strip().splitlines()[0].removeprefix("Page.goto: ")
            raise CommandError("UNAVAILABLE", f"{address.url} did not load: {why}") from None

    async def _meet_error_page(self, message: str) -> None:
        """Wait until the browser shows its own error page: what comes next must not meet it half-way."""
        from playwright.async_api import TimeoutError as TooLateError

        if "ERR_ABORTED" not in message:  # a download, or no content: the page stays
            with suppress(TooLateError):
                await self._page.wait_for_url(_ERROR_PAGE, wait_until="commit", timeout=_ERROR_PAGE_MS)

    async def _fetch(self, address: Address) -> Address:
        """Get a hosted page before the present one is left; where redirects lead counts."""
        assert address.hosted is not None
        target = address.hosted
        for _ in range(_MOST_REDIRECTS):
            answer = await self._traffic.hosted.get(target)
            if answer.status not in (301, 302, 303, 307, 308):
                break
            target = urljoin(target, answer.headers.get("location", ""))
        if answer.status == 404:
            text = f"the gateway hosts no {target}; the method canvas.documents.list tells what there is"
            raise CommandError("INVALID_REQUEST", text)
        if answer.status == 503 and target.startswith(urlsplit(A2UI_PAGE).path):
            text = "the gateway's openclaw-canvas was built without the A2UI renderer; run `make ui` there"
            raise CommandError("UNAVAILABLE", text)
        if answer.status not in (200, 206):
            raise CommandError("UNAVAILABLE", f"the gateway answered {answer.status} for {target}")
        fragment = urlsplit(address.url).fragment
        self._traffic.hold(f"{HOSTED}{target}", answer)
        return Address(f"{HOSTED}{target}" + (f"#{fragment}" if fragment else ""), target)

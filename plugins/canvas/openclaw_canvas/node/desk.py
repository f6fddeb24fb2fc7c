"""The node's one canvas: opened when it is first needed, anew when it broke, closed with the host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from openclaw_canvas.node.canvas_page import CanvasPage
from openclaw_canvas.node.chromium import open_page
from openclaw_core import NodeHostContext

__all__ = ["Desk", "open_desk"]


class Desk:
    """Holds the page, if there is one."""

    def __init__(self, node: NodeHostContext) -> None:
        self._node = node
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._page: CanvasPage | None = None

    @property
    def opened(self) -> CanvasPage | None:
        """The page that is open and alive, or None."""
        return self._page if self._page is not None and not self._page.gone else None

    async def page(self) -> CanvasPage:
        """The page; opens a browser when there is none, or its page crashed or was closed.

        Raises:
            CommandError: `UNAVAILABLE`; no browser starts.
        """
        async with self._opening:
            if self.opened is None:
                await self.close()
                async with AsyncExitStack() as stack:
                    raw = await stack.enter_async_context(open_page(self._node.config))
                    self._page = await CanvasPage.prepare(raw, self._node)
                    self._stack = stack.pop_all()
            assert self._page is not None
            return self._page

    async def close(self) -> None:
        """Close the browser."""
        if self._page is not None:
            self._page.gone = True
        self._page = None
        await self._stack.aclose()


@asynccontextmanager
async def open_desk(node: NodeHostContext) -> AsyncIterator[Desk]:
    """For `NodeHostContext.resource`."""
    desk = Desk(node)
    try:
        yield desk
    finally:
        await desk.close()

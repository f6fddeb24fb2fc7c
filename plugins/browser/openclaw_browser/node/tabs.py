"""The tabs of a running browser: stable ids, handles t1, t2 …, labels."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Download, Page
from playwright.async_api import Error as PlaywrightError

from openclaw_browser.node.dialogs import Dialogs
from openclaw_browser.node.failures import RouteError, tab_missing
from openclaw_browser.node.journal import Journal

__all__ = ["Tab", "Tabs"]

MAX_TABS = 64
_MIN_PREFIX_CHARS = 6


class Tab:
    """One tab.

    Attributes:
        target_id: Chromium's id of it; stays while the tab lives.
        tab_id: the short handle, never used again.
        label: the caller's name for it.
        crashed: its page's process died; a navigation brings it back.
        downloads: files the page began to download and nobody asked for yet.
    """

    def __init__(self, page: Page, target_id: str, tab_id: str, cdp: CDPSession) -> None:
        self.page = page
        self.target_id = target_id
        self.tab_id = tab_id
        self.cdp = cdp
        self.label: str | None = None
        self.crashed = False
        self.downloads: list[Download] = []
        self.journal = Journal(page)
        self.dialogs = Dialogs(page)
        page.on("crash", self._crash)
        page.on("download", self._began)

    @property
    def reference(self) -> str:
        """What callers should pass: the label, else the handle."""
        return self.label or self.tab_id

    def wire(self, title: str, url: str) -> dict[str, Any]:
        """The tab as answers name it."""
        label = {"label": self.label} if self.label else {}
        return {
            "targetId": self.target_id,
            "tabId": self.tab_id,
            **label,
            "suggestedTargetId": self.reference,
            "title": title,
            "url": url,
            "type": "page",
        }

    def _began(self, download: Download) -> None:
        self.downloads.append(download)

    def _crash(self, _page: Page) -> None:
        self.crashed = True


class Tabs:
    """Every tab of one browser, in the order they opened; popups too.

    Args:
        cdp: a session with the browser itself, which answers also while a page hangs.
    """

    def __init__(self, context: BrowserContext, cdp: CDPSession) -> None:
        self._context = context
        self._cdp = cdp
        self._tabs: dict[Page, asyncio.Task[Tab]] = {}
        self._count = 0
        self._active: Tab | None = None
        context.on("page", self._appeared)
        for page in context.pages:
            self._appeared(page)

    async def all(self) -> list[Tab]:
        """Every open tab."""
        found = await asyncio.gather(*self._tabs.values(), return_exceptions=True)
        return [tab for tab in found if isinstance(tab, Tab) and not tab.page.is_closed()]

    async def describe(self) -> list[dict[str, Any]]:
        """Every open tab as answers name it."""
        infos = (await self._cdp.send("Target.getTargets"))["targetInfos"]
        known = {info["targetId"]: info for info in infos}
        return [
            tab.wire(known[tab.target_id]["title"], known[tab.target_id]["url"])
            for tab in await self.all()
            if tab.target_id in known
        ]

    async def find(self, reference: str, ended: str | None = None) -> Tab:
        """The tab with this target id, handle or label, else with this beginning of a target id.

        A beginning has six characters or more, as that of a node's id: a tab's number alone, which
        may happen to begin another one's id, is not taken for it.

        Args:
            ended: what happened to the browser that had other tabs.

        Raises:
            RouteError: none, or several.
        """
        tabs = await self.all()
        found = [tab for tab in tabs if reference in (tab.target_id, tab.tab_id, tab.label)]
        if not found and len(reference) >= _MIN_PREFIX_CHARS:
            found = [tab for tab in tabs if tab.target_id.lower().startswith(reference.lower())]
        if not found:
            raise tab_missing(reference, ended)
        if len(found) > 1:
            names = ", ".join(tab.reference for tab in found)
            raise RouteError(409, f'"{reference}" may mean {names}; pass one of these')
        return found[0]

    async def current(self) -> Tab:
        """The tab that was used last; a new one when there is none."""
        tabs = await self.all()
        if self._active in tabs:
            return self._active
        return tabs[-1] if tabs else await self.open()

    async def open(self) -> Tab:
        """A blank tab; the one the browser began with, if nobody used it yet.

        Raises:
            RouteError: there are too many.
        """
        tabs = await self.all()
        if len(tabs) == 1 and self._active is None and tabs[0].page.url == "about:blank":
            self.use(tabs[0])
            return tabs[0]
        if len(tabs) >= MAX_TABS:
            raise RouteError(507, f"{MAX_TABS} tabs are open; close some with DELETE /tabs/<targetId> first")
        page = await self._context.new_page()
        self._appeared(page)
        tab = await self._tabs[page]
        self.use(tab)
        return tab

    def use(self, tab: Tab) -> None:
        """The tab that requests without a tab mean from now on."""
        self._active = tab

    async def label(self, tab: Tab, label: str) -> None:
        """Name a tab.

        Raises:
            RouteError: the name is taken, or looks like a handle.
        """
        if re.fullmatch(r"t?\d+", label):
            raise RouteError(400, f'a label such as "{label}" would look like a tab handle; choose a word')
        for other in await self.all():
            if other is not tab and label in (other.label, other.target_id):
                raise RouteError(409, f'the label "{label}" is taken by {other.tab_id}; choose another one')
        tab.label = label

    def _appeared(self, page: Page) -> None:
        if page not in self._tabs:
            self._count += 1
            self._tabs[page] = asyncio.ensure_future(self._take(page, f"t{self._count}"))
            page.on("close", self._closed)

    def _closed(self, page: Page) -> None:
        task = self._tabs.pop(page, None)
        if task is not None:
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _take(self, page: Page, tab_id: str) -> Tab:
        try:
            cdp = await self._context.new_cdp_session(page)
            info = await cdp.send("Target.getTargetInfo")
        except PlaywrightError as error:
            raise RouteError(404, f"tab {tab_id} closed before it could be used: {error}") from None
        return Tab(page, info["targetInfo"]["targetId"], tab_id, cdp)

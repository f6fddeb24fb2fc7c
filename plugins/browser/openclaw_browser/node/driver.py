"""Playwright's own process, through which every browser of the node is driven."""

from __future__ import annotations

import asyncio
import logging
import os

from playwright.async_api import Playwright, async_playwright

__all__ = ["Driver"]

_log = logging.getLogger(__name__)

_STOP_WAIT_S = 5.0


class Driver:
    """Playwright's process, started when first needed and again when it died."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._playwright: Playwright | None = None

    async def get(self) -> Playwright:
        """The running Playwright."""
        async with self._lock:
            if self._playwright is None:
                # Ours is the only browser; without this an installer of others may be suggested or run.
                os.environ.setdefault("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
                self._playwright = await async_playwright().start()
            return self._playwright

    async def drop(self) -> None:
        """End it; the next `get` starts another one."""
        async with self._lock:
            playwright, self._playwright = self._playwright, None
            if playwright is None:
                return
            try:
                async with asyncio.timeout(_STOP_WAIT_S):
                    await playwright.stop()
            except Exception as error:  # it is dead already, and says so in many ways
                _log.warning("Playwright did not stop in order: %s", error)

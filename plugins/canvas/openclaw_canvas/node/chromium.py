"""Starts the browser and the one page in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from openclaw_canvas.probe import find_chromium, has_display
from openclaw_canvas.settings import CanvasSettings
from openclaw_core import CommandError

if TYPE_CHECKING:
    from playwright.async_api import Page

__all__ = ["open_page", "shows_window"]

# A browser that is nobody's: no first-run page, nothing fetched of its own accord.
_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def shows_window(settings: CanvasSettings) -> bool:
    """Whether the page has a window on a screen."""
    return settings.display == "window" or (settings.display == "auto" and has_display())


@asynccontextmanager
async def open_page(settings: CanvasSettings) -> AsyncIterator[Page]:
    """A page in a browser of its own, with a profile that is forgotten.

    Raises:
        CommandError: `UNAVAILABLE`; there is no browser, or it does not start.
    """
    from playwright.async_api import Error, async_playwright

    executable = find_chromium(settings.executable)
    if executable is None:
        raise CommandError("UNAVAILABLE", "no Chromium or Chrome is installed; see: openclaw node doctor")
    window = shows_window(settings)
    size = {"width": settings.width, "height": settings.height}
    async with async_playwright() as driver:
        try:
            browser = await driver.chromium.launch(
                executable_path=executable,
                headless=not window,
                args=[*_FLAGS, f"--window-size={settings.width},{settings.height}"],
                # Chromium's sandbox needs a user other than root; as root it would not start with it.
                chromium_sandbox=not _is_root(),
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except Error as error:
            raise CommandError(
                "UNAVAILABLE", f"{executable} did not start: {_first_line(error.message)}"
            ) from None
        try:
            context = await browser.new_context(
                accept_downloads=False,
                service_workers="block",  # their requests would not come by the node
                **({"no_viewport": True} if window else {"viewport": size}),
            )
            yield await context.new_page()
        finally:
            await browser.close()


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "it gave no reason"

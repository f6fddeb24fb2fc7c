"""One browser profile and the Chromium that runs it, started when first used."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, CDPSession
from playwright.async_api import Error as PlaywrightError

from openclaw_browser.config import BrowserConfig
from openclaw_browser.node.driver import Driver
from openclaw_browser.node.executable import find_executable, is_headless, is_unsandboxed, missing_text
from openclaw_browser.node.failures import RouteError, browser_gone
from openclaw_browser.node.tabs import Tab, Tabs

__all__ = ["Profile", "Running"]

_log = logging.getLogger(__name__)

_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_CLOSE_WAIT_S = 10.0
_ASK_WAIT_S = 5.0
_LONGEST_TEMP = 104 - len("/org.chromium.Chromium.XXXXXX/SingletonSocket") - 1
_LAUNCH_WAIT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Running:
    """A started browser.

    Attributes:
        pid: of its main process; None when it does not tell.
    """

    context: BrowserContext
    tabs: Tabs
    executable: Path
    headless: bool
    pid: int | None


class Profile:
    """A profile of the node.

    Args:
        directory: where it is kept; made when needed.
        driver: of all profiles.

    Attributes:
        ended: what happened to the last browser, for those who look for its tabs.
    """

    def __init__(
        self,
        name: str,
        config: BrowserConfig,
        directory: Path,
        driver: Driver,
    ) -> None:
        self.name = name
        self.config = config
        self.directory = directory
        self.running: Running | None = None
        self.ended: str | None = None
        self._driver = driver
        self._starting: asyncio.Task[Running] | None = None
        self._stopping = asyncio.Lock()
        self._users = 0
        self._idle: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[None]:
        """While inside, the browser is not closed for being idle."""
        self._users += 1
        if self._idle is not None:
            self._idle.cancel()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self.config.idle_shutdown_ms:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(self.config.idle_shutdown_ms / 1000, self._rest)

    async def start(self, *, headless: bool | None = None) -> Running:
        """The running browser; starts it when there is none.

        A caller that gives up does not stop a start that others wait for.

        Raises:
            RouteError: there is no browser to start, or it did not start.
        """
        async with self._stopping:
            if self.running is not None:
                return self.running
            if self._starting is None:
                self._starting = asyncio.ensure_future(self._start(headless))
                self._starting.add_done_callback(self._started)
            starting = self._starting
        return await asyncio.shield(starting)

    async def stop(self, why: str) -> bool:
        """Close the browser; False when none ran.

        Args:
            why: said to those who look for its tabs afterwards.
        """
        async with self._stopping:
            if self._idle is not None:
                self._idle.cancel()
            if self._starting is not None:
                await asyncio.wait({self._starting}, timeout=_CLOSE_WAIT_S)
            running, self.running = self.running, None
            if running is None:
                return False
            self.ended = why
            try:
                async with asyncio.timeout(_CLOSE_WAIT_S):
                    await running.context.close()
            except (PlaywrightError, TimeoutError) as error:
                _log.warning("browser of profile %s did not close in order: %s", self.name, error)
            return True

    async def tab(self, reference: str | None) -> Tab:
        """The tab a request means; starts the browser when needed.

        Raises:
            RouteError: there is no such tab.
        """
        running = await self.start()
        tabs = running.tabs
        tab = await tabs.find(reference, self.ended) if reference else await tabs.current()
        tabs.use(tab)
        return tab

    async def is_lost(self) -> bool:
        """Whether the browser that ran is gone, or nothing can reach it any more."""
        if self.running is None or not _connected(self.running):
            self._gone()
            return True
        try:
            async with asyncio.timeout(_ASK_WAIT_S):
                await self.running.tabs.describe()
        except (PlaywrightError, TimeoutError):
            self._gone()
            await self._driver.drop()
            return True
        return False

    def _rest(self) -> None:
        if not self._users and self.running is not None:
            seconds = self.config.idle_shutdown_ms / 1000
            why = f"the browser was closed after {seconds:g} s without use and started anew without its tabs"
            self._closing = asyncio.ensure_future(self.stop(why))

    def _started(self, task: asyncio.Task[Running]) -> None:
        self._starting = None
        if not task.cancelled() and task.exception() is None:
            self.running = task.result()
            if not _connected(self.running):
                self._gone()

    async def _start(self, headless: bool | None) -> Running:
        executable = find_executable(self.config, self.name)
        if executable is None:
            raise RouteError(503, missing_text(self.config, self.name))
        windowless = headless if headless is not None else is_headless(self.config)[0]
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        driver = await self._driver.get()
        try:
            context = await driver.chromium.launch_persistent_context(
                self.directory,
                executable_path=executable,
                headless=windowless,
                chromium_sandbox=not is_unsandboxed(self.config),
                args=[*_FLAGS, *self.config.args],
                accept_downloads=True,
                env=_environment(),
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=_LAUNCH_WAIT_MS,
            )
        except PlaywrightError as error:
            raise RouteError(503, _why_not_started(executable, self.directory, str(error))) from None
        context.on("close", lambda _: self._gone(context))
        try:
            assert context.browser is not None
            cdp = await context.browser.new_browser_cdp_session()
            return Running(context, Tabs(context, cdp), executable, windowless, await _pid(cdp))
        except PlaywrightError:
            raise browser_gone(self.name) from None

    def _gone(self, context: BrowserContext | None = None) -> None:
        if self.running is not None and context in (None, self.running.context):
            _log.warning("the browser of profile %s ended unexpectedly", self.name)
            self.running = None
            self.ended = "the browser ended unexpectedly and was started anew without its tabs"


def _environment() -> dict[str, str | float | bool]:
    """Ours; with another TMPDIR if Chromium's socket there would have a name longer than sockets may."""
    env: dict[str, str | float | bool] = dict(os.environ)
    if os.name == "posix" and len(tempfile.gettempdir()) > _LONGEST_TEMP and os.access("/tmp", os.W_OK):  # noqa: S108
        env["TMPDIR"] = "/tmp"  # noqa: S108 — Chromium makes a private directory in it
    return env


def _connected(running: Running) -> bool:
    browser = running.context.browser
    return browser is not None and browser.is_connected()


async def _pid(cdp: CDPSession) -> int | None:
    try:
        info: dict[str, Any] = await cdp.send("SystemInfo.getProcessInfo")
    except PlaywrightError:
        return None
    return next((item["id"] for item in info["processInfo"] if item["type"] == "browser"), None)


def _why_not_started(executable: Path, directory: Path, text: str) -> str:
    if "ProcessSingleton" in text or "profile appears to be in use" in text:
        return f"another browser uses the profile directory {directory}; close it and try again"
    if "No usable sandbox" in text:
        return (
            f"{executable} found no usable sandbox; allow user namespaces on this machine, or set noSandbox"
            " in plugins.entries.browser.config if only trusted pages are visited"
        )
    said = [line.partition("[err] ")[2].strip() for line in text.splitlines() if "[err] " in line]
    fatal = next((line for word in ("FATAL", "ERROR") for line in said if word in line), None)
    first = text.splitlines()[0].removeprefix("BrowserType.launch_persistent_context: ")
    return f"{executable} did not start: {(fatal or first)[:500]}"

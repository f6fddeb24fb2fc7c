"""The browsers of a node: one Playwright driver, one Chromium per profile in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from openclaw_browser.config import BrowserConfig
from openclaw_browser.node.driver import Driver
from openclaw_browser.node.failures import RouteError
from openclaw_browser.node.profile import Profile
from openclaw_core import NodeHostContext

__all__ = ["Browsers", "open_browsers"]


class Browsers:
    """What `NodeHostContext.resource` keeps for this family.

    Args:
        state_dir: profiles are kept in `browser/<name>` below it.
    """

    def __init__(self, config: BrowserConfig, state_dir: Path) -> None:
        self.config = config
        self._driver = Driver()
        self.profiles = {
            name: Profile(name, config, settings.user_data_dir or state_dir / "browser" / name, self._driver)
            for name, settings in config.named_profiles().items()
        }

    def profile(self, name: str) -> Profile:
        """A profile that requests may use.

        Raises:
            RouteError: there is none of this name, or it is not allowed.
        """
        allowed = self.allowed()
        if name not in self.profiles or name not in allowed:
            known = ", ".join(allowed) or "none"
            raise RouteError(
                404,
                f'no browser profile "{name}" on this node; there are: {known} (profiles and allowProfiles'
                " of plugins.entries.browser.config)",
            )
        return self.profiles[name]

    def allowed(self) -> list[str]:
        """Names of the profiles that requests may use."""
        limits = self.config.allow_profiles
        return [name for name in self.profiles if not limits or name in limits]

    async def close(self) -> None:
        """Close every browser and the driver."""
        await asyncio.gather(*(item.stop("the node host stopped") for item in self.profiles.values()))
        await self._driver.drop()


@asynccontextmanager
async def open_browsers(host: NodeHostContext) -> AsyncIterator[Browsers]:
    """The browsers of a node host; nothing is started before it is used."""
    browsers = Browsers(host.config or BrowserConfig(), host.state_dir)
    try:
        yield browsers
    finally:
        await browsers.close()

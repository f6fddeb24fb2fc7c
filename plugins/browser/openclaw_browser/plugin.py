"""The hooks of the family. One instance holds the state of one loaded gateway."""

from __future__ import annotations

from openclaw_browser.family import FAMILY
from openclaw_core import Family, hookimpl

__all__ = ["Browser"]


class Browser:
    """The plugin object the entry point names; loading makes one."""

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands, capability, settings."""
        return FAMILY

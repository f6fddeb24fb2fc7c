"""The hooks of the family."""

from __future__ import annotations

from openclaw_core import Family, hookimpl
from openclaw_screen.family import FAMILY

__all__ = ["ScreenPlugin"]


class ScreenPlugin:
    """The plugin object the entry point names."""

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands and capability."""
        return FAMILY

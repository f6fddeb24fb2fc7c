"""The hooks of the family."""

from __future__ import annotations

from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import NodeCommands
from openclaw_screen.family import FAMILY

__all__ = ["ScreenPlugin"]


class ScreenPlugin:
    """The plugin object the entry point names."""

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands and capability."""
        return FAMILY

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        """Sub-commands of `openclaw nodes`."""
        from openclaw_screen.cli import add_commands

        add_commands(nodes)

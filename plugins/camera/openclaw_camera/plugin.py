"""The hooks of the family."""

from __future__ import annotations

from openclaw_camera.family import FAMILY
from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import NodeCommands

__all__ = ["CameraPlugin"]


class CameraPlugin:
    """The plugin object the entry point names."""

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands and capability."""
        return FAMILY

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        """Sub-commands of `openclaw nodes`."""
        from openclaw_camera.cli import add_commands

        add_commands(nodes)

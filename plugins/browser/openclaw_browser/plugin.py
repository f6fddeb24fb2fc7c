"""The hooks of the family."""

from __future__ import annotations

from openclaw_browser.family import FAMILY
from openclaw_browser.gateway.request import browser_methods
from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import NodeCommands, RpcMethod

__all__ = ["Browser"]


class Browser:
    """The plugin object the entry point names; loading makes one."""

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands, capability, settings."""
        return FAMILY

    @hookimpl
    def openclaw_methods(self) -> list[RpcMethod]:
        """`browser.request`."""
        return browser_methods()

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        """Sub-commands of `openclaw nodes`."""
        from openclaw_browser.cli import add_commands

        add_commands(nodes)

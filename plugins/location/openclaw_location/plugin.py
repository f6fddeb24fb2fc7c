"""The hook of the family; the gateway needs nothing beyond the declaration."""

from __future__ import annotations

from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import NodeCommands
from openclaw_location.family import FAMILY

__all__ = ["openclaw_cli", "openclaw_family"]


@hookimpl
def openclaw_family() -> Family:
    """The command, its models and its probe."""
    return FAMILY


@hookimpl
def openclaw_cli(nodes: NodeCommands) -> None:
    """Sub-commands of `openclaw nodes`."""
    from openclaw_location.cli import add_commands

    add_commands(nodes)

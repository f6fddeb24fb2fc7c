"""What this machine offers as a node, and why the rest does not work: `openclaw node doctor`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from openclaw_core.cli.output import Column, Table

if TYPE_CHECKING:
    from openclaw_core.node_host import Machine, Surface

__all__ = ["entries", "table", "withheld_lines"]

_COLUMNS = (
    Column("Family", no_wrap=True),
    Column("Command", no_wrap=True),
    Column("State", no_wrap=True),
    Column("Why"),
)


def entries(machine: Machine, surface: Surface) -> list[dict[str, Any]]:
    """One JSON object per command that a node of this kind could run."""
    return [
        {
            "family": family.name,
            "command": item.name,
            "offered": item.name in surface.commands,
            **({"reason": surface.withheld[item.name]} if item.name in surface.withheld else {}),
        }
        for family in machine.plugins.families
        for item in family.commands
        if item.handler is not None
    ]


def table(machine: Machine, surface: Surface) -> Table:
    """The same as rows."""
    return Table(
        _COLUMNS,
        tuple(
            (
                item["family"],
                item["command"],
                "offered" if item["offered"] else "not offered",
                item.get("reason", ""),
            )
            for item in entries(machine, surface)
        ),
    )


def withheld_lines(surface: Surface) -> list[str]:
    """One sentence per reason, with the commands it keeps away."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in surface.withheld.items():
        by_reason[reason].append(name)
    return [f"not offered: {', '.join(sorted(names))}: {reason}" for reason, names in by_reason.items()]

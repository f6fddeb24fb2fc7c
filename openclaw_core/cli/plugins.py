"""`openclaw plugins …`: capability families installed beside this program; asks no gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from openclaw_core.cli.failure import funnel
from openclaw_core.cli.output import Column, Table, print_json, print_line, print_table

if TYPE_CHECKING:
    from openclaw_core.plugins import Plugins

__all__ = ["app"]

app = typer.Typer()

_COLUMNS = (
    Column("Plugin", no_wrap=True),
    Column("Package", no_wrap=True),
    Column("Version", no_wrap=True),
    Column("State", no_wrap=True),
    Column("Commands"),
    Column("Fault"),
    Column("Cure"),
)


@app.callback()
def _group() -> None:
    # A group with one command would otherwise take that command's place.
    pass


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Every installed family; a failed one with its fault and cure."""
    with funnel(as_json=as_json):
        from openclaw_core.plugins import load_plugins

        found = load_plugins()
        if as_json:
            print_json({"plugins": entries(found)})
        elif not found.loaded and not found.failed:
            print_line("No capability families are installed. Add one: pip install openclaw-FAMILY")
        else:
            print_table(table(found))


def entries(found: Plugins) -> list[dict[str, Any]]:
    """One JSON object per installed family, loaded ones first."""
    loaded = [
        {
            "name": item.name,
            "distribution": item.distribution,
            "version": item.version,
            "state": "loaded",
            "family": item.family.name,
            "title": item.family.title,
            "commands": sorted(command.name for command in item.family.commands),
        }
        for item in found.loaded
    ]
    failed = [
        {
            "name": item.name,
            "distribution": item.distribution,
            "version": item.version,
            "state": "failed",
            "reason": item.reason,
            "cure": item.cure,
        }
        for item in found.failed
    ]
    return loaded + failed


def table(found: Plugins) -> Table:
    """The same as rows; the last two columns only when something failed."""
    rows = [
        (
            item["name"],
            item["distribution"],
            item["version"],
            item["state"],
            ", ".join(item.get("commands", ())),
            item.get("reason", ""),
            item.get("cure", ""),
        )
        for item in entries(found)
    ]
    width = len(_COLUMNS) if found.failed else len(_COLUMNS) - 2
    return Table(_COLUMNS[:width], tuple(row[:width] for row in rows))

"""`openclaw plugins …`: capability families, installed beside this program and served by a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openclaw_core.cli.call import ADMIN, Call, gateway_command
from openclaw_core.cli.failure import funnel
from openclaw_core.cli.output import Column, Table, print_json, print_line, print_table
from openclaw_core.cli.plugin_check import check_path
from openclaw_core.cli.plugin_new import write_package

if TYPE_CHECKING:
    from openclaw_core.plugins import Plugins

__all__ = ["app", "reload"]

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
            print_json({"plugins": found.describe()})
        elif not found.loaded and not found.failed:
            print_line("No capability families are installed. Add one: pip install openclaw-FAMILY")
        else:
            print_table(table(found))


@gateway_command(app, "reload", ADMIN)
async def reload(call: Call) -> None:
    """Let the running gateway serve what is installed now; nobody is disconnected."""
    answer = await call.request("plugins.reload")
    said = [f"{name} {word}" for word in ("added", "removed", "replaced") for name in answer[word]]
    failed = [item for item in answer["plugins"] if item["state"] == "failed"]
    lines = [f"{item['name']} failed: {item['reason']}; {item['cure']}" for item in failed]
    call.show(answer, ", ".join(said) or "nothing changed", *lines)
    if failed:
        raise typer.Exit(1)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The family's name, e.g. door_bell.")],
    directory: Annotated[
        Path | None, typer.Option("--directory", help="Where to make it; default: here.")
    ] = None,
) -> None:
    """Write a capability package that works, with its test."""
    with funnel():
        root = write_package(name, directory)
        print_line(f"wrote {root}")
        print_line(f"next: pip install --editable '{root}[dev]' && pytest {root}")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Directory of the package.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that a capability package keeps what families must keep."""
    with funnel(as_json=as_json):
        raise typer.Exit(check_path(path.resolve(), as_json=as_json))


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
        for item in found.describe()
    ]
    width = len(_COLUMNS) if found.failed else len(_COLUMNS) - 2
    return Table(_COLUMNS[:width], tuple(row[:width] for row in rows))

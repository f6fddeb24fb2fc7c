"""`openclaw nodes queue`: work that waits for nodes, and what became of it (PROTOCOL 14)."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, get_args

import typer

from openclaw_core.cli.ages import age
from openclaw_core.cli.call import READ, WRITE, Call, gateway_command
from openclaw_core.cli.completion import complete_node
from openclaw_core.cli.output import Column, Table, print_json, print_line, print_table
from openclaw_core.cli.resolve import candidates_of_nodes, resolve
from openclaw_core.protocol.pending import OPEN_STATES, State

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Work that waits for nodes: list, show, cancel.")

Item = dict[str, Any]

_COLUMNS = (
    Column("Item", no_wrap=True),
    Column("Node", is_id=True),
    Column("What"),
    Column("State", no_wrap=True),
    Column("Priority", no_wrap=True),
    Column("Left", no_wrap=True),
    Column("By"),
)
ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="From: openclaw nodes queue list.")]


@gateway_command(app, "list", READ)
async def list_(
    call: Call,
    node: Annotated[
        str | None,
        typer.Option(
            "--node", help="Only this node: id, name, IP or id prefix.", autocompletion=complete_node
        ),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help=f"Only these: {', '.join(get_args(State))}.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Finished items too; they are kept for a day.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most this many.")] = 200,
) -> None:
    """Items that wait, newest first."""
    params: dict[str, Any] = {"limit": limit}
    if state or not every:
        params["states"] = _states(state) or sorted(OPEN_STATES)
    if node is not None:
        nodes = (await call.request("node.list"))["nodes"]
        params["nodeId"] = resolve(node, candidates_of_nodes(nodes)).id
    answer = await call.request("node.pending.list", params)
    if call.as_json:
        print_json(answer)
    elif not answer["items"]:
        print_line("Nothing waits." if not every else "No items.")
    else:
        print_table(_table(answer["items"], answer["ts"]))


@gateway_command(app, "show", READ, WRITE)
async def show(call: Call, item: ItemArgument) -> None:
    """One item with its params and what came back."""
    answer = await call.request("node.pending.get", {"id": item})
    if call.as_json:
        print_json(answer)
        return
    found, now = answer["item"], time.time_ns() // 1_000_000
    print_table(Table((Column("Field", no_wrap=True), Column("Value")), tuple(_facts(found, now))))


@gateway_command(app, "cancel", READ, WRITE)
async def cancel(call: Call, item: ItemArgument) -> None:
    """Take an item back; a node that has it already may still run it."""
    answer = await call.request("node.pending.cancel", {"id": item})
    late = "; the node has it already and may still run it" if answer["delivered"] else ""
    call.show(answer, f"Cancelled {answer['id']}{late}")


def _states(names: list[str] | None) -> list[str]:
    wanted = [name.strip() for text in names or () for name in text.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in get_args(State)]
    if unknown:
        known = ", ".join(get_args(State))
        raise typer.BadParameter(f"{', '.join(unknown)}: no such state; use {known}", param_hint="'--state'")
    return list(dict.fromkeys(wanted))


def _table(items: list[Item], now_ms: int) -> Table:
    rows = (
        (
            item["id"],
            item["nodeId"],
            _what(item),
            item["state"],
            item["priority"],
            age(item["createdAtMs"], now_ms),
            item["requestedBy"],
        )
        for item in items
    )
    return Table(_COLUMNS, tuple(rows))


def _facts(item: Item, now_ms: int) -> list[tuple[str, str]]:
    error = item.get("error") or {}
    fields = {
        "Item": item["id"],
        "Node": item["nodeId"],
        "What": _what(item),
        "State": item["state"],
        "Error": f"{error.get('code')}: {error.get('message')}" if error else None,
        "Result": _as_json(item, "payload"),
        "Params": _as_json(item, "params"),
        "Priority": item["priority"],
        "Key": item.get("idempotencyKey"),
        "Requested by": item["requestedBy"],
        "Left": age(item["createdAtMs"], now_ms),
        "Delivered": age(item["deliveredAtMs"], now_ms) if item.get("deliveredAtMs") else None,
        "Finished": age(item["finishedAtMs"], now_ms) if item.get("finishedAtMs") else None,
    }
    return [(name, value) for name, value in fields.items() if value]


def _what(item: Item) -> str:
    what = str(item.get("command") or item["type"])
    return f"{what} (until the app is in front)" if item.get("foreground") else what


def _as_json(item: Item, name: str) -> str | None:
    return json.dumps(item[name], ensure_ascii=False) if name in item else None

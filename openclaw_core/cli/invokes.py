"""`openclaw nodes invokes` and `nodes cancel`: what runs on nodes now, and stopping it (PROTOCOL 11.5)."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from openclaw_core.cli.ages import age
from openclaw_core.cli.call import Call
from openclaw_core.cli.completion import complete_node
from openclaw_core.cli.output import Column, Table, clean, print_json, print_line, print_table
from openclaw_core.cli.resolve import candidates_of_nodes, resolve

__all__ = ["cancel", "invokes", "print_progress"]

_COLUMNS = (
    Column("Node", is_id=True),
    Column("Command"),
    Column("State", no_wrap=True),
    Column("Since", no_wrap=True),
    Column("By"),
    Column("Key", no_wrap=True),
)


async def invokes(
    call: Call,
    node: Annotated[
        str | None,
        typer.Option(
            "--node", help="Only this node: id, name, IP or id prefix.", autocompletion=complete_node
        ),
    ] = None,
) -> None:
    """Commands that run on nodes now; one's own, or with the gateway's token everybody's."""
    params = {} if node is None else {"nodeId": await _node_id(call, node)}
    answer = await call.request("node.invoke.list", params)
    if call.as_json:
        print_json(answer)
    elif not answer["invokes"]:
        print_line("Nothing runs.")
    else:
        print_table(Table(_COLUMNS, tuple(_cells(row, answer["ts"]) for row in answer["invokes"])))


async def cancel(
    call: Call,
    node: Annotated[
        str, typer.Option("--node", help="Node id, name, IP or id prefix.", autocompletion=complete_node)
    ],
    key: Annotated[str, typer.Option("--key", help="Idempotency key, from: openclaw nodes invokes.")],
) -> None:
    """Stop a command on a node; whoever waits for it is told."""
    params = {"nodeId": await _node_id(call, node), "idempotencyKey": key}
    answer = await call.request("node.invoke.cancel", params)
    if not answer["cancelled"]:
        call.show(answer, "Nothing runs under this key: it is over, or never was.")
        raise typer.Exit(1)
    said = {
        "not-dispatched": "it had not been sent yet",
        "failed": "the node had not begun",
        "unknown": "it may have been done in part",
    }
    call.show(answer, f"Cancelled; {said.get(answer['outcome'], 'its outcome is unknown')}.")


def print_progress(text: str) -> None:
    """Live output goes to stderr, so that stdout is the answer alone."""
    sys.stderr.write(text if not sys.stderr.isatty() else "\n".join(map(clean, text.split("\n"))))
    sys.stderr.flush()


async def _node_id(call: Call, query: str) -> str:
    nodes = (await call.request("node.list"))["nodes"]
    return str(resolve(query, candidates_of_nodes(nodes)).id)


def _cells(row: dict[str, Any], now: int) -> tuple[str, ...]:
    asked_by = row.get("deviceId") or row.get("clientId") or ""
    since = age(row["startedAtMs"], now)
    return row["nodeId"], row["command"], row["state"], since, asked_by, row["idempotencyKey"]

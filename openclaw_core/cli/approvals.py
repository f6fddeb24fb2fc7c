"""`openclaw approvals …`: what agents want to do that a person has to allow."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from openclaw_core.cli.ages import age
from openclaw_core.cli.call import APPROVALS, Call, gateway_command
from openclaw_core.cli.output import Column, Table, print_json, print_line, print_table

__all__ = ["app"]

app = typer.Typer()

_COLUMNS = (
    Column("ID", no_wrap=True),
    Column("Asked", no_wrap=True),
    Column("What"),
    Column("With"),
)

IdArgument = Annotated[str, typer.Argument(help="Id, from: openclaw approvals list.")]


@gateway_command(app, "list", APPROVALS)
async def list_(call: Call) -> None:
    """Calls of agents that wait for a person's word."""
    answer = await call.request("plugin.approval.list")
    if call.as_json:
        print_json(answer)
    elif not answer:
        print_line("Nothing waits for approval.")
    else:
        print_table(Table(_COLUMNS, tuple(_cells(row, time.time_ns() // 1_000_000) for row in answer)))


@gateway_command(app, "approve", APPROVALS)
async def approve(call: Call, approval_id: IdArgument) -> None:
    """Allow one call, once; the agent has to make it again."""
    await _resolve(call, approval_id, "allow-once", "Allowed once; the agent may call again now.")


@gateway_command(app, "deny", APPROVALS)
async def deny(call: Call, approval_id: IdArgument) -> None:
    """Refuse one call; the agent is told."""
    await _resolve(call, approval_id, "deny", "Denied.")


async def _resolve(call: Call, approval_id: str, decision: str, said: str) -> None:
    answer = await call.request("plugin.approval.resolve", {"id": approval_id, "decision": decision})
    call.show(answer, said)


def _cells(row: dict[str, Any], now: int) -> tuple[str, ...]:
    request = row["request"]
    return row["id"], age(row["createdAtMs"], now), request["description"], request["detail"]

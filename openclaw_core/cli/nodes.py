"""`openclaw nodes …` (PROTOCOL 8, 10, 11, 21.2)."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any
from uuid import uuid4

import typer

from openclaw_core.cli import node_tables as tables
from openclaw_core.cli.ages import duration_ms
from openclaw_core.cli.call import ADMIN, PAIRING, READ, WRITE, Call, gateway_command
from openclaw_core.cli.completion import complete_command, complete_node
from openclaw_core.cli.explain import explain
from openclaw_core.cli.failure import CliError
from openclaw_core.cli.family_commands import FamilyGroup
from openclaw_core.cli.invokes import cancel, invokes, print_progress
from openclaw_core.cli.joint_approval import approve_device_and_surface
from openclaw_core.cli.output import print_json, print_line, print_table
from openclaw_core.cli.queue import app as queue_app
from openclaw_core.cli.resolve import Candidate, candidates_of_nodes, resolve

__all__ = ["app"]

app = typer.Typer(cls=FamilyGroup)
app.add_typer(queue_app, name="queue")

Node = dict[str, Any]

NodeFlag = Annotated[
    str,
    typer.Option(
        "--node",
        help="Node id, name, IP, or 6 or more characters of its id.",
        autocompletion=complete_node,
    ),
]
ConnectedFlag = Annotated[bool, typer.Option("--connected", help="Only connected nodes.")]
LastConnectedFlag = Annotated[
    str | None, typer.Option("--last-connected", help="Only nodes connected within this time, e.g. 24h.")
]
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST_ID", help="From: openclaw nodes pending.")]


@gateway_command(app, "status", READ, extra_scopes=(PAIRING,), doing="nodes status")
async def status(
    call: Call, connected: ConnectedFlag = False, last_connected: LastConnectedFlag = None
) -> None:
    """Every known node with its connection and approval."""
    now = _now_ms()
    keep = _filter(connected, last_connected, now)
    answer = await call.request("node.list")
    nodes = [node for node in answer["nodes"] if keep(node)]
    if call.as_json:
        print_json({**answer, "nodes": nodes})
        return
    print_line(tables.status_summary(nodes))
    if nodes:
        print_table(tables.status_table(nodes, now))
    _print_notes(nodes)


@gateway_command(app, "list", READ, PAIRING, doing="nodes list")
async def list_(
    call: Call, connected: ConnectedFlag = False, last_connected: LastConnectedFlag = None
) -> None:
    """Requests that wait for approval, and paired nodes."""
    now = _now_ms()
    keep = _filter(connected, last_connected, now)
    pairs = await call.request("node.pair.list")
    live = await call.request("node.list")
    paired = [node for node in tables.merge_paired(pairs["paired"], live["nodes"]) if keep(node)]
    if call.as_json:
        print_json({"pending": pairs["pending"], "paired": paired})
        return
    print_line(f"Pending: {len(pairs['pending'])} · Paired: {len(paired)}")
    if pairs["pending"]:
        print_line()
        print_table(tables.pending_table(pairs["pending"], now))
    if paired:
        print_line()
        print_table(tables.paired_table(paired, now))


@gateway_command(app, "pending", PAIRING, doing="nodes pending")
async def pending(call: Call) -> None:
    """Requests that wait for `nodes approve`."""
    waiting = (await call.request("node.pair.list"))["pending"]
    if call.as_json:
        print_json(waiting)
    elif not waiting:
        print_line("No pending pairing requests.")
    else:
        print_table(tables.pending_table(waiting, _now_ms()))


@gateway_command(app, "describe", READ, extra_scopes=(PAIRING,), doing="nodes describe")
async def describe(call: Call, node: NodeFlag) -> None:
    """What one node is and which commands it may run."""
    found = await _find(call, node)
    answer = await call.request("node.describe", {"nodeId": found.id})
    if call.as_json:
        print_json(answer)
        return
    print_table(tables.describe_table(answer, _now_ms()))
    for line in tables.describe_lines(answer):
        print_line(line)


gateway_command(app, "invokes", READ, extra_scopes=(ADMIN,), doing="nodes invokes")(invokes)
gateway_command(app, "cancel", READ, WRITE, extra_scopes=(ADMIN,), doing="nodes cancel")(cancel)
gateway_command(app, "explain", READ, extra_scopes=(PAIRING,), doing="nodes explain")(explain)


@gateway_command(app, "rename", READ, PAIRING, doing="nodes rename")
async def rename(
    call: Call, node: NodeFlag, name: Annotated[str, typer.Option("--name", help="New name.")]
) -> None:
    """Give a node another name; it survives reconnects."""
    found = await _find(call, node)
    answer = await call.request("node.rename", {"nodeId": found.id, "displayName": name})
    call.show(answer, f"node rename ok: {answer['nodeId']} -> {answer['displayName']}")


@gateway_command(app, "approve", PAIRING, extra_scopes=(WRITE, ADMIN))
async def approve(call: Call, request_id: RequestArgument) -> None:
    """Let a node use what it declares; a device request pairs the device as well."""
    known = await _pending_ids(call)
    if request_id not in known and await approve_device_and_surface(call, request_id):
        return
    _require_pending(known, request_id)
    print_json(await call.request("node.pair.approve", {"requestId": request_id}))


@gateway_command(app, "reject", PAIRING)
async def reject(call: Call, request_id: RequestArgument) -> None:
    """Refuse what a node declares; it asks again at its next connect."""
    _require_pending(await _pending_ids(call), request_id)
    print_json(await call.request("node.pair.reject", {"requestId": request_id}))


@gateway_command(app, "remove", READ, PAIRING, doing="nodes remove")
async def remove(call: Call, node: NodeFlag) -> None:
    """Forget a node: its pairing, approval and connection end."""
    found = await _find(call, node)
    answer = await call.request("node.pair.remove", {"nodeId": found.id})
    call.show(answer, f"Removed paired node {answer['nodeId']}")


@gateway_command(app, "invoke", READ, WRITE)
async def invoke(
    call: Call,
    node: NodeFlag,
    command: Annotated[
        str,
        typer.Option(
            "--command",
            help="Command name, as nodes describe lists it.",
            autocompletion=complete_command,
        ),
    ],
    params: Annotated[str, typer.Option("--params", help="Parameters as JSON.")] = "{}",
    invoke_timeout: Annotated[
        int, typer.Option("--invoke-timeout", min=0, help="Time the node has, in ms; 0 for no deadline.")
    ] = 15_000,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", help="Repeat with the same key to run it only once.")
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave it for a node that is away; see: openclaw nodes queue.")
    ] = False,
    progress: Annotated[
        bool, typer.Option("--progress", help="Show the command's output on stderr while it runs.")
    ] = False,
) -> None:
    """Run a command on a node and print the whole answer as JSON; Ctrl-C stops it on the node, too."""
    arguments = _parse_params(params)
    found = await _find(call, node)
    request = {
        "nodeId": found.id,
        "command": command,
        "params": arguments,
        "timeoutMs": invoke_timeout,
        "idempotencyKey": idempotency_key or str(uuid4()),
        **({"ifOffline": "queue"} if queue else {}),
    }
    # The answer has to outlast the node's own budget, or its result would find nobody.
    patience = max(call.flags.timeout_ms, invoke_timeout + 10_000) if invoke_timeout else _NO_DEADLINE_MS
    print_json(await call.invoke(request, patience, print_progress if progress else None))


_NO_DEADLINE_MS = 86_400_000


def _parse_params(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not JSON ({error})", param_hint="'--params'") from None


async def _find(call: Call, query: str) -> Candidate:
    return resolve(query, candidates_of_nodes((await call.request("node.list"))["nodes"]))


async def _pending_ids(call: Call) -> list[str]:
    return [item["requestId"] for item in (await call.request("node.pair.list"))["pending"]]


def _require_pending(known: list[str], request_id: str) -> None:
    if request_id in known:
        return
    listed = (f"Pending requestIds: {', '.join(known)}",) if known else ()
    raise CliError(
        f"Unknown node pairing requestId: {request_id}",
        code="UNKNOWN_REQUEST",
        details={"requestId": request_id, "pending": known},
        steps=(*listed, "see the current requests: openclaw nodes pending"),
    )


def _filter(connected: bool, last_connected: str | None, now_ms: int) -> Any:
    within = duration_ms(last_connected, "--last-connected") if last_connected else None

    def keep(node: Node) -> bool:
        if connected and not node.get("connected"):
            return False
        if within is None or node.get("connected"):
            return True
        since = tables.connected_since(node)
        return since is not None and now_ms - since <= within

    return keep


def _print_notes(nodes: list[Node]) -> None:
    for note in tables.approval_notes(nodes):
        print_line(note)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""`openclaw nodes explain`: why a command works on a node, or what would make it work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from openclaw_core.cli.call import Call
from openclaw_core.cli.completion import complete_command, complete_node
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.resolve import candidates_of_nodes, resolve

__all__ = ["explain", "explain_from_facts", "lines"]

_MARKS = {True: "✓", False: "✗", None: "?"}
_UNTOLD = "this gateway does not tell"

NodeArgument = Annotated[
    str,
    typer.Argument(
        metavar="NODE",
        help="Node id, name, IP, or 6 or more characters of its id.",
        autocompletion=complete_node,
    ),
]
CommandArgument = Annotated[
    str,
    typer.Argument(
        metavar="COMMAND", help="Command name, known to the node or not.", autocompletion=complete_command
    ),
]


async def explain(call: Call, node: NodeArgument, command: CommandArgument) -> None:
    """Say why a command works on a node, or which step fails and what would fix it."""
    nodes = (await call.request("node.list"))["nodes"]
    node_id = resolve(node, candidates_of_nodes(nodes)).id
    params = {"nodeId": node_id, "command": command}
    if "node.explain" in (await call.hello()).features.methods:
        answer = await call.request("node.explain", params)
    else:
        answer = explain_from_facts(await call.request("node.describe", {"nodeId": node_id}), command)
    if call.as_json:
        print_json(answer)
        return
    for line in lines(answer):
        print_line(line)


def lines(answer: dict[str, Any]) -> list[str]:
    """The answer of `node.explain` for a person."""
    shown = [f"{answer['command']} on {answer['displayName']} ({answer['nodeId']})"]
    shown += [f"{_MARKS[step['ok']]} {step['step']:<10} {step['message']}" for step in answer["steps"]]
    if answer.get("cure"):
        return [*shown, "", f"Next: {answer['cure']}"]
    told = all(step["ok"] is not None for step in answer["steps"])
    return [*shown, "", "It works." if told else "It works as far as this gateway tells."]


def explain_from_facts(entry: dict[str, Any], command: str) -> dict[str, Any]:
    """What `node.describe` of a gateway without `node.explain` allows to say; `ok` None: not told."""
    effective = command in (entry.get("commands") or ())
    waits = command in (entry.get("pendingDeclaredCommands") or ())
    steps = [
        _declared(effective or waits),
        _approved(effective, waits, entry.get("pendingRequestId")),
        _step("policy", effective or None, "the gateway lists it as effective" if effective else _UNTOLD),
        _step("permission", None, _UNTOLD),
        _reachable(bool(entry.get("connected"))),
    ]
    failed = next((step for step in steps if step["ok"] is False), None)
    answer = {
        "nodeId": entry["nodeId"],
        "displayName": entry.get("displayName") or entry["nodeId"],
        "command": command,
        "works": effective and bool(entry.get("connected")),
        "steps": steps,
    }
    return answer if failed is None else {**answer, "failed": failed["step"], "cure": failed["cure"]}


def _step(name: str, ok: bool | None, message: str, cure: str | None = None) -> dict[str, Any]:
    return {"step": name, "ok": ok, "message": message, **({"cure": cure} if cure else {})}


def _declared(known: bool) -> dict[str, Any]:
    if known:
        return _step("declared", True, "the node offers it")
    cure = (
        "on the node's machine, see that its app or `openclaw node run` offers it; on the gateway's, "
        "that gateway.nodes.commands.allow permits it"
    )
    return _step("declared", False, "the node does not offer it, or the gateway's policy dropped it", cure)


def _approved(effective: bool, waits: bool, request_id: str | None) -> dict[str, Any]:
    if effective:
        return _step("approved", True, "a person approved it")
    if waits:
        cure = f"openclaw nodes approve {request_id}" if request_id else "openclaw nodes pending"
        return _step("approved", False, "it waits for approval", cure)
    return _step("approved", None, _UNTOLD)


def _reachable(connected: bool) -> dict[str, Any]:
    if connected:
        return _step("reachable", True, "the node is connected")
    cure = "start it: openclaw node run on its machine, or open its app"
    return _step("reachable", False, "the node is not connected", cure)

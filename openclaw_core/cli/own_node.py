"""This machine's own node, as its gateway sees it: wait for it, approve it, find a command to try."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from openclaw_core.cli.call import Call
from openclaw_core.cli.output import print_line

__all__ = ["await_approved", "first_example"]

_POLL_S = 0.1


async def await_approved(
    call: Call, node_id: str, say: Callable[[str], None] = print_line, *, approve_device: bool = False
) -> dict[str, Any]:
    """Wait until the node is connected with an approved surface; approve it if it asks.

    Args:
        say: where the sentences about it go.
        approve_device: also its key, where automatic local approval is switched off (6.4);
            otherwise a person decides, and is told so.
    """
    told = ""
    while True:
        nodes = (await call.request("node.list"))["nodes"]
        node = next((item for item in nodes if item["nodeId"] == node_id and item.get("connected")), None)
        if node is not None and node.get("approvalState") == "approved":
            return dict(node)
        if node is not None and node.get("pendingRequestId"):
            say(await _approve(call, node))
            continue
        if node is None:
            told = await _consider_pairing(call, node_id, say, told, approve_device)
        await asyncio.sleep(_POLL_S)


async def _approve(call: Call, node: dict[str, Any]) -> str:
    answer = await call.request("node.pair.approve", {"requestId": node["pendingRequestId"]})
    commands = ", ".join(answer["node"].get("commands") or ()) or "no commands"
    return f"Approved this machine's own node for: {commands}"


async def _consider_pairing(
    call: Call, node_id: str, say: Callable[[str], None], told: str, approve: bool
) -> str:
    """Approve the key of this machine's node, or say once per request that a person decides."""
    pending = (await call.request("device.pair.list"))["pending"]
    request = next((str(item["requestId"]) for item in pending if item["deviceId"] == node_id), "")
    if request and request != told:
        if approve:
            await call.request("device.pair.approve", {"requestId": request})
            say("Approved the key of this machine's own node.")
        else:
            say(f"This machine's node waits for you, in another terminal: openclaw devices approve {request}")
    return request or told


def first_example(names: list[str] | tuple[str, ...]) -> tuple[str, Any] | None:
    """A read-only command whose params model carries an example, best one that takes no admin rights."""
    from openclaw_core.plugins import load_plugins  # imports every family

    table = load_plugins().table
    known = [command for command in map(table.get, names) if command is not None]
    for command in sorted(known, key=lambda item: item.admin_invoke):
        if not command.read_only or command.private:
            continue
        examples = command.params.model_json_schema().get("examples")
        if examples:
            return command.name, examples[0]
    return None

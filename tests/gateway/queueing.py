"""A family whose commands may wait, and steps with the queue over real sockets."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from openclaw_core import Command, Family, hookimpl
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.testing import TestGateway, Wire

__all__ = ["IPHONE", "WORK", "Work", "acked", "enqueue", "enqueue_invoke", "item", "leave", "pulled"]

IPHONE = {"platform": "iOS 18.4", "deviceFamily": "iPhone", "id": "openclaw-ios"}


class Text(BaseModel):
    text: str


WORK = Family(
    "work",
    "Work",
    caps=("work",),
    commands=(
        Command("work.do", Text, Text, platforms=ALL_PLATFORMS, queueable=True),
        Command("work.more", Text, Text, platforms=ALL_PLATFORMS, queueable=True, idempotent=True),
        Command("work.now", Text, Text, platforms=ALL_PLATFORMS),
        Command("work.root", Text, Text, platforms=ALL_PLATFORMS, queueable=True, admin_invoke=True),
        Command(
            "work.hidden", Text, Text, platforms=ALL_PLATFORMS, queueable=True, private="use work.method"
        ),
        Command("work.front", Text, Text, platforms=ALL_PLATFORMS, foreground=True),
    ),
)
COMMANDS = [command.name for command in WORK.commands]


class Work:
    """The family's plugin."""

    @hookimpl
    def openclaw_family(self) -> Family:
        return WORK


async def leave(gateway: TestGateway, node: Wire, node_id: str) -> None:
    """Close the node's socket and wait until the gateway knows."""
    await node.socket.close()
    operator = await gateway.operator()
    while True:
        row = (await operator.call("node.describe", {"nodeId": node_id}))["connected"]
        if not row:
            return


async def enqueue(operator: Wire, node_id: str, kind: str, **fields: Any) -> dict[str, Any]:
    """`node.pending.enqueue` that must succeed."""
    answer: dict[str, Any] = await operator.call(
        "node.pending.enqueue", {"nodeId": node_id, "type": kind, **fields}
    )
    return answer


async def enqueue_invoke(operator: Wire, node_id: str, text: str = "hi", **fields: Any) -> str:
    """Leave `work.do`; the item's id."""
    params = {"command": "work.do", "params": {"text": text}, **fields}
    queued: str = (await enqueue(operator, node_id, "node.invoke", **params))["queued"]["id"]
    return queued


async def pulled(node: Wire) -> list[dict[str, Any]]:
    """The actions of a pull."""
    actions: list[dict[str, Any]] = (await node.call("node.pending.pull", {}))["actions"]
    return actions


async def acked(node: Wire, *ids: str, **fields: Any) -> dict[str, Any]:
    """`node.pending.ack` that must succeed."""
    answer: dict[str, Any] = await node.call("node.pending.ack", {"ids": list(ids), **fields})
    return answer


async def item(operator: Wire, item_id: str) -> dict[str, Any]:
    """`node.pending.get`."""
    found: dict[str, Any] = (await operator.call("node.pending.get", {"id": item_id}))["item"]
    return found

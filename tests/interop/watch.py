"""What a person does while waiting: ask the CLI again until the gateway shows what is hoped for."""

from __future__ import annotations

from typing import Any

from .peers import Cli
from .process import Program, await_value

__all__ = ["device_request", "node_row", "returned", "sees_node", "surface_request"]

Json = dict[str, Any]


def device_request(cli: Cli, node: Program) -> str:
    """The id of the one device that waits to be let in."""
    pending = await_value(
        lambda: cli.json("devices", "list")["pending"], "a pending device request", evidence=node.tail
    )
    assert len(pending) == 1, f"one device knocks, but these requests wait: {pending}"
    return str(pending[0]["requestId"])


def surface_request(cli: Cli, node: Program) -> Json:
    """The one pending command surface, as `nodes pending --json` shows it."""
    pending = await_value(lambda: cli.json("nodes", "pending"), "a pending surface", evidence=node.tail)
    assert len(pending) == 1, f"one node waits, but these requests are pending: {pending}"
    return dict(pending[0])


def node_row(cli: Cli, node_id: str) -> Json | None:
    """That node's row of `nodes status --json`."""
    rows = cli.json("nodes", "status")["nodes"]
    return next((row for row in rows if row["nodeId"] == node_id), None)


def sees_node(cli: Cli, node_id: str, node: Program, **wanted: Any) -> Json:
    """Wait until the node's row has all of these values; the row."""

    def look() -> Json | None:
        row = node_row(cli, node_id)
        return row if row and all(row.get(key) == value for key, value in wanted.items()) else None

    return await_value(look, f"node {node_id[:12]} with {wanted}", within_s=240, evidence=node.tail)


def returned(cli: Cli, before: Json, node: Program) -> Json:
    """Wait until the node of that row holds a newer connection and is still approved; the new row."""

    def look() -> Json | None:
        row = node_row(cli, before["nodeId"])
        back = row and row["connected"] and row["connectedAtMs"] > before["connectedAtMs"]
        return row if back else None

    row = await_value(look, "the node back on a new connection", within_s=240, evidence=node.tail)
    assert row["approvalState"] == "approved", f"the node came back, but its surface is not approved: {row}"
    return row

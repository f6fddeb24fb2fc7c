"""`openclaw nodes explain` against a gateway, and from the facts of one that cannot explain."""

from __future__ import annotations

from typing import Any

import pytest

from openclaw_core.cli.explain import explain_from_facts, lines
from openclaw_core.cli.node_tables import describe_lines

from .conftest import Cli, Start

ENTRY = {"nodeId": "n" * 64, "displayName": "Attic", "connected": True, "commands": ["demo.any"]}


@pytest.mark.anyio
@pytest.mark.covers("node.explain")
async def test_from_waiting_to_working(start: Start, cli: Cli) -> None:
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"], approve=False)
    shown = (await cli("nodes", "explain", "test node", "demo.any")).out.splitlines()
    (row,) = (await cli("nodes", "pending", "--json")).json
    assert shown == [
        f"demo.any on Test Node ({node_id})",
        "✓ declared   the node offers it",
        "✗ approved   it waits for approval",
        "✓ policy     the gateway's policy permits it",
        "✓ permission nothing more is needed",
        "✓ reachable  the node is connected",
        "",
        f"Next: openclaw nodes approve {row['requestId']}",
    ]
    await cli("nodes", "approve", row["requestId"])
    result = await cli("nodes", "explain", node_id[:8], "demo.any", "--json")
    assert (result.code, result.json["works"]) == (0, True)
    unknown = await cli("nodes", "explain", "cellar", "demo.any")
    assert (unknown.code, "unknown node: cellar" in unknown.err) == (1, True)


@pytest.mark.parametrize(
    ("change", "command", "marks", "cure"),
    [
        ({}, "demo.any", "✓✓✓?✓", None),
        ({"connected": False}, "demo.any", "✓✓✓?✗", "start it"),
        ({}, "demo.none", "✗??" + "?✓", "gateway.nodes.commands.allow"),
        (
            {"pendingDeclaredCommands": ["demo.new"], "pendingRequestId": "r1"},
            "demo.new",
            "✓✗??✓",
            "openclaw nodes approve r1",
        ),
        ({"pendingDeclaredCommands": ["demo.new"]}, "demo.new", "✓✗??✓", "openclaw nodes pending"),
    ],
)
def test_a_gateway_that_cannot_explain(
    change: dict[str, Any], command: str, marks: str, cure: str | None
) -> None:
    answer = explain_from_facts({**ENTRY, **change}, command)
    shown = lines(answer)
    assert "".join(line[0] for line in shown[1:6]) == marks
    assert answer["works"] == (cure is None)
    if cure is None:
        assert shown[-1] == "It works as far as this gateway tells."
    else:
        assert shown[-1].startswith("Next: ")
        assert cure in shown[-1]


def test_describe_says_what_is_withheld_and_why() -> None:
    held = {"reason": "denied", "message": "it is blocked", "cure": "unblock it"}
    node = {
        **ENTRY,
        "pendingDeclaredCommands": ["demo.new"],
        "withheld": [{"command": "demo.new", **held}, {"command": "demo.old", **held}],
    }
    assert describe_lines(node)[-5:] == [
        "Pending commands",
        "- demo.new",
        "",
        "Withheld commands",
        "- demo.old: it is blocked; unblock it",
    ]

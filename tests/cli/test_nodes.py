"""`openclaw nodes …` against a gateway, with a node on a raw socket."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from openclaw_core.testing import FakeDevice, Wire

from .conftest import PATIENCE_S, Cli, Start, spawn

pytestmark = pytest.mark.anyio


async def _answer(node: Wire, **result: Any) -> dict[str, Any]:
    """Take one invoke on the node's side and answer it."""
    request: dict[str, Any] = (await node.event("node.invoke.request"))["payload"]
    params = {"id": request["id"], "nodeId": request["nodeId"], **result}
    await node.call("node.invoke.result", params)
    return request


async def test_from_waiting_to_approved(start: Start, cli: Cli) -> None:
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"], approve=False)

    (row,) = (await cli("nodes", "pending", "--json")).json
    request_id = row["requestId"]
    assert row["nodeId"] == node_id

    shown = await cli("nodes", "status")
    assert shown.out.startswith("Known: 1 · Paired: 1 · Connected: 1\nNode ")
    assert node_id in shown.out
    assert shown.out.endswith(f"Run openclaw nodes approve {request_id}\n")

    refused = await cli("nodes", "invoke", "--node", "test node", "--command", "demo.any")
    assert refused.code == 1
    assert refused.err.splitlines()[-1].endswith(f"openclaw nodes approve {request_id}")

    approved = await cli("nodes", "approve", request_id)
    assert approved.code == 0
    assert approved.json["node"]["commands"] == ["demo.any"]
    assert (await cli("nodes", "pending")).out == "No pending pairing requests.\n"

    described = await cli("nodes", "describe", "--node", node_id[:6])
    assert "Approval  approved" in described.out
    assert described.out.endswith("\nCommands\n- demo.any\n")


async def test_list_and_its_json(start: Start, cli: Cli) -> None:
    gateway = await start()
    waiting = FakeDevice()
    await gateway.node(["demo.any"], device=waiting, approve=False, client={"displayName": "Waiting"})
    _, approved = await gateway.node(["demo.any"], client={"displayName": "Approved"})

    text = (await cli("nodes", "list")).out.splitlines()
    assert text[0] == "Pending: 1 · Paired: 2"
    assert text[2:4] == ["Pending", text[3]]
    assert text[4].split()[1] == "Waiting"

    answer = (await cli("nodes", "list", "--connected", "--last-connected", "1h", "--json")).json
    assert [row["nodeId"] for row in answer["pending"]] == [waiting.device_id]
    assert {row["nodeId"] for row in answer["paired"]} == {waiting.device_id, approved}
    assert all(row["connected"] for row in answer["paired"])


async def test_unknown_requests(start: Start, cli: Cli) -> None:
    await start()
    for verb in ("approve", "reject"):
        result = await cli("nodes", verb, "nope", "--json")
        assert result.code == 1
        assert result.json["error"]["code"] == "UNKNOWN_REQUEST"
        assert result.json["error"]["message"] == "Unknown node pairing requestId: nope"
        assert result.err.endswith("openclaw nodes pending\n")


async def test_reject_rename_remove(start: Start, cli: Cli) -> None:
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"], approve=False)
    (row,) = (await cli("nodes", "pending", "--json")).json
    assert (await cli("nodes", "reject", row["requestId"])).json["nodeId"] == node_id

    renamed = await cli("nodes", "rename", "--node", node_id, "--name", "Attic")
    assert renamed.out == f"node rename ok: {node_id} -> Attic\n"
    removed = await cli("nodes", "remove", "--node", "attic")
    assert removed.out == f"Removed paired node {node_id}\n"
    assert (await cli("nodes", "status")).out == "Known: 0 · Paired: 0 · Connected: 0\n"


async def test_invoke_prints_the_whole_answer(start: Start, cli: Cli) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    command = cli(
        "nodes", "invoke", "--node", node_id, "--command", "demo.any", "--params", '{"a":1}',
        "--idempotency-key", "k1", "--invoke-timeout", "20000",
    )  # fmt: skip
    result, request = await asyncio.gather(command, _answer(node, ok=True, payloadJSON='{"b":2}'))
    assert result.code == 0
    assert result.json["ok"] is True
    assert result.json["payload"] == {"b": 2}
    assert (request["paramsJSON"], request["idempotencyKey"]) == ('{"a":1}', "k1")
    assert 0 < request["timeoutMs"] <= 20_000


async def test_a_missing_scope_is_asked_for_once_more(start: Start, cli: Cli) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.root"])
    command = cli("nodes", "invoke", "--node", node_id, "--command", "demo.root")
    result, _ = await asyncio.gather(command, _answer(node, ok=True, payload={}))
    assert result.code == 0, result.err


async def test_what_the_node_refuses_is_exit_code_1(start: Start, cli: Cli) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    command = cli("nodes", "invoke", "--node", node_id, "--command", "demo.any", "--json")
    error = {"code": "BROKEN", "message": "no luck"}
    result, _ = await asyncio.gather(command, _answer(node, ok=False, error=error))
    assert result.code == 1
    assert result.json["error"]["code"] == "UNAVAILABLE"
    assert result.json["error"]["message"] == "BROKEN: no luck"
    assert result.json["error"]["details"]["nodeError"] == error

    refused = await cli("nodes", "invoke", "--node", node_id, "--command", "demo.nope")
    assert refused.code == 1
    assert refused.err.endswith("openclaw nodes explain NODE demo.nope\n")


async def test_an_absent_node(start: Start, cli: Cli) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    await node.socket.close()
    async with asyncio.timeout(PATIENCE_S):
        while (await cli("nodes", "status", "--connected", "--json")).json["nodes"]:
            pass
    result = await cli("nodes", "invoke", "--node", node_id, "--command", "demo.any")
    assert result.code == 1
    assert result.err.endswith("openclaw nodes status --connected\n")


async def test_two_of_one_name_are_listed(start: Start, cli: Cli) -> None:
    gateway = await start()
    ids = [(await gateway.node(["demo.any"]))[1] for _ in range(2)]
    result = await cli("nodes", "describe", "--node", "Test Node", "--json")
    assert result.code == 1
    assert result.json["error"]["code"] == "AMBIGUOUS_NODE"
    assert all(f"Test Node ({node_id[:12]}…)" in result.json["error"]["message"] for node_id in ids)
    unknown = await cli("nodes", "describe", "--node", "nobody")
    assert unknown.err.startswith("nodes describe failed: unknown node: nobody (known: Test Node)\n")


async def test_names_cannot_drive_the_terminal(start: Start, cli: Cli) -> None:
    gateway = await start()
    await gateway.node(["demo.any"], client={"displayName": "evil\x1b[2Jname"})
    result = await cli("nodes", "status")
    assert "\x1b" not in result.out
    assert "evil\\x1b[2Jname" in result.out


async def test_ctrl_c_ends_with_130(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    process = await spawn(("nodes", "invoke", "--node", node_id, "--command", "demo.any"), env)
    await node.event("node.invoke.request")
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(PATIENCE_S):
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err

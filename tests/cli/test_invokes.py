"""`openclaw nodes invoke --progress`, `nodes invokes`, `nodes cancel`, and Ctrl-C."""

from __future__ import annotations

import asyncio
import signal

import pytest

from openclaw_core.testing import Wire

from .conftest import PATIENCE_S, Cli, Start, spawn

pytestmark = pytest.mark.anyio

INVOKE = ("nodes", "invoke", "--command", "demo.any", "--idempotency-key", "k1", "--node")


async def _asked(node: Wire) -> str:
    invoke_id: str = (await node.event("node.invoke.request"))["payload"]["id"]
    return invoke_id


async def test_progress_goes_to_stderr_and_the_answer_to_stdout(start: Start, cli: Cli) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])

    async def run() -> None:
        ids = {"invokeId": await _asked(node), "nodeId": node_id}
        for seq, chunk in enumerate(("one\n", "t\x1b[2Jwo\n")):
            answer = await node.call("node.invoke.progress", {**ids, "seq": seq, "chunk": chunk})
            assert answer == {"ok": True, "ignored": False}
        await node.call("node.invoke.result", {"id": ids["invokeId"], "nodeId": node_id, "ok": True})

    result, _ = await asyncio.gather(cli(*INVOKE, node_id, "--progress"), run())
    assert (result.code, result.json["ok"]) == (0, True)
    assert result.err == "one\nt\x1b[2Jwo\n"


async def test_ctrl_c_stops_it_on_the_node(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    process = await spawn((*INVOKE, node_id), env)
    invoke_id = await _asked(node)
    process.send_signal(signal.SIGINT)
    cancel = (await node.event("node.invoke.cancel"))["payload"]
    assert cancel == {"invokeId": invoke_id, "nodeId": node_id}
    async with asyncio.timeout(PATIENCE_S):
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert len(gateway.server.gateway.runtime.invokes) == 0


async def test_list_and_cancel(start: Start, cli: Cli) -> None:
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    assert (await cli("nodes", "invokes")).out == "Nothing runs.\n"
    running = asyncio.create_task(cli(*INVOKE, node_id))
    await _asked(node)
    header, row = (await cli("nodes", "invokes", "--node", node_id)).out.splitlines()
    assert header.split() == ["Node", "Command", "State", "Since", "By", "Key"]
    assert row.split()[1:3] == ["demo.any", "at-node"]
    assert row.split()[-1] == "k1"
    cancelled = await cli("nodes", "cancel", "--node", node_id, "--key", "k1")
    assert (cancelled.code, cancelled.out) == (0, "Cancelled; it may have been done in part.\n")
    result = await running
    assert result.code == 1
    assert result.err.startswith("error: CANCELLED: demo.any was cancelled by client:cli\n")
    again = await cli("nodes", "cancel", "--node", node_id, "--key", "k1", "--json")
    assert (again.code, again.json["cancelled"]) == (1, False)

"""The family in a real gateway with a real node host: over sockets, from approval to result."""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openclaw_host_commands import HostCommands

from openclaw_core.node_host.host import NodeHost, NodeHostOptions
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.node_host.surface import offered_surface
from openclaw_core.testing import TOKEN, FakeDevice, TestGateway, Wire, operator_params, plugins_of


def is_gone(pid: int) -> bool:
    """No such process, or only its zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Room:
    """A gateway, a node on it, and an operator with a device of its own."""

    def __init__(self, gateway: TestGateway, operator: Wire, node_id: str) -> None:
        self.gateway, self.operator, self.node_id = gateway, operator, node_id

    async def invoke(self, name: str, /, **params: Any) -> dict[str, Any]:
        request = {"nodeId": self.node_id, "command": name, "params": params}
        return await self.operator.request("node.invoke", {**request, "idempotencyKey": str(uuid.uuid4())})

    async def post(self, key: str, command: list[str]) -> str:
        """Start `system.run` with live output; the request's id."""
        request = {"nodeId": self.node_id, "command": "system.run", "params": {"command": command}}
        return await self.operator.post("node.invoke", {**request, "idempotencyKey": key, "progress": True})

    async def answer(self, request_id: str) -> dict[str, Any]:
        """The response to `post`, though it may have come before that of a later request."""
        for frame in self.operator.events:
            if frame.get("id") == request_id:
                return frame
        return await self.operator.request("", request_id=request_id)

    async def payload(self, name: str, /, **params: Any) -> Any:
        frame = await self.invoke(name, **params)
        assert frame["ok"], frame
        return frame["payload"]["payload"]

    async def refusal(self, name: str, /, **params: Any) -> tuple[Any, ...]:
        frame = await self.invoke(name, **params)
        assert not frame["ok"], frame
        details = frame["error"]["details"]
        return frame["error"]["code"], frame["error"]["message"], details.get("code")

    async def set_policy(self, **defaults: str) -> None:
        target = {"nodeId": self.node_id}
        present = await self.operator.call("exec.approvals.node.get", target)
        file = {"version": 1, "defaults": defaults}
        await self.operator.call(
            "exec.approvals.node.set", {**target, "file": file, "baseHash": present["hash"]}
        )


@asynccontextmanager
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    plugin = HostCommands()
    async with TestGateway(tmp_path / "gateway", plugins_of(extra=[plugin])) as gateway:
        operator = await gateway.wire()
        assert (await operator.connect(operator_params(), FakeDevice()))["ok"]
        options = NodeHostOptions(url=gateway.url, directory=tmp_path / "node", display_name="n", token=TOKEN)
        host = NodeHost(options, offered_surface([plugin.openclaw_family()]), Narrator(lambda _: None))
        running = asyncio.create_task(host.run())
        try:
            asked = (await operator.event("node.pair.requested"))["payload"]
            await operator.call("node.pair.approve", {"requestId": asked["requestId"]})
            yield Room(gateway, operator, asked["nodeId"])
        finally:
            host.stop()
            await asyncio.wait_for(running, 10)


def test_commands_answer(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with room(tmp_path) as here:
            which = await here.payload("system.which", bins=["sh", "a/b"])
            assert list(which["bins"]) == ["sh"]
            result = await here.payload("system.run", command=["sh", "-c", "echo hi; exit 3"])
            assert (result["exitCode"], result["stdout"], result["error"]) == (3, "hi\n", None)
            assert (await here.refusal("system.run", command=[]))[0] == "INVALID_REQUEST"
            private = await here.refusal("system.execApprovals.get")
            assert "use exec.approvals.node.*" in private[1]

    run(scene())


def test_denials_arrive_and_events_match(run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with room(tmp_path) as here:
            await here.set_policy(security="deny")
            refused = await here.refusal("system.run", command=["echo"], runId="r1")
            assert refused[:2] == ("UNAVAILABLE", "SYSTEM_RUN_DENIED: SYSTEM_RUN_DISABLED: security=deny")

    with caplog.at_level(logging.INFO):
        run(scene())
    assert "run r1, exit None, reason security=deny" in caplog.text


def test_an_approval_over_sockets(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with room(tmp_path) as here:
            await here.set_policy(ask="always")
            plan = (await here.payload("system.run.prepare", command=["echo", "hi"], cwd="/"))["plan"]
            question = {"nodeId": here.node_id, "systemRunPlan": plan, "twoPhase": True, "ask": "always"}
            lonely = await here.operator.call("exec.approval.request", question)
            assert lonely["terminalReason"] == "no-route"
            approver = await here.gateway.operator(["operator.approvals"], caps=["exec-approvals"])
            accepted = await here.operator.call("exec.approval.request", question)
            asked = (await approver.event("exec.approval.requested"))["payload"]
            assert asked["id"] == accepted["id"]
            await approver.call("exec.approval.resolve", {"id": asked["id"], "decision": "allow-once"})
            waited = await here.operator.call("exec.approval.waitDecision", {"id": asked["id"]})
            assert waited["decision"] == "allow-once"
            grant = {"runId": asked["id"], "approved": True, "approvalDecision": "allow-once"}
            ran = await here.payload("system.run", command=["ls"], cwd="/tmp", **grant)
            assert ran["stdout"] == "hi\n"
            again = await here.refusal("system.run", command=["ls"], **grant)
            assert again == ("INVALID_REQUEST", "approval required", "APPROVAL_REQUIRED")

    run(scene())


def test_output_streams_while_the_program_runs(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        go = tmp_path / "go"
        os.mkfifo(go)
        async with room(tmp_path) as here:
            asked = await here.post("live", ["sh", "-c", f"echo one; read -r line < {go}; echo $line >&2"])
            first = (await here.operator.event("node.invoke.progress"))["payload"]
            assert (first["chunk"], first["seq"], first["idempotencyKey"]) == ("one\n", 0, "live")
            await asyncio.to_thread(go.write_text, "two\n")
            second = (await here.operator.event("node.invoke.progress"))["payload"]
            assert (second["chunk"], second["seq"]) == ("two\n", 1)
            result = (await here.answer(asked))["payload"]["payload"]
            assert (result["stdout"], result["stderr"], result["success"]) == ("one\n", "two\n", True)

    run(scene())


def test_cancel_from_an_operator_kills_the_process_tree(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with room(tmp_path) as here:
            script = "sleep 600 & echo $!; setsid sleep 600 & echo $!; wait"
            asked = await here.post("doomed", ["sh", "-c", script])
            said = ""
            while said.count("\n") < 2:
                said += (await here.operator.event("node.invoke.progress"))["payload"]["chunk"]
            pids = [int(line) for line in said.split()]
            assert not any(is_gone(pid) for pid in pids)
            target = {"nodeId": here.node_id, "idempotencyKey": "doomed"}
            assert (await here.operator.call("node.invoke.cancel", target))["cancelled"] is True
            frame = await here.answer(asked)
            assert frame["error"]["details"]["nodeError"]["code"] == "CANCELLED"
            async with asyncio.timeout(10):
                while not all(is_gone(pid) for pid in pids):  # noqa: ASYNC110 — the kernel tells nobody
                    await asyncio.sleep(0)

    run(scene())

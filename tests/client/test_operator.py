"""The typed client: its models read what a gateway answers, its waits end with the connection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import BaseModel

from openclaw_core.client import GatewayClient, open_gateway
from openclaw_core.commands import ALL_PLATFORMS, Command, Family
from openclaw_core.errors import ConfigError, ForbiddenError, UnavailableError
from openclaw_core.testing import PATIENCE_SECONDS, TOKEN, TestGateway, plugins_of

pytestmark = pytest.mark.anyio


class Anything(BaseModel, extra="allow"):
    pass


DEMO = Family(
    "demo",
    "Demo",
    caps=("demo",),
    commands=(
        Command("demo.do", Anything, Anything, platforms=ALL_PLATFORMS, idempotent=True, queueable=True),
    ),
)


@pytest.fixture
async def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with TestGateway(tmp_path / "gateway", plugins_of(DEMO)) as running:
        monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path / "client"))
        monkeypatch.setenv("OPENCLAW_GATEWAY_PORT", str(running.server.port))
        monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        yield running


async def answer_next(node, node_id: str, **outcome) -> None:
    request = (await node.event("node.invoke.request"))["payload"]
    await node.call("node.invoke.result", {"id": request["id"], "nodeId": node_id, "ok": True, **outcome})


async def test_nodes_invokes_and_tools(gateway):
    wire, node_id = await gateway.node(["demo.do"])
    async with open_gateway() as client:
        assert client.scopes == {"operator.read", "operator.write"}
        (node,) = await client.nodes()
        assert (node.node_id, node.display_name, node.connected) == (node_id, "Test Node", True)
        assert node.commands == ("demo.do",)
        assert (await client.describe(node_id))["nodeId"] == node_id
        answering = asyncio.create_task(answer_next(wire, node_id, payload={"n": 1}))
        assert await client.invoke(node_id, "demo.do", {"x": 1}) == {"n": 1}
        await answering
        (tool,) = await client.tools()
        assert (tool.command, tool.node_name, tool.needs_approval) == ("demo.do", "Test Node", False)
        answering = asyncio.create_task(answer_next(wire, node_id, payload={"n": 2}))
        assert (await client.call_tool(tool, {}))["output"] == {"n": 2}
        await answering


async def test_the_queue_and_its_events(gateway):
    wire, node_id = await gateway.node(["demo.do"])
    async with open_gateway() as client, client.events("node.pending.changed") as events:
        work = await client.queue(node_id, "demo.do", {"x": 1}, expires_in_ms=60_000)
        assert (work.node_id, work.state) == (node_id, "queued")
        (item,) = (await wire.call("node.pending.pull"))["actions"]
        results = [{"id": item["id"], "ok": True, "payloadJSON": '{"n":3}'}]
        await wire.call("node.pending.ack", {"ids": [item["id"]], "results": results})
        async with asyncio.timeout(PATIENCE_SECONDS):
            states = [event.payload["state"] async for event in until_done(events)]
        assert states[-1] == "done"
        assert (await client.queued(work.id)).payload == {"n": 3}


async def until_done(events):
    async for event in events:
        yield event
        if event.payload["state"] == "done":
            return


async def test_events_end_with_the_connection(gateway):
    async with open_gateway() as client, client.events() as events:
        await gateway.server.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            names = [event.name async for event in events]
        assert names[-1] == "shutdown"
        with pytest.raises(UnavailableError):
            await client.nodes()


async def test_rights_are_those_that_were_asked_for(gateway):
    async with open_gateway(url=gateway.url, token=TOKEN, scopes=("operator.read",)) as client:
        assert isinstance(client, GatewayClient)
        with pytest.raises(ForbiddenError, match=r"missing scope: operator\.write"):
            await client.invoke("absent", "demo.do")


async def test_a_foreign_gateway_needs_its_own_credential(gateway, monkeypatch):
    monkeypatch.delenv("OPENCLAW_GATEWAY_TOKEN")
    with pytest.raises(ConfigError, match="no credential for"):
        async with open_gateway(url="ws://192.0.2.1:1"):
            pass

"""Agents at a gateway that runs as its own process, as a person starts it."""

from __future__ import annotations

import asyncio

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from openclaw_core.testing import PATIENCE_SECONDS, FakeDevice
from tests.gateway.processes import GatewayProcess

from .conftest import tool_name

pytestmark = [pytest.mark.anyio, pytest.mark.agents, pytest.mark.timeout(120)]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_an_agent_calls_and_the_gateway_ends_cleanly_under_it(tmp_path, mode):
    allowed = tmp_path / "state" / "openclaw.json"
    allowed.parent.mkdir()
    allowed.write_text('{gateway: {nodes: {commands: {allow: ["demo.any"]}}}}')
    async with GatewayProcess.start(tmp_path / "state") as gateway:
        node, hello = await gateway.node(FakeDevice())
        operator = await gateway.operator()
        (waiting,) = (await operator.call("node.pair.list"))["pending"]
        await operator.call("node.pair.approve", {"requestId": waiting["requestId"]})
        sent = {"Authorization": f"Bearer {gateway.token}"}
        async with (
            create_mcp_http_client(headers=sent) as http,
            Client(
                streamable_http_client(f"http://127.0.0.1:{gateway.port}/mcp", http_client=http), mode=mode
            ) as client,
        ):
            name = await tool_name(client, "demo.any")
            waits = await client.call_tool(name, {"a": 1})
            asked = waits.content[0].text.partition("openclaw approvals approve ")[2].split()[0]
            decision = {"id": asked, "decision": "allow-once"}
            await operator.call("plugin.approval.resolve", decision)
            call = asyncio.create_task(client.call_tool(name, {"a": 1}))
            request = (await node.event("node.invoke.request"))["payload"]
            result = {"id": request["id"], "nodeId": request["nodeId"], "ok": True, "payload": {"b": 2}}
            await node.call("node.invoke.result", result)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert (await call).structured_content == {"b": 2}
            await gateway.stop()
        assert hello["type"] == "hello-ok"

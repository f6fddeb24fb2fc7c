"""Nodes as resources, and staying with agents while gateways come and go."""

from __future__ import annotations

import asyncio
import json

import pytest
from mcp.shared.exceptions import MCPError

from openclaw_core.mcp.mount import McpMount
from openclaw_core.testing import PATIENCE_SECONDS, TestGateway, plugins_of

from .conftest import Changes, by_http, by_stdio, changes_of, tool_name, tool_names
from .family import DEMO

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

NODES = "openclaw://nodes"


async def read(client, uri: str):
    (content,) = (await client.read_resource(uri, cache_mode="bypass")).contents
    assert content.mime_type == "application/json"
    return json.loads(content.text)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_nodes_are_resources(connect, start_node, mode):
    node = await start_node()
    async with connect(mode=mode) as client:
        listed = (await client.list_resources()).resources
        assert [(item.uri, item.name) for item in listed] == [
            (NODES, "nodes"),
            (f"{NODES}/{node.node_id}", "Desk"),
        ]
        assert [row["nodeId"] for row in (await read(client, NODES))["nodes"]] == [node.node_id]
        described = await read(client, f"{NODES}/{node.node_id}")
        assert described["displayName"] == "Desk"
        assert "demo.count" in [item["name"] for item in described["commandDetails"]]
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == f"{NODES}/{{nodeId}}"
        for uri, text in ((f"{NODES}/absent", "unknown nodeId"), ("file:///etc/passwd", "no resource")):
            with pytest.raises(MCPError, match=text):
                await client.read_resource(uri)


async def test_a_resource_that_changed_is_told_to_who_watches_it(gateway, start_node):
    changes = Changes()
    connect = by_http(gateway)
    async with (
        connect(mode="legacy", message_handler=changes) as old,
        connect(mode="auto") as new,
        new.listen(resource_subscriptions=[NODES]) as stream,
    ):
        with pytest.warns(UserWarning, match="removed as of 2026"):
            await old.subscribe_resource(NODES)
        node = await start_node()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await anext(stream)).uri == NODES
        await changes.wait_for("notifications/resources/updated")
        assert [row["nodeId"] for row in (await read(old, NODES))["nodes"]] == [node.node_id]


async def test_an_agent_outlives_its_gateway(tmp_path, env):
    changes = Changes()
    state = tmp_path / "gateway"
    async with TestGateway(state, plugins_of(DEMO)) as gateway:
        port = gateway.server.port
        env["OPENCLAW_GATEWAY_PORT"], env["OPENCLAW_GATEWAY_TOKEN"] = str(port), "test-token-0123456789"
        client = await (opened := by_stdio(env)(message_handler=changes)).__aenter__()
    try:
        async with (
            TestGateway(state, plugins_of(DEMO), {"port": port}) as gateway,
            changes_of(client, changes) as changed,
        ):
            await gateway.node(["demo.count"])
            while not await tool_names(client, "demo.count"):
                await changed()
    finally:
        await opened.__aexit__(None, None, None)


async def test_a_gateway_stops_at_once_though_agents_listen(tmp_path, caplog):
    async with TestGateway(tmp_path, plugins_of(DEMO), mounts=(McpMount,)) as gateway:
        await gateway.node(["demo.count"])
        async with by_http(gateway)(mode="auto") as new, by_http(gateway)(mode="legacy") as old:
            assert await tool_name(old, "demo.count") == await tool_name(new, "demo.count")
            async with new.listen(tools_list_changed=True) as stream:
                await gateway.server.stop()
                # uvicorn would wait three seconds for a stream that nobody ends, and say so.
                assert "graceful shutdown exceeded" not in caplog.text
                assert [event async for event in stream] == []

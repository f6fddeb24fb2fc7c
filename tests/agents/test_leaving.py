"""Agents that go away, come two at a time, or speak the protocol badly."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from openclaw_core.mcp import sessions
from openclaw_core.mcp.mount import McpMount
from openclaw_core.testing import PATIENCE_SECONDS, TestGateway, plugins_of
from tests.gateway.invoking import finish

from .conftest import by_http, by_stdio, tool_name
from .family import DEMO, WORK
from .posting import INITIALIZE, Poster

pytestmark = [pytest.mark.anyio, pytest.mark.agents, pytest.mark.timeout(120)]


async def running() -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await WORK.running.get()


async def stopped() -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await WORK.stopped.get()


async def tool_named(agent: Poster, verb: str) -> str:
    listed = await agent.call("tools/list", {})
    (name,) = [tool["name"] for tool in listed["tools"] if tool["name"].endswith(f"__{verb}")]
    return name


def only_agent() -> psutil.Process:
    """The `openclaw mcp` that this test started."""
    children = psutil.Process().children(recursive=True)
    (agent,) = [child for child in children if child.cmdline()[1:4] == ["-m", "openclaw_core", "mcp"]]
    return agent


async def test_work_of_an_agents_program_that_is_killed_is_stopped_on_the_node(start_node, env):
    await start_node()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(by_stdio(env)())
        name = await tool_name(client, "demo.wait")
        call = asyncio.create_task(client.call_tool(name, {"text": "killed"}))
        assert await running() == "killed"
        only_agent().kill()
        assert await stopped() == "killed"
        call.cancel()
        await asyncio.wait({call})


async def test_work_of_a_session_that_is_deleted_is_stopped_on_the_node(start_node, gateway):
    await start_node()
    async with Poster(gateway.server.port) as agent:
        await agent.open()
        name = await tool_named(agent, "demo-wait")
        asked = asyncio.create_task(agent.send("tools/call", {"name": name, "arguments": {"text": "d"}}))
        assert await running() == "d"
        assert (await agent.delete()).status_code == 200
        assert await stopped() == "d"
        await asyncio.wait({asked}, timeout=PATIENCE_SECONDS)
        # The session is gone, which strict clients take as: initialize again.
        assert (await agent.send("tools/list", {})).status_code == 404


async def test_work_of_an_agent_whose_connection_breaks_is_stopped_on_the_node(start_node, gateway):
    await start_node()
    async with Poster(gateway.server.port) as agent:
        await agent.open()
        name = await tool_named(agent, "demo-wait")
        asked = asyncio.create_task(agent.send("tools/call", {"name": name, "arguments": {"text": "b"}}))
        assert await running() == "b"
        asked.cancel()
        assert await stopped() == "b"
        # The session is as good as before.
        assert await tool_named(agent, "demo-wait") == name


async def test_the_session_that_was_quiet_longest_makes_room(start_node, gateway, monkeypatch, caplog):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    caplog.set_level(logging.INFO)
    await start_node()
    async with AsyncExitStack() as stack:
        busy, quiet, new, ended = [
            await stack.enter_async_context(Poster(gateway.server.port)) for _ in range(4)
        ]
        await busy.open()
        name = await tool_named(busy, "demo-wait")
        call = {"name": name, "arguments": {"text": "busy"}}
        asked = asyncio.create_task(busy.send("tools/call", call))
        assert await running() == "busy"
        await quiet.open()
        await new.open()
        assert (await quiet.send("tools/list", {})).status_code == 404
        assert (await busy.post({"jsonrpc": "2.0", "id": 3, "method": "ping"})).status_code == 200
        # Where every session is busy, one that comes has to wait.
        more = asyncio.create_task(new.send("tools/call", {**call, "arguments": {"text": "new"}}))
        assert await running() == "new"
        assert (await ended.post(INITIALIZE)).status_code == 503
        assert (await new.delete()).status_code == 200
        await asyncio.wait({more}, timeout=PATIENCE_SECONDS)
        assert await stopped() == "new"
        await ended.open()
        asked.cancel()
        assert await stopped() == "busy"
        assert not any(agent.session_id in caplog.text for agent in (busy, quiet, new, ended))


async def test_two_agents_at_once_hear_only_their_own(start_node, gateway):
    await start_node()
    heard: dict[str, list[str | None]] = {"a": [], "b": []}

    async def count(mode: str, key: str) -> None:
        async def hear(_progress, _total, message):
            heard[key].append(message)

        async with by_http(gateway)(mode=mode) as client:
            name = await tool_name(client, "demo.count")
            answer = await client.call_tool(name, {}, progress_callback=hear)
            assert answer.structured_content == {"text": "three"}

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(count("legacy", "a"), count("auto", "b"))
    assert heard == {"a": ["one", "two", "three"], "b": ["one", "two", "three"]}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Accept": "text/html"}, INITIALIZE, 406),
        ({"Content-Type": "text/plain"}, INITIALIZE, 400),
        ({}, "{", 400),
        ({}, "[]", 400),
        ({}, {"jsonrpc": "1.0", "id": 1, "method": "initialize"}, 400),
        ({}, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, 400),  # no session
        ({"Mcp-Session-Id": "nobody"}, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, 404),
        ({"MCP-Protocol-Version": "1999-01-01"}, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, 400),
    ],
)
async def test_what_is_not_the_protocol_is_refused_in_its_words(tmp_path: Path, headers, body, status):
    async with (
        TestGateway(tmp_path, plugins_of(DEMO), mounts=(McpMount,)) as gateway,
        Poster(gateway.server.port) as agent,
    ):
        answer = await agent.post(body, headers)
        assert answer.status_code == status, answer.text
        assert answer.text
        # It is none the worse for it.
        assert (await agent.open())["serverInfo"]["name"] == "openclaw"


async def test_a_version_of_tomorrow_is_answered_with_one_that_is_known(gateway):
    asked = {**INITIALIZE, "params": {**INITIALIZE["params"], "protocolVersion": "2999-01-01"}}
    async with Poster(gateway.server.port) as agent:
        answer = await agent.open(asked)
        assert answer["protocolVersion"] in ("2025-06-18", "2025-11-25")


async def test_a_cancel_in_the_very_next_frame_finds_the_call(gateway, start_node):
    node = await start_node()
    operator = await gateway.operator()
    groups = (await operator.call("tools.catalog"))["groups"]
    (name,) = [t["id"] for g in groups for t in g["tools"] if t["id"].endswith("__demo-wait")]
    asked = await operator.post("tools.invoke", {"name": name, "args": {"text": "x"}, "idempotencyKey": "k"})
    await operator.call("node.invoke.cancel", {"nodeId": node.node_id, "idempotencyKey": "k"})
    answer = await finish(operator, asked)
    assert "cancel" in answer["payload"]["error"]["message"]


async def test_the_secret_is_asked_for_in_every_request_of_a_session(gateway):
    async with Poster(gateway.server.port) as agent:
        await agent.open()
        agent.forget_secret()
        assert (await agent.send("tools/list", {})).status_code == 401

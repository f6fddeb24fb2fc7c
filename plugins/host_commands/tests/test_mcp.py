"""The node's own MCP servers: a real one over stdio, through a real gateway and node host."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openclaw_host_commands.config import HostCommandsConfig
from openclaw_host_commands.family import FAMILY
from openclaw_host_commands.node.mcp_servers import Servers
from openclaw_host_commands.tools import CALL, probe

from openclaw_core import CommandError
from openclaw_core.testing import FakeNode, TestGateway, plugins_of

SERVER = str(Path(__file__).with_name("notes_server.py"))
SERVERS = {
    "notes": {"command": sys.executable, "args": [SERVER], "env": {"VOLUME": "11"}},
    "absent": {"command": "no-such-program-anywhere"},
}


@asynccontextmanager
async def desk(directory: Path) -> AsyncIterator[FakeNode]:
    """A node with a server that works and one that does not."""
    async with (
        TestGateway(directory, plugins_of(FAMILY)) as gateway,
        FakeNode(gateway, FAMILY, config={"host_commands": {"mcp": {"servers": SERVERS}}}) as node,
    ):
        yield node


async def call(node: FakeNode, tool: str, server: str = "notes", **arguments: Any) -> dict[str, Any]:
    return await node.attempt(CALL, {"server": server, "tool": tool, "arguments": arguments})


def code(frame: dict[str, Any]) -> str:
    return str(frame["error"]["details"]["nodeError"]["code"])


def test_a_tool_is_called_and_what_it_says_passes_whole(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with desk(tmp_path) as node:
            answer = (await call(node, "shout", text="hello"))["payload"]["payload"]
            assert answer["content"][0]["text"] == "HELLO 11"
            assert answer["isError"] is False
            failed = (await call(node, "fail"))["payload"]["payload"]
            assert failed["isError"] is True
            assert "fail" in failed["content"][0]["text"]

    run(scene())


def test_what_cannot_be_called_says_why(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with desk(tmp_path) as node:
            unknown = await call(node, "shout", server="nobody")
            assert code(unknown) == "MCP_SERVER_UNAVAILABLE"
            assert (
                'MCP server "nobody" is unavailable: this node has: absent, notes'
                in unknown["error"]["message"]
            )
            absent = await call(node, "shout", server="absent")
            assert code(absent) == "MCP_SERVER_UNAVAILABLE"
            assert "no-such-program-anywhere did not start" in absent["error"]["message"]
            refused = await call(node, "refuse")
            assert code(refused) == "MCP_TOOL_ERROR"
            assert "notes refuses refuse: not today" in refused["error"]["message"]

    run(scene())


def test_a_server_that_died_is_started_anew(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with desk(tmp_path) as node:
            assert code(await call(node, "die")) == "MCP_SERVER_UNAVAILABLE"
            again = (await call(node, "shout", text="again"))["payload"]["payload"]
            assert again["content"][0]["text"] == "AGAIN 11"

    run(scene())


def test_who_notices_late_that_a_server_died_does_not_end_the_new_one(run: Any, monkeypatch: Any) -> None:
    async def scene() -> None:
        servers = Servers(HostCommandsConfig.model_validate({"mcp": {"servers": SERVERS}}).mcp.servers)
        await servers.tools("notes")
        old = await servers._open["notes"].client()
        look, looked, late = old.list_tools, 0, asyncio.Event()

        async def look_in_turn() -> Any:
            nonlocal looked
            looked += 1
            if looked == 2:
                await late.wait()
            return await look()

        monkeypatch.setattr(old, "list_tools", look_in_turn)
        calls = [asyncio.ensure_future(servers.call("notes", "die", {})) for _ in range(2)]
        (first,), (second,) = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await servers.tools("notes")
        new = servers._open["notes"]
        late.set()
        await asyncio.wait({second})
        assert {type(call.exception()) for call in (first, second)} == {CommandError}
        assert (await servers.call("notes", "shout", {"text": "new"}))["content"][0]["text"] == "NEW 11"
        assert servers._open["notes"] is new
        await servers.close()

    run(scene())


def test_agents_hear_of_the_tools(run: Any, tmp_path: Path) -> None:
    async def scene() -> list[dict[str, Any]]:
        async with desk(tmp_path) as node:
            found: list[dict[str, Any]] = []
            while (
                len(found) < 3
            ):  # the node asks its servers beside its other work; bounded by the test's time
                (entry,) = (await node.operator.call("node.list"))["nodes"]
                found = entry["nodePluginTools"]
            return found

    tools = {tool["name"]: tool for tool in run(scene())}
    assert tools.keys() == {"notes__shout", "notes__fail", "notes__refuse", "notes__die"}
    shout = tools["notes__shout"]
    assert shout["description"] == "Say it louder."
    assert shout["parameters"]["properties"]["text"]["type"] == "string"
    assert (shout["command"], shout["pluginId"]) == (CALL, "host_commands")
    assert shout["mcp"] == {"server": "notes", "tool": "shout"}


def test_without_a_server_it_is_not_offered() -> None:
    for config in (None, HostCommandsConfig()):
        assert "no MCP server is set up here" in probe(config).withheld[CALL]
    assert probe(HostCommandsConfig.model_validate({"mcp": {"servers": SERVERS}})).withheld == {}

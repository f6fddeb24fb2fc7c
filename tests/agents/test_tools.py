"""What agents see and call, over both transports and both kinds of the protocol's versions."""

from __future__ import annotations

import asyncio
import base64

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import AudioContent, ImageContent, TextContent

from openclaw_core.discovery import forget_modules
from openclaw_core.mcp.mount import McpMount
from openclaw_core.testing import PATIENCE_SECONDS, TestGateway
from tests.packages import install

from .conftest import Changes, by_http, changes_of, tool_name, tool_names
from .family import PNG, WAV, WORK

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_tools_are_listed_called_and_answer_with_pictures(connect, start_node, mode):
    node = await start_node()
    async with connect(mode=mode) as client:
        assert (client.protocol_version >= "2026") == (mode == "auto")
        assert client.server_capabilities.tools.list_changed is True
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        prefix = f"desk_{node.node_id[:6]}__"
        assert tools.keys() >= {f"{prefix}system-which", f"{prefix}system-run", f"{prefix}demo-picture"}
        assert not any("hidden" in name or "execApprovals" in name for name in tools)
        picture = tools[f"{prefix}demo-picture"]
        assert picture.description.startswith("Show a red dot.\n\nIt is one pixel.\n\nRuns on Desk (linux).")
        assert picture.annotations.read_only_hint is True
        assert tools[f"{prefix}demo-erase"].annotations.destructive_hint is True
        assert tools[f"{prefix}demo-count"].annotations.idempotent_hint is True
        assert tools[f"{prefix}demo-erase"].input_schema["required"] == ["text"]

        which = await client.call_tool(f"{prefix}system-which", {"bins": ["sh", "no-such-program"]})
        assert which.is_error is False
        assert which.structured_content["bins"]["sh"].endswith("/sh")

        shown = await client.call_tool(picture.name, {})
        text, image = shown.content
        assert isinstance(image, ImageContent)
        assert (image.mime_type, base64.b64decode(image.data)) == ("image/png", PNG)
        media = {"mimeType": "image/png", "bytes": len(PNG), "block": 1}
        assert shown.structured_content == {"format": "png", "width": 1, "media": media}
        assert isinstance(text, TextContent)
        assert "base64" not in text.text

        (_, heard) = (await client.call_tool(f"{prefix}demo-sound", {})).content
        assert isinstance(heard, AudioContent)
        assert (heard.mime_type, base64.b64decode(heard.data)) == ("audio/wav", WAV)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_large_picture_comes_whole_or_is_said_to_be_left_out(connect, start_node, mode):
    await start_node()

    async def hear(_progress, _total, _message):
        pass

    async with connect(mode=mode) as client:
        name = await tool_name(client, "demo.large")
        (_, image) = (await client.call_tool(name, {"bytes": 3_000_000})).content
        assert isinstance(image, ImageContent)
        assert len(base64.b64decode(image.data)) == 3_000_000
        # Over HTTP, progress makes the answer an event, of which clients take 1 MiB; a line they take.
        args = {"bytes": 9_000_000}
        shown = await client.call_tool(name, args, progress_callback=hear)
        (_, note) = shown.content
        assert note.text.startswith("The image/png of 9000000 bytes is left out")
        assert shown.structured_content["media"] == {
            "mimeType": "image/png",
            "bytes": 9_000_000,
            "leftOut": True,
        }


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_node_appears_and_leaves_without_reconnecting(connect, start_node, gateway, mode):
    changes = Changes()
    async with connect(mode=mode, message_handler=changes) as client, changes_of(client, changes) as changed:
        assert await tool_names(client, "demo.count") == []
        node = await start_node("Attic")
        while not await tool_names(client, "demo.count"):
            await changed()
        name = await tool_name(client, "demo.count")
        assert name.startswith("attic_")
        operator = await gateway.operator()
        await operator.call("node.rename", {"nodeId": node.node_id, "displayName": "Cellar"})
        while (await tool_names(client, "demo.count")) == [name]:
            await changed()
        assert (await tool_name(client, "demo.count")).startswith("cellar_")
        await operator.call("node.pair.remove", {"nodeId": node.node_id})
        while await tool_names(client, "demo.count"):
            await changed()
        gone = await client.call_tool(name, {})
        assert gone.is_error
        assert gone.content[0].text == f"no connected node has the tool {name!r} now; list the tools again"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_output_comes_while_it_runs(connect, start_node, mode):
    await start_node()
    heard: list[tuple[float, str | None]] = []

    async def hear(progress, _total, message):
        heard.append((progress, message))

    async with connect(mode=mode) as client:
        name = await tool_name(client, "demo.count")
        answer = await client.call_tool(name, {}, progress_callback=hear)
        assert answer.structured_content == {"text": "three"}
        assert heard == [(1, "one"), (2, "two"), (3, "three")]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_cancelled_call_stops_the_work_on_the_node(connect, start_node, mode):
    await start_node()
    async with connect(mode=mode) as client:
        name = await tool_name(client, "demo.wait")
        call = asyncio.create_task(client.call_tool(name, {"text": mode}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await WORK.running.get() == mode
            call.cancel()
            assert await WORK.stopped.get() == mode
        await asyncio.wait({call})
        assert call.cancelled()
        # The connection is as good as before.
        assert (await client.call_tool(await tool_name(client, "demo.count"), {})).is_error is False


async def test_a_node_removed_while_a_call_runs_is_an_honest_error(connect, start_node, gateway):
    node = await start_node()
    async with connect() as client:
        call = asyncio.create_task(client.call_tool(await tool_name(client, "demo.wait"), {"text": "a"}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await WORK.running.get()
            await (await gateway.operator()).call("node.pair.remove", {"nodeId": node.node_id})
            result = await call
            await WORK.stopped.get()
        assert result.is_error
        text = result.content[0].text
        assert text.endswith("It may have been run, wholly or in part: check before you try again.")
        assert result.structured_content["error"]["details"]["outcome"] == "unknown"


async def test_bad_arguments_are_told_with_their_place(connect, start_node):
    await start_node()
    async with connect() as client:
        result = await client.call_tool(await tool_name(client, "demo.wait"), {"text": 5})
        assert result.is_error
        assert result.content[0].text == "invalid demo.wait params: at /text: must be string (got 5)"


async def test_a_list_of_many_nodes_comes_in_pages_that_every_client_takes(tmp_path):
    commands = [f"demo.c{number}" for number in range(200)]
    allow = {"nodes.commands.allow": commands}
    async with TestGateway(tmp_path, overrides=allow, mounts=(McpMount,)) as gateway:
        for _ in range(4):
            await gateway.node(commands)
        async with by_http(gateway)() as client:
            page = await client.list_tools()
            names = [tool.name for tool in page.tools]
            while page.next_cursor is not None:
                assert len(page.model_dump_json()) < 900_000
                page = await client.list_tools(cursor=page.next_cursor)
                names += [tool.name for tool in page.tools]
            assert len(names) == len(set(names)) == 4 * len(commands)
            assert len(names) > len(page.tools)
            with pytest.raises(MCPError, match="begin again without one"):
                await client.list_tools(cursor="nonsense")


LAMP = """
@hookimpl
def openclaw_family():
    return Family("agents_lamp", "Lamp", (Command("lamp.on", Any, Any, platforms=ALL_PLATFORMS),))
"""


async def test_a_family_that_is_installed_brings_its_tools(tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    changes = Changes()
    async with (
        TestGateway(tmp_path / "state", mounts=(McpMount,)) as gateway,
        by_http(gateway)(mode="auto") as client,
        changes_of(client, changes) as changed,
    ):
        operator = await gateway.operator()
        _, node_id = await gateway.node(["lamp.on"])
        assert await tool_names(client, "lamp.on") == []
        install(site, "openclaw-agents-lamp", "agents_lamp = openclaw_agents_lamp", LAMP)
        await operator.call("plugins.reload")
        await operator.event("node.pair.requested", lambda asked: "lamp.on" in asked["commands"])
        await gateway.approve_surface(node_id)
        while not await tool_names(client, "lamp.on"):
            await changed()
    forget_modules("openclaw_agents_lamp")

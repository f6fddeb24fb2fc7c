"""The official client of the Model Context Protocol, a gateway and nodes as processes (issue 5, show 3)."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import ElicitResult, ImageContent
from PIL import Image

from tests.agents.conftest import Changes, changes_of, tool_name, tool_names
from tests.agents.test_approvals import gone, person
from tests.interop.process import Program, await_value, clean_env, free_port

pytestmark = [pytest.mark.families, pytest.mark.anyio, pytest.mark.timeout(300)]

PATIENCE_SECONDS = 60.0
SETTINGS = {
    "gateway": {"nodes": {"commands": {"allow": ["camera.snap", "device.info"]}}},
    "plugins": {"entries": {"camera": {"config": {"synthetic": True}}}},
}


class Desk:
    """A gateway and a node as `openclaw up` starts them."""

    def __init__(self, env: dict[str, str], place: Path) -> None:
        self.env = env
        self.place = place
        self.url = f"http://127.0.0.1:{env['OPENCLAW_GATEWAY_PORT']}/mcp"

    async def openclaw(self, *arguments: str) -> str:
        """Type a command; what it prints."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "openclaw_core", *arguments), env=self.env, stdout=-1, stderr=-2
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            printed, _ = await process.communicate()
        assert process.returncode == 0, (arguments, printed.decode())
        return printed.decode()

    def second_node(self) -> Program:
        """Another machine's node, not paired yet."""
        state = self.place / "second"
        state.mkdir(exist_ok=True)
        env = clean_env(state, {"OPENCLAW_GATEWAY_TOKEN": self.token})
        port = self.env["OPENCLAW_GATEWAY_PORT"]
        argv = [sys.executable, "-m", "openclaw_core", "node", "run", "--port", port]
        argv += ["--host", "127.0.0.1", "--display-name", "attic"]
        return Program(argv, env, self.place / "second.log")

    @property
    def token(self) -> str:
        """The gateway's shared secret."""
        return (Path(self.env["OPENCLAW_STATE_DIR"]) / "gateway-token").read_text().strip()

    @asynccontextmanager
    async def by_stdio(self, **options: Any) -> AsyncIterator[Client]:
        program = StdioServerParameters(
            command=sys.executable, args=["-m", "openclaw_core", "mcp"], env=self.env
        )
        async with Client(stdio_client(program), **options) as client:
            yield client

    @asynccontextmanager
    async def by_http(self, **options: Any) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            create_mcp_http_client(headers=headers) as http,
            Client(streamable_http_client(self.url, http_client=http), **options) as client,
        ):
            yield client

    def connect(self, transport: str, **options: Any) -> AbstractAsyncContextManager[Client]:
        return (self.by_http if transport == "http" else self.by_stdio)(**options)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = tmp_path_factory.mktemp("desk")
    state = place / "state"
    state.mkdir()
    env = {**clean_env(state), "OPENCLAW_GATEWAY_PORT": str(free_port())}
    (state / "openclaw.json").write_text(json.dumps(SETTINGS))
    argv = [sys.executable, "-m", "openclaw_core", "up", "--display-name", "desk"]
    with Program(argv, env, place / "up.log") as up:
        await_value(lambda: "Next, in another terminal" in up.output(), "it is up", evidence=up.tail)
        yield Desk(env, place)


def both(test: Any) -> Any:
    """Over both transports, with both kinds of the protocol's versions."""
    pairs = [("stdio", "legacy"), ("stdio", "auto"), ("http", "legacy"), ("http", "auto")]
    return pytest.mark.parametrize(("transport", "mode"), pairs)(test)


@both
async def test_tools_are_listed_and_a_picture_is_taken(desk: Desk, transport: str, mode: str) -> None:
    asked: list[str] = []
    async with desk.connect(transport, mode=mode, elicitation_callback=person("accept", asked)) as client:
        tools = {tool.name.partition("__")[2]: tool for tool in (await client.list_tools()).tools}
        assert tools["system-which"].input_schema["properties"].keys() >= {"bins"}
        assert tools["system-which"].annotations.read_only_hint is True
        assert tools["system-run"].annotations.destructive_hint is not False
        assert all(tool.input_schema["type"] == "object" for tool in tools.values())
        which = await client.call_tool(tools["system-which"].name, {"bins": ["sh"]})
        assert os.access(which.structured_content["bins"]["sh"], os.X_OK)
        assert asked == []
        shown = await client.call_tool(tools["camera-snap"].name, {"maxWidth": 320, "delayMs": 0})
        assert shown.is_error is False, shown.content
        (image,) = [block for block in shown.content if isinstance(block, ImageContent)]
        picture = Image.open(io.BytesIO(base64.b64decode(image.data)))
        assert (picture.width, image.mime_type) == (320, "image/jpeg")
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 16
        assert len(asked) == 1
        assert asked[0].startswith("Allow camera.snap (")


@both
async def test_a_long_run_is_cancelled_to_the_last_process(
    desk: Desk, tmp_path: Path, transport: str, mode: str
) -> None:
    started = asyncio.Event()

    async def hear(_progress: float, _total: float | None, message: str | None) -> None:
        if "started" in (message or ""):
            started.set()

    async with desk.connect(transport, mode=mode, elicitation_callback=person("accept", [])) as client:
        script = f"sleep 300 & echo $$ $! > {tmp_path}/pids; echo started; wait"
        args = {"command": ["sh", "-c", script], "timeoutMs": 300_000}
        name = await tool_name(client, "system.run")
        call = asyncio.create_task(client.call_tool(name, args, progress_callback=hear))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait({call, asyncio.create_task(started.wait())}, return_when="FIRST_COMPLETED")
        assert not call.done(), call.result()
        call.cancel()
        for pid in (tmp_path / "pids").read_text().split():
            await gone(int(pid))
        await asyncio.wait({call})
        assert (await client.call_tool(await tool_name(client, "system.which"), {"bins": ["sh"]})).content


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_node_comes_works_and_is_removed_in_the_middle(
    desk: Desk, tmp_path: Path, transport: str
) -> None:
    changes = Changes()
    async with (
        desk.connect(transport, message_handler=changes, elicitation_callback=yes) as client,
        changes_of(client, changes) as changed,
    ):
        (own,) = await tool_names(client, "system.run")
        with desk.second_node():
            while not (waiting := json.loads(await desk.openclaw("nodes", "pending", "--json"))):
                pass
            await desk.openclaw("nodes", "approve", waiting[0]["requestId"])
            while len(names := await tool_names(client, "system.run")) < 2:
                await changed()
            (name,) = set(names) - {own}
            script = f"echo $$ > {tmp_path}/pid; echo started; exec sleep 300"
            started = asyncio.Event()

            async def hear(*_: Any) -> None:
                started.set()

            args = {"command": ["sh", "-c", script], "timeoutMs": 300_000}
            call = asyncio.create_task(client.call_tool(name, args, progress_callback=hear))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.wait({call, asyncio.create_task(started.wait())}, return_when="FIRST_COMPLETED")
                assert not call.done(), call.result()
                await desk.openclaw("nodes", "remove", "--node", "attic")
                result = await call
            assert result.is_error
            assert "may have been run" in result.content[0].text
            await gone(int((tmp_path / "pid").read_text()))
            while len(await tool_names(client, "system.run")) > 1:
                await changed()


async def yes(_ctx: Any, _params: Any) -> ElicitResult:
    """A person who agrees."""
    return ElicitResult(action="accept", content={})


async def test_a_client_that_cannot_ask_waits_for_the_terminal(desk: Desk, tmp_path: Path) -> None:
    async with desk.by_http() as client:
        name = await tool_name(client, "system.run")
        args = {"command": ["touch", f"{tmp_path}/done"]}
        refused = await client.call_tool(name, args)
        assert refused.is_error
        assert not (tmp_path / "done").exists()
        asked = refused.content[0].text.partition("openclaw approvals approve ")[2].split()[0]
        assert asked in await desk.openclaw("approvals", "list")
        assert "Allowed once" in await desk.openclaw("approvals", "approve", asked)
        assert (await client.call_tool(name, args)).is_error is False
        assert (tmp_path / "done").exists()

"""A gateway with `/mcp`, a real node on it, and agents: the official client over both transports."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from openclaw_core.discovery import Candidate, discover
from openclaw_core.mcp.mount import McpMount
from openclaw_core.plugins import Plugins
from openclaw_core.testing import PATIENCE_SECONDS, TOKEN, FakeNode, TestGateway, plugins_of

from .family import DEMO, WORK

START_SECONDS = 30.0
"""Bound of one start of a process that imports the SDK, on a busy machine; not an expectation."""

Agent = Callable[..., AbstractAsyncContextManager[Client]]


def host_commands() -> list[Candidate]:
    """The real family with `system.which` and `system.run`."""
    return [item for item in discover() if item.distribution == "openclaw-host-commands"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of a person with an empty home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENCLAW_")}
    return {**kept, "HOME": str(tmp_path / "home"), "OPENCLAW_STATE_DIR": str(tmp_path / "client")}


@pytest.fixture
async def gateway(tmp_path: Path, env: dict[str, str]) -> AsyncIterator[TestGateway]:
    """Serves the demo family, the host commands and agents; the default of `openclaw mcp`."""
    plugins = plugins_of(DEMO, extra=[item.plugin for item in host_commands()])
    async with TestGateway(tmp_path / "gateway", plugins, mounts=(McpMount,)) as running:
        env["OPENCLAW_GATEWAY_PORT"] = str(running.server.port)
        env["OPENCLAW_GATEWAY_TOKEN"] = TOKEN
        yield running


@pytest.fixture
async def start_node(gateway: TestGateway) -> AsyncIterator[Callable[..., Awaitable[FakeNode]]]:
    """Starts real nodes on it: `await start_node(name="Desk")`."""
    async with AsyncExitStack() as stack:
        WORK.begin()

        async def make(name: str = "Desk") -> FakeNode:
            families = (DEMO, *Plugins(host_commands()).families)
            return await stack.enter_async_context(FakeNode(gateway, *families, name=name))

        yield make


# A process of its own for each test imports the SDK each time: too slow for `make test`.
@pytest.fixture(params=[pytest.param("stdio", marks=pytest.mark.agents), "http"])
def connect(request: pytest.FixtureRequest, gateway: TestGateway, env: dict[str, str]) -> Agent:
    """Opens an agent's client over each transport: `async with connect(mode="legacy") as client`."""
    return by_http(gateway) if request.param == "http" else by_stdio(env)


def by_http(gateway: TestGateway, **headers: str) -> Agent:
    """Agents at the gateway's own port."""
    url = f"http://127.0.0.1:{gateway.server.port}/mcp"
    sent = {"Authorization": f"Bearer {TOKEN}", **headers}

    @asynccontextmanager
    async def connect(**options: Any) -> AsyncIterator[Client]:
        async with create_mcp_http_client(headers=sent) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, **options) as client:
                yield client

    return connect


def by_stdio(env: dict[str, str], *flags: str) -> Agent:
    """Agents that start `openclaw mcp`."""

    @asynccontextmanager
    async def connect(**options: Any) -> AsyncIterator[Client]:
        program = StdioServerParameters(
            command=sys.executable, args=["-m", "openclaw_core", "mcp", *flags], env=env
        )
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(START_SECONDS):
                client = await stack.enter_async_context(Client(stdio_client(program), **options))
            yield client

    return connect


class Changes:
    """What a client of the protocol's older versions is told: `message_handler=changes`."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, message: Any) -> None:
        self.heard.put_nowait(getattr(message, "method", type(message).__name__))

    async def wait_for(self, method: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.heard.get() != method:
                pass


@asynccontextmanager
async def changes_of(client: Client, changes: Changes) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """`await changed()`: waits for word that the list of tools changed, however the client hears of it."""
    if client.protocol_version < "2026":

        async def told() -> None:
            await changes.wait_for("notifications/tools/list_changed")

        yield told
        return
    async with client.listen(tools_list_changed=True) as stream:

        async def heard() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await anext(stream)

        yield heard


async def tool_names(client: Client, command: str) -> list[str]:
    """The tools that are this command, by node."""
    wanted = "__" + command.replace(".", "-")
    return [tool.name for tool in (await client.list_tools()).tools if tool.name.endswith(wanted)]


async def tool_name(client: Client, command: str) -> str:
    """The only tool that is this command."""
    (name,) = await tool_names(client, command)
    return name

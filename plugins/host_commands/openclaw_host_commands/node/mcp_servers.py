"""Connections to the node's MCP servers: started at the first use, started anew after they broke."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client, MCPError, StdioServerParameters

from openclaw_core import CommandError, NodeHostContext
from openclaw_host_commands.config import McpServer
from openclaw_host_commands.tools import CALL

__all__ = ["Servers", "offer_tools", "open_servers"]

_log = logging.getLogger(__name__)

_START_S = 30.0
_RETRY_S = 60.0


class _Connection:
    """One running server. MCP's client must be entered and left by the same task, which is this one's."""

    def __init__(self, name: str, server: McpServer) -> None:
        self._name = name
        self._server = server
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._hold(), name=f"mcp server {name}")

    @property
    def is_over(self) -> bool:
        return self._task.done()

    async def client(self) -> Client:
        """The client, once the server has introduced itself."""
        async with asyncio.timeout(_START_S):
            return await asyncio.shield(self._ready)

    async def close(self) -> None:
        self._stop.set()
        await asyncio.wait([self._task])

    async def _hold(self) -> None:
        server = self._server
        started = StdioServerParameters(
            command=server.command, args=list(server.args), env=dict(server.env) or None, cwd=server.cwd
        )
        try:
            async with Client(started) as client:
                self._ready.set_result(client)
                await self._stop.wait()
        except Exception as error:
            _log.warning("MCP server %s: %s", self._name, error)
            if not self._ready.done():
                self._ready.set_exception(error)
                self._ready.exception()  # nobody may be waiting


class Servers:
    """Every configured server, by name."""

    def __init__(self, servers: Mapping[str, McpServer]) -> None:
        self._servers = servers
        self._open: dict[str, _Connection] = {}

    async def call(self, server: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool; what it answered, as MCP words it.

        Raises:
            CommandError: `MCP_SERVER_UNAVAILABLE`, no such server, or it does not run;
                `MCP_TOOL_ERROR`, the server refuses the call.
        """
        held, client = await self._client(server)
        try:
            result = await client.call_tool(tool, arguments)
        except MCPError as error:
            if await self._is_gone(server, held, client):
                raise _unavailable(server, "it ended during the call") from None
            raise CommandError("MCP_TOOL_ERROR", f"{server} refuses {tool}: {error}") from None
        except OSError as error:
            await self._drop(server, held)
            raise _unavailable(server, str(error)) from None
        answer: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return answer

    async def tools(self, server: str) -> list[dict[str, Any]]:
        """The server's tools as the gateway takes them (12.6).

        Raises:
            CommandError: as `call`.
        """
        _, client = await self._client(server)
        found, cursor = [], None
        while True:
            page = await client.list_tools(cursor=cursor)
            found += [_descriptor(server, tool) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def close(self) -> None:
        """End every server that was started."""
        for name, held in tuple(self._open.items()):
            await self._drop(name, held)

    async def _client(self, name: str) -> tuple[_Connection, Client]:
        server = self._servers.get(name)
        if server is None:
            known = ", ".join(sorted(self._servers)) or "none"
            raise _unavailable(name, f"this node has: {known}")
        held = self._open.get(name)
        if held is None or held.is_over:
            held = self._open[name] = _Connection(name, server)
        try:
            return held, await held.client()
        except TimeoutError:
            await self._drop(name, held)
            raise _unavailable(name, f"it did not introduce itself within {_START_S:g} s") from None
        except Exception as error:
            await self._drop(name, held)
            raise _unavailable(name, f"{server.command} did not start: {error}") from None

    async def _is_gone(self, name: str, held: _Connection, client: Client) -> bool:
        """Whether the server no longer answers; it is dropped then."""
        try:
            async with asyncio.timeout(_START_S):
                await client.list_tools()
        except (MCPError, OSError, RuntimeError, TimeoutError):  # RuntimeError: dropped by another call
            await self._drop(name, held)
            return True
        return False

    async def _drop(self, name: str, held: _Connection) -> None:
        if self._open.get(name) is held:  # who noticed first may have started it anew already
            del self._open[name]
        await held.close()


@asynccontextmanager
async def open_servers(node: NodeHostContext) -> AsyncIterator[Servers]:
    """The servers of the node's settings, for as long as the node host runs."""
    servers = Servers(node.config.mcp.servers)
    try:
        yield servers
    finally:
        await servers.close()


async def offer_tools(node: NodeHostContext) -> None:
    """Tell agents of every server's tools; one that does not run now is asked again later."""
    servers: Servers = await node.resource(open_servers)
    found: dict[str, list[dict[str, Any]]] = {}
    waiting = set(node.config.mcp.servers)
    while waiting:
        for name in sorted(waiting):
            try:
                found[name] = await servers.tools(name)
            except (CommandError, MCPError, OSError) as error:
                _log.warning("the tools of MCP server %s are not known yet: %s", name, error)
        if waiting & found.keys():
            await node.offer_tools([tool for name in sorted(found) for tool in found[name]])
        waiting -= found.keys()
        if waiting:
            await asyncio.sleep(_RETRY_S)


def _descriptor(server: str, tool: Any) -> dict[str, Any]:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}__{tool.name}")[:64]
    return {
        "name": name,
        "description": tool.description or tool.title or tool.name,
        "parameters": tool.input_schema,
        "command": CALL,
        "mcp": {"server": server, "tool": tool.name},
    }


def _unavailable(server: str, why: str) -> CommandError:
    return CommandError("MCP_SERVER_UNAVAILABLE", f'MCP server "{server}" is unavailable: {why}')

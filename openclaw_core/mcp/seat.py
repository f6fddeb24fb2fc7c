"""An agent's place at the gateway: one operator connection, kept up, and word of what changes behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from openclaw_core.client.connection import Connection, EventHandler
from openclaw_core.client.operator import GatewayClient, Node, Tool, ToolPage
from openclaw_core.client.reconnect import ReconnectPolicy, Retry
from openclaw_core.errors import OpenClawError, UnavailableError

__all__ = ["AGENT_SCOPES", "Change", "Open", "Seat"]

_log = logging.getLogger(__name__)

AGENT_SCOPES = ("operator.read", "operator.write", "operator.approvals")
"""What an agent's connection asks for by default; the last one so that its person can approve in place."""

_PATIENCE_S = 10.0
_GATHER_S = 0.1
_PART_TOOLS = 100
_PAGE_CHARS = 400_000
"""The official Python client takes no event of more than 1 MiB; one part may come on top."""
_FRAME_CHARS = 600
_MOST_CALLED = 512
_TABLE_EVENTS = frozenset(("presence", "node.surface.changed", "plugins.changed"))
_WANTED = [*_TABLE_EVENTS, "node.presence", "node.hostStats"]

Open = Callable[[EventHandler], Awaitable[Connection]]


@dataclass(frozen=True, slots=True)
class Change:
    """What is not as it was: the list of tools, that of nodes, or the state of some nodes."""

    tools: bool = False
    nodes: bool = False
    node_ids: frozenset[str] = frozenset()


class Seat:
    """Use `start`, then `gateway()` for each request, then `close`.

    Args:
        open_connection: connects; gets the handler of events.
        tell: called on the loop for each change.
    """

    def __init__(self, open_connection: Open, tell: Callable[[Change], None]) -> None:
        self._open = open_connection
        self._tell = tell
        self._client: GatewayClient | None = None
        self._up = asyncio.Event()
        self._fault: OpenClawError | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._checker: asyncio.Task[None] | None = None
        self._check_again = self._reloaded = False
        self._nodes: dict[str, Node] | None = None
        self._restarting = asyncio.Lock()
        self._called: dict[str, Tool] = {}

    async def start(self) -> None:
        """Connect, and from then on connect again whenever the gateway is lost.

        Raises:
            OpenClawError: the first attempt failed.
        """
        await self._connect()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Leave the gateway; what still runs on nodes for this agent is stopped by it."""
        for task in (self._keeper, self._checker):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._client is not None:
            await self._client.connection.close()

    async def gateway(self) -> GatewayClient:
        """The connection; waits for one that is being made again.

        Raises:
            OpenClawError: there is none, and why.
        """
        if self._client is not None:
            return self._client
        async with self._restarting:
            if self._client is None and self._keeper is not None and self._keeper.done():
                await self.start()  # it had given up; whoever asks may have put things right
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._up.wait()
        except TimeoutError:
            raise self._fault or UnavailableError("the gateway is away", retryable=True) from None
        assert self._client is not None
        return self._client

    async def page(self, cursor: str | None) -> ToolPage:
        """Tools that there are now: as many as go into one message of every client.

        Raises:
            OpenClawError: the gateway is away, or refuses.
        """
        gateway, found, chars = await self.gateway(), list[Tool](), 0
        while True:
            # A few at a time: the gateway's other clients get their turn in between.
            part = await gateway.tool_page(cursor, limit=_PART_TOOLS)
            found += part.tools
            chars += sum(_weight(tool) for tool in part.tools)
            cursor = part.next_cursor
            if cursor is None or chars >= _PAGE_CHARS:
                return ToolPage(found, cursor)

    async def tool(self, name: str) -> Tool | None:
        """One of them; a name stands for the same command of the same device for ever."""
        tool = self._called.get(name)
        if tool is None and (tool := await (await self.gateway()).find_tool(name)) is not None:
            while len(self._called) >= _MOST_CALLED:
                del self._called[next(iter(self._called))]
            self._called[name] = tool
        return tool

    def known_schema(self, name: str) -> dict[str, Any] | None:
        """The params' schema of a tool that was called before."""
        tool = self._called.get(name)
        return tool.input_schema if tool is not None else None

    async def _connect(self) -> None:
        connection = await self._open(self._hear)
        try:
            await connection.request("events.subscribe", {"events": _WANTED})
            client, known = GatewayClient(connection), self._nodes
            if known is None:
                self._nodes = await _nodes_of(client)  # nobody has listed anything yet
        except BaseException:
            await connection.close()
            raise
        self._client, self._fault = client, None
        self._up.set()
        if known is not None:
            self._check(reloaded=True)

    async def _keep(self) -> None:
        policy = ReconnectPolicy()
        while True:
            assert self._client is not None
            await self._client.connection.wait_closed()
            self._client = None
            self._up.clear()
            error: OpenClawError | None = None
            while self._client is None:
                decision = policy.after(error)
                if not isinstance(decision, Retry):
                    _log.error("the gateway does not let this agent in again: %s", decision.error)
                    return
                await asyncio.sleep(decision.delay_ms / 1000)
                try:
                    await self._connect()
                except OpenClawError as refused:
                    self._fault = error = refused
            policy.succeeded()

    def _hear(self, event: str, payload: Any) -> None:
        if event in _TABLE_EVENTS:
            self._check(reloaded=event == "plugins.changed")
        node_id = payload.get("nodeId") if isinstance(payload, dict) else None
        if isinstance(node_id, str) and event in _WANTED:
            self._tell(Change(node_ids=frozenset((node_id,))))

    def _check(self, *, reloaded: bool) -> None:
        """Compare the table with what was told last; events that come meanwhile make one more round."""
        self._check_again = True
        self._reloaded = self._reloaded or reloaded
        if self._checker is None or self._checker.done():
            self._checker = asyncio.create_task(self._compare())

    async def _compare(self) -> None:
        while self._check_again and self._client is not None:
            # Many nodes that come at once, as after a restart of the gateway, are one change.
            await asyncio.sleep(_GATHER_S)
            reloaded, self._check_again, self._reloaded = self._reloaded, False, False
            try:
                nodes = await _nodes_of(await self.gateway())
            except OpenClawError as error:
                _log.warning("the list of tools could not be compared: %s", error)
                return
            before, self._nodes = self._nodes or {}, nodes
            change = Change(
                tools=reloaded or _offer(nodes) != _offer(before),
                nodes=nodes != before,
                node_ids=frozenset(
                    key for key in nodes.keys() | before.keys() if nodes.get(key) != before.get(key)
                ),
            )
            if change.tools:
                self._called = {}
            self._tell(change)


async def _nodes_of(client: GatewayClient) -> dict[str, Node]:
    return {node.node_id: node for node in await client.nodes()}


def _offer(nodes: Mapping[str, Node]) -> set[tuple[str, str, tuple[str, ...]]]:
    """What the names of all tools are made of."""
    return {(node.node_id, node.display_name, node.commands) for node in nodes.values() if node.connected}


def _weight(tool: Tool) -> int:
    """About how many characters it takes in a list."""
    return len(orjson.dumps(tool.input_schema)) + len(tool.description) + _FRAME_CHARS

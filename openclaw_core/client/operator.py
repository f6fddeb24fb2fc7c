"""The gateway for programs: nodes, invokes with live output, events and the queue, typed.

::

    async with open_gateway() as gateway:
        for node in await gateway.nodes():
            print(node.display_name, node.commands)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from openclaw_core.client.connection import Connection
from openclaw_core.client.invokes import follow_invoke, invoke_node
from openclaw_core.client.local import dial
from openclaw_core.config import load_settings
from openclaw_core.endpoint import find_endpoint

__all__ = ["Event", "GatewayClient", "Node", "QueuedWork", "Tool", "ToolPage", "open_gateway"]

_MARGIN_MS = 10_000


class _Read(BaseModel):
    """What a gateway answers; fields that are not named here are left aside."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)


class Node(_Read):
    """A row of `node.list` (PROTOCOL 10); `commands` are the effective ones."""

    node_id: str
    display_name: str
    platform: str | None = None
    connected: bool
    paired: bool = False
    approval_state: str | None = None
    caps: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class Tool(_Read):
    """An entry of `tools.catalog`: one command on one connected node, `timeout_ms` in ms."""

    id: str
    label: str
    description: str
    node_id: str
    node_name: str
    platform: str
    command: str
    input_schema: dict[str, Any]
    result_schema: dict[str, Any] | None = None
    hints: dict[str, bool] = {}
    needs_approval: bool = False
    timeout_ms: int | None = None


class ToolPage(NamedTuple):
    """A part of the list of tools; `next_cursor` is None in the last one."""

    tools: list[Tool]
    next_cursor: str | None


class QueuedWork(_Read):
    """Work that waits for a node (PROTOCOL 14): `payload` once it is done, `error` when it failed."""

    id: str
    node_id: str
    state: Literal[
        "queued", "delivered", "drained", "done", "failed", "unknown", "expired", "cancelled", "dropped"
    ]
    payload: Any = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A broadcast; `payload` is JSON data."""

    name: str
    payload: Any


class GatewayClient:
    """An operator's connection. Every method raises RpcError as the gateway answers (PROTOCOL 2.3).

    Attributes:
        connection: for methods that have none of their own here: `connection.request(name, params)`.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def scopes(self) -> frozenset[str]:
        """What the gateway granted (PROTOCOL 16.1)."""
        return frozenset(self.connection.hello.auth.scopes or ())

    async def nodes(self) -> list[Node]:
        """Every paired or connected node, connected ones first."""
        rows = (await self.connection.request("node.list", {}))["nodes"]
        return [Node.model_validate(row) for row in rows]

    async def describe(self, node_id: str) -> dict[str, Any]:
        """`node.describe`: everything known of a node, with the schemas of its commands."""
        answer: dict[str, Any] = await self.connection.request("node.describe", {"nodeId": node_id})
        return answer

    async def invoke(
        self,
        node_id: str,
        command: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout_ms: int = 30_000,
        idempotency_key: str | None = None,
        on_progress: Callable[[str], None] | None = None,
    ) -> Any:
        """Run a command and return its payload; cancelling the task stops the work on the node.

        Args:
            timeout_ms: the budget of the node, in ms; 0 for no deadline.
            idempotency_key: the same key again gives the same outcome, and runs nothing twice.
            on_progress: gets the output while the command runs.
        """
        request = {
            "nodeId": node_id,
            "command": command,
            "params": dict(params or {}),
            "timeoutMs": timeout_ms,
            "idempotencyKey": idempotency_key or str(uuid4()),
        }
        patience = timeout_ms + _MARGIN_MS if timeout_ms else None
        answer = await invoke_node(self.connection, request, timeout_ms=patience, on_progress=on_progress)
        return answer.get("payload")

    async def queue(
        self,
        node_id: str,
        command: str,
        params: Mapping[str, Any] | None = None,
        *,
        expires_in_ms: int | None = None,
        idempotency_key: str | None = None,
    ) -> QueuedWork:
        """Leave a command for a node that may be away; it runs once, when the node is there."""
        request: dict[str, Any] = {
            "nodeId": node_id,
            "type": "node.invoke",
            "command": command,
            "params": dict(params or {}),
            "idempotencyKey": idempotency_key or str(uuid4()),
        }
        if expires_in_ms is not None:
            request["expiresInMs"] = expires_in_ms
        answer = await self.connection.request("node.pending.enqueue", request)
        return await self.queued(answer["queued"]["id"])

    async def queued(self, work_id: str) -> QueuedWork:
        """How far queued work has come."""
        answer = await self.connection.request("node.pending.get", {"id": work_id})
        return QueuedWork.model_validate(answer["item"])

    @asynccontextmanager
    async def events(self, *names: str) -> AsyncIterator[AsyncIterator[Event]]:
        """Broadcasts, in order, until the block or the connection ends: `async for event in events`.

        Args:
            names: event names, or prefixes such as `node.*`; none for everything the scopes let through.
        """
        heard: asyncio.Queue[Event | None] = asyncio.Queue()
        whole, prefixes = frozenset(names), tuple(name[:-1] for name in names if name.endswith("*"))

        def hear(name: str, payload: Any) -> None:
            if not names or name in whole or name.startswith(prefixes):
                heard.put_nowait(Event(name, payload))

        async def read() -> AsyncIterator[Event]:
            while (event := await heard.get()) is not None:
                yield event

        ended = asyncio.create_task(self.connection.wait_closed())
        ended.add_done_callback(lambda _: heard.put_nowait(None))
        with self.connection.listening(hear):
            try:
                yield read()
            finally:
                ended.cancel()

    async def tools(self) -> list[Tool]:
        """Every effective command of every connected node, with its schema (`tools.catalog`)."""
        page = await self.tool_page()
        found = page.tools
        while page.next_cursor is not None:
            page = await self.tool_page(page.next_cursor)
            found += page.tools
        return found

    async def tool_page(self, cursor: str | None = None, *, limit: int = 500) -> ToolPage:
        """A part of them; `cursor` is the `next_cursor` of the part before.

        Args:
            limit: most tools of the page, 1 to 1,000.
        """
        return await self._catalog({"limit": limit, **({"cursor": cursor} if cursor is not None else {})})

    async def find_tool(self, name: str) -> Tool | None:
        """The one with this `id`; None when no connected node has it now."""
        return next(iter((await self._catalog({"name": name})).tools), None)

    async def _catalog(self, wanted: dict[str, Any]) -> ToolPage:
        answer = await self.connection.request("tools.catalog", {"includeSchemas": True, **wanted})
        rows = [Tool.model_validate(row) for group in answer["groups"] for row in group["tools"]]
        return ToolPage(rows, answer.get("nextCursor"))

    async def call_tool(
        self,
        tool: Tool,
        args: Mapping[str, Any] | None = None,
        *,
        confirm: bool = False,
        on_progress: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """`tools.invoke`: `ok` with `output`, or `error`, or `requiresApproval` with `approvalId`.

        Args:
            confirm: a person agreed to just this call; takes the scope operator.approvals.
        """
        request: dict[str, Any] = {
            "name": tool.id,
            "args": dict(args or {}),
            "idempotencyKey": str(uuid4()),
            **({"confirm": True} if confirm else {}),
        }
        answer: dict[str, Any] = await follow_invoke(
            self.connection, "tools.invoke", request, tool.node_id, timeout_ms=None, on_progress=on_progress
        )
        return answer


@asynccontextmanager
async def open_gateway(
    *,
    url: str | None = None,
    token: str | None = None,
    password: str | None = None,
    tls_fingerprint: str | None = None,
    scopes: tuple[str, ...] = ("operator.read", "operator.write"),
) -> AsyncIterator[GatewayClient]:
    """Connect as an operator, by default to the gateway and with the credential of this machine's settings.

    Args:
        url: another gateway, `ws://host:port` or `wss://host:port`.
        tls_fingerprint: SHA-256 of the one certificate that is accepted.
        scopes: operator scopes wanted.

    Raises:
        ConfigError: the settings are wrong, or `url` comes without a credential.
        GatewayUnreachableError: nobody answers there.
        HandshakeRefusedError: the gateway refused.
    """
    endpoint = find_endpoint(
        load_settings(), url=url, token=token, password=password, tls_fingerprint=tls_fingerprint
    )
    connection = await dial(endpoint, scopes)
    try:
        yield GatewayClient(connection)
    finally:
        await connection.close()

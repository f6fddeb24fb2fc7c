"""The server that an agent talks to: tools, their calls, nodes as resources, and what changed."""

from __future__ import annotations

import asyncio
from typing import Any

from mcp.server import NotificationOptions, Server, ServerRequestContext
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    EmptyResult,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    NotificationParams,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    SubscribeRequestParams,
    ToolAnnotations,
    UnsubscribeRequestParams,
)
from mcp_types import Tool as ToolDeclaration

from openclaw_core import __version__
from openclaw_core.client.operator import Tool
from openclaw_core.errors import InvalidRequestError, OpenClawError
from openclaw_core.mcp import resources
from openclaw_core.mcp.calls import Calls
from openclaw_core.mcp.followers import Followers
from openclaw_core.mcp.seat import Change, Open, Seat

__all__ = ["AgentServer", "declare"]

Context = ServerRequestContext[Any]

INSTRUCTIONS = (
    "Each tool is one command of one device (node); its name begins with the device. Devices come and "
    "go, and the list of tools with them. What harms or reveals is run only after a person agreed."
)


class _Server(Server[Any]):
    """The SDK's server, which says by itself that its lists change."""

    def create_initialization_options(
        self, notification_options: NotificationOptions | None = None, *args: Any, **options: Any
    ) -> InitializationOptions:
        told = notification_options or NotificationOptions(tools_changed=True, resources_changed=True)
        return super().create_initialization_options(told, *args, **options)


class AgentServer:
    """One seat at the gateway, for any number of agents with the same rights.

    Attributes:
        protocol: the SDK's server, to be run over a transport.
    """

    def __init__(self, open_connection: Open) -> None:
        self._bus = InMemorySubscriptionBus()
        self._followers = Followers(self._bus)
        self._listeners = ListenHandler(self._bus)
        self._telling: set[asyncio.Task[None]] = set()
        self._seat = Seat(open_connection, self._publish)
        self._calls = Calls(self._seat)
        self.protocol = _Server(
            "openclaw",
            version=__version__,
            title="OpenClaw nodes",
            instructions=INSTRUCTIONS,
            get_tool_input_schema=self._seat.known_schema,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_subscribe_resource=self._subscribe,
            on_unsubscribe_resource=self._unsubscribe,
            on_subscriptions_listen=self._listeners,
        )
        self.protocol.add_notification_handler(
            "notifications/initialized", NotificationParams, self._initialized
        )

    async def start(self) -> None:
        """Take the seat.

        Raises:
            OpenClawError: the gateway is away, or refuses.
        """
        await self._seat.start()

    async def close(self) -> None:
        """End every stream and leave."""
        self._listeners.close()
        await self._calls.close()
        await self._seat.close()

    def _publish(self, change: Change) -> None:
        for event in resources.events_of(change):
            task = asyncio.create_task(self._bus.publish(event))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _initialized(self, ctx: Context, _params: NotificationParams) -> None:
        self._followers.add(ctx.session)

    async def _list_tools(self, _ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        try:
            page = await self._seat.page(params.cursor if params is not None else None)
        except OpenClawError as error:
            raise _refusal(error) from error
        return ListToolsResult(tools=[declare(tool) for tool in page.tools], next_cursor=page.next_cursor)

    async def _call_tool(
        self, ctx: Context, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        return await self._calls.run(ctx, params)

    async def _list_resources(
        self, _ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        try:
            return await resources.list_nodes(await self._seat.gateway())
        except OpenClawError as error:
            raise _refusal(error) from error

    async def _list_templates(
        self, _ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        return resources.templates()

    async def _read_resource(self, _ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        try:
            return await resources.read_node(await self._seat.gateway(), params.uri)
        except OpenClawError as error:
            raise _refusal(error) from error

    async def _subscribe(self, ctx: Context, params: SubscribeRequestParams) -> EmptyResult:
        self._followers.watch(ctx.session, params.uri, wanted=True)
        return EmptyResult()

    async def _unsubscribe(self, ctx: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        self._followers.watch(ctx.session, params.uri, wanted=False)
        return EmptyResult()


def _refusal(error: OpenClawError) -> MCPError:
    if isinstance(error, InvalidRequestError):
        return MCPError(INVALID_PARAMS, str(error))  # a cursor or a node that is none
    return MCPError(INTERNAL_ERROR, str(error))


def declare(tool: Tool) -> ToolDeclaration:
    """A tool as the protocol wants it.

    It declares no schema of its result: nodes of other makers are read more leniently than JSON
    Schema, and a client would throw away what does not match to the letter.
    """
    hints = tool.hints
    schema = (
        tool.input_schema
        if tool.input_schema.get("type") == "object"
        else {
            **tool.input_schema,
            "type": "object",
        }
    )
    where = f"Runs on {tool.node_name} ({tool.platform})."
    notes = ["Its app has to be in the foreground."] if hints.get("foreground") else []
    notes += ["A person is asked first."] if tool.needs_approval else []
    return ToolDeclaration(
        name=tool.id,
        title=f"{tool.node_name}: {tool.label}",
        description="\n\n".join((tool.description, " ".join((where, *notes)))),
        input_schema=schema,
        annotations=ToolAnnotations(
            title=f"{tool.node_name}: {tool.label}",
            read_only_hint=hints.get("readOnly"),
            destructive_hint=hints.get("destructive"),
            idempotent_hint=hints.get("idempotent"),
        ),
    )

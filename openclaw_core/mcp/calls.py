"""One call of a tool: the person's word, live output, cancellation, and the outcome told as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mcp.server import ServerRequestContext
from mcp_types import CallToolRequestParams, CallToolResult, InputRequiredResult, TextContent

from openclaw_core.client.operator import GatewayClient, Tool
from openclaw_core.errors import OpenClawError, RpcError
from openclaw_core.mcp.approval import ask_person, can_ask
from openclaw_core.mcp.content import content_of
from openclaw_core.mcp.exchange import exchange_of
from openclaw_core.mcp.seat import Seat

__all__ = ["Calls"]

_OUTCOMES = {
    "not-dispatched": "It was not run.",
    "failed": "The node was asked and reports that it failed.",
    "unknown": "It may have been run, wholly or in part: check before you try again.",
}

_MOST_CHARS_OF_A_LINE = 8_000_000
"""On standard output; the official TypeScript client takes 10 MiB there."""


class Calls:
    """Runs calls over one seat."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._ending: set[asyncio.Task[Any]] = set()

    async def run(
        self, ctx: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """The result; what went wrong is a result, too, which the agent can read and act on.

        It ends with the agent's request, also when a person is being asked.
        """
        exchange = exchange_of(ctx)
        if exchange is None:
            return await self._run(ctx, params, lambda: _MOST_CHARS_OF_A_LINE)
        with exchange.presence:
            return await self._run(ctx, params, exchange.room)
        return _failed("the agent has gone")

    async def _run(
        self, ctx: ServerRequestContext[Any], params: CallToolRequestParams, room: Callable[[], int]
    ) -> CallToolResult | InputRequiredResult:
        try:
            gateway = await self._seat.gateway()
            tool = await self._seat.tool(params.name)
            if tool is None:
                return _failed(f"no connected node has the tool {params.name!r} now; list the tools again")
            confirm = False
            if tool.needs_approval and can_ask(ctx, gateway.scopes):
                word = await ask_person(ctx, params, tool)
                if isinstance(word, InputRequiredResult):
                    return word
                if word not in ("accept", "unasked"):
                    said = "did not answer in time about" if word == "silence" else "said no to"
                    return _failed(f"the person {said} {tool.command} on {tool.node_name}. It was not run.")
                confirm = word == "accept"  # otherwise it waits at the gateway
                gateway = await self._seat.gateway()  # they took their time: it may be another connection
            answer = await self._follow(ctx, gateway, tool, params.arguments, confirm=confirm)
        except OpenClawError as error:
            details = error.details if isinstance(error, RpcError) else None
            return _failed(str(error), details)
        if answer["ok"] is not True:
            told = answer["error"]
            return _failed(told["message"], told.get("details"), code=told["code"])
        blocks, rest = content_of(answer.get("output"), room())
        return CallToolResult(content=blocks, structured_content=rest)

    async def _follow(
        self,
        ctx: ServerRequestContext[Any],
        gateway: GatewayClient,
        tool: Tool,
        args: dict[str, Any] | None,
        *,
        confirm: bool,
    ) -> dict[str, Any]:
        said: asyncio.Queue[str | None] = asyncio.Queue()
        listens = ctx.meta is not None and "progress_token" in ctx.meta
        # Who asks for progress is followed: when this process dies, the gateway stops the work on the node.
        hear = said.put_nowait if listens else _leave_aside
        # A task of its own: the SDK cancels again and again, and telling the node takes a while.
        work = asyncio.create_task(gateway.call_tool(tool, args, confirm=confirm, on_progress=hear))
        work.add_done_callback(lambda _: said.put_nowait(None))
        try:
            number = 0
            while (chunk := await said.get()) is not None:
                number += 1
                await ctx.session.report_progress(number, message=chunk)
            return work.result()
        finally:
            if not work.done():
                work.cancel()
                self._ending.add(work)
                work.add_done_callback(self._ended)

    def _ended(self, work: asyncio.Task[Any]) -> None:
        self._ending.discard(work)
        if not work.cancelled():
            work.exception()  # nobody else asks for it

    async def close(self) -> None:
        """Wait until the nodes were told of what was cancelled."""
        await asyncio.gather(*self._ending, return_exceptions=True)


def _leave_aside(_chunk: str) -> None:
    pass


def _failed(message: str, details: dict[str, Any] | None = None, code: str | None = None) -> CallToolResult:
    details = details or {}
    outcome = _OUTCOMES.get(str(details.get("outcome")))
    text = f"{message.rstrip('.')}. {outcome}" if outcome is not None else message
    if details.get("code") == "MISSING_SCOPE":
        text += "; the connection of this agent does not have it, a person can give it (openclaw mcp --scope)"
    error = {
        "message": message,
        **({"code": code} if code else {}),
        **({"details": details} if details else {}),
    }
    return CallToolResult(
        content=[TextContent(text=text)], structured_content={"error": error}, is_error=True
    )

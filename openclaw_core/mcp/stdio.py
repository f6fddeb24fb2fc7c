"""`openclaw mcp`: one agent, beside this process, over its standard input and output."""

from __future__ import annotations

from functools import partial

from mcp.server.stdio import stdio_server

from openclaw_core.client.local import dial
from openclaw_core.endpoint import Endpoint
from openclaw_core.mcp.server import AgentServer

__all__ = ["serve_stdio"]


async def serve_stdio(endpoint: Endpoint, scopes: tuple[str, ...]) -> None:
    """Serve until the agent closes our standard input.

    Raises:
        OpenClawError: the gateway is away, or refuses.
    """
    server = AgentServer(partial(dial, endpoint, scopes))
    await server.start()
    try:
        async with stdio_server() as (heard, said):
            await server.protocol.run(heard, said, server.protocol.create_initialization_options())
    finally:
        await server.close()

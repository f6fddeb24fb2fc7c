"""`mcp.tools.call.v1`: the node's own MCP servers, reached by any gateway (PROTOCOL 18.8)."""

from __future__ import annotations

import importlib.util
from typing import Any

from pydantic import Field

from openclaw_core import Command, Example, NodeContext, NodeHostContext, Probe, command
from openclaw_core.commands import DESKTOP_PLATFORMS
from openclaw_core.models import Params, Result
from openclaw_host_commands.config import HostCommandsConfig

__all__ = ["CALL", "MCP_COMMANDS", "CallToolParams", "CallToolResult", "offer_server_tools", "probe"]

CALL = "mcp.tools.call.v1"


class CallToolParams(Params):
    """Which tool of which server, as the node's settings name it."""

    server: str = Field(min_length=1)
    tool: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict)


class CallToolResult(Result):
    """What the tool answered, as MCP words it; `isError` tells a failure of the tool itself."""

    content: list[dict[str, Any]]
    is_error: bool = False


@command(
    CALL,
    platforms=DESKTOP_PLATFORMS,
    examples=(Example({"server": "files", "tool": "search", "arguments": {"text": "invoice"}}),),
)
async def call_tool(args: CallToolParams, node: NodeContext) -> CallToolResult:
    """Call a tool of one of the node's own MCP servers."""
    from openclaw_host_commands.node.mcp_servers import open_servers

    servers = await node.resource(open_servers)
    return CallToolResult.model_validate(await servers.call(args.server, args.tool, args.arguments))


def probe(config: HostCommandsConfig | None) -> Probe:
    """Whether a server is configured, and the package that speaks with it is installed."""
    key = "plugins.entries.host_commands.config.mcp.servers"
    if config is None or not config.mcp.servers:
        why = f'no MCP server is set up here; name one in {key}: {{NAME: {{command: "…"}}}}'
        return Probe(withheld={CALL: why})
    if importlib.util.find_spec("mcp") is None:
        return Probe(withheld={CALL: "install what speaks MCP: pip install 'openclaw-host-commands[mcp]'"})
    return Probe()


async def offer_server_tools(node: NodeHostContext) -> None:
    """Tell agents of the tools that the configured servers have; ends at once where there are none."""
    if probe(node.config).withheld:
        return
    from openclaw_host_commands.node.mcp_servers import offer_tools

    await offer_tools(node)


MCP_COMMANDS: tuple[Command, ...] = (call_tool,)

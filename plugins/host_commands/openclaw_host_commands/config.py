"""Settings of the family: `plugins.entries.host_commands.config` of openclaw.json."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from openclaw_core.models import Settings

__all__ = ["HostCommandsConfig", "McpConfig", "McpServer"]

ServerName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]


class McpServer(Settings):
    """A program that speaks MCP on its standard input and output.

    Attributes:
        command, args: what to start.
        env: variables besides the few that MCP hands on, such as PATH.
        cwd: where to start it; the node host's directory when absent.
    """

    command: Annotated[str, Field(min_length=1)]
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    cwd: Path | None = None


class McpConfig(Settings):
    """The node's own MCP servers, by name."""

    servers: dict[ServerName, McpServer] = Field(default_factory=dict)


class HostCommandsConfig(Settings):
    """What a person sets for this family on a node."""

    mcp: McpConfig = Field(default_factory=McpConfig)

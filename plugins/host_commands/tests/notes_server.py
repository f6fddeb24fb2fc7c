"""A real MCP server over stdio, for the tests: shouts, fails, dies."""

import os
import sys

from mcp import MCPError
from mcp.server import MCPServer

server = MCPServer("notes")


@server.tool()
def shout(text: str) -> str:
    """Say it louder."""
    return f"{text.upper()} {os.environ.get('VOLUME', '')}".strip()


@server.tool()
def fail() -> str:
    """Do not manage it."""
    raise ValueError("out of paper")


@server.tool()
def refuse() -> str:
    """Refuse the call itself."""
    raise MCPError(-32602, "not today")


@server.tool()
def die() -> str:
    """End the server in the middle of a call."""
    sys.stdout.flush()
    os._exit(3)


if __name__ == "__main__":
    server.run()

"""`openclaw mcp`: the gateway's nodes as tools of an agent that starts this program."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Annotated

import typer

from openclaw_core.cli.call import load_endpoint
from openclaw_core.cli.endpoint import Flags
from openclaw_core.cli.failure import funnel
from openclaw_core.mcp import require_sdk
from openclaw_core.mcp.seat import AGENT_SCOPES

__all__ = ["mcp"]


def mcp(
    url: Annotated[
        str | None,
        typer.Option("--url", help="Gateway WebSocket URL; default: the configured or local one."),
    ] = None,
    token: Annotated[str | None, typer.Option("--token", help="Gateway token.")] = None,
    password: Annotated[str | None, typer.Option("--password", help="Gateway password.")] = None,
    tls_fingerprint: Annotated[
        str | None, typer.Option("--tls-fingerprint", help="SHA-256 of the one certificate to accept.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="What the agent may do; again for each. Default: operator.read, .write, .approvals.",
        ),
    ] = None,
) -> None:
    """Serve nodes as tools to an agent over standard input and output (Model Context Protocol)."""
    with funnel():
        require_sdk()
        # Standard output belongs to the agent.
        logging.basicConfig(
            stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
        )
        endpoint = load_endpoint(
            Flags(url=url, token=token, password=password, tls_fingerprint=tls_fingerprint)
        )
        from openclaw_core.mcp.stdio import serve_stdio  # the SDK takes seconds

        asyncio.run(serve_stdio(endpoint, tuple(scope) if scope else AGENT_SCOPES))

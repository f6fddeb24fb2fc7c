"""Commands without a process of their own: a second faster, for all that needs no real exit."""

from __future__ import annotations

import asyncio
import io
import os

import structlog
from typer.testing import CliRunner

from openclaw_core.cli import build_app

from .conftest import PATIENCE_S, Result

__all__ = ["run_here"]


async def run_here(env: dict[str, str], *arguments: str, **extra: str) -> Result:
    """Run `openclaw …` in a thread, beside a gateway of the test's own loop."""
    # That gateway logs in this very process: not into the command's output.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(io.StringIO()))
    foreign = {key: None for key in os.environ if key.startswith("OPENCLAW_") and key not in env}
    try:
        async with asyncio.timeout(PATIENCE_S):
            result = await asyncio.to_thread(
                CliRunner().invoke,
                build_app(arguments[0]),
                list(arguments),
                env={**foreign, **env, **extra},
            )
    finally:
        structlog.reset_defaults()
    return Result(result.exit_code, result.stdout, result.stderr)

"""Commands that leave a trace on disk for every time they really ran."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pydantic import BaseModel

from openclaw_core import Family, NodeContext, command
from openclaw_core.commands import ALL_PLATFORMS

__all__ = ["FAMILY", "TRACE"]

TRACE = "executions.log"


class Token(BaseModel):
    token: str


@command("crash.once", platforms=ALL_PLATFORMS, queueable=True)
async def once(args: Token, node: NodeContext) -> Token:
    """Leave a trace; twice would be harm."""
    return await _trace(args, node)


@command("crash.again", platforms=ALL_PLATFORMS, queueable=True, idempotent=True)
async def again(args: Token, node: NodeContext) -> Token:
    """Leave a trace; twice is no harm."""
    return await _trace(args, node)


async def _trace(args: Token, node: NodeContext) -> Token:
    await asyncio.sleep(0)
    _append(node.state_dir / TRACE, args.token)
    await asyncio.sleep(0)
    return args


def _append(path: Path, token: str) -> None:
    """One line, on disk when this returns: written whole or not at all, whoever is killed."""
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        os.write(file, f"{token}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)


FAMILY = Family("crash", "Crash", commands=(once, again), caps=("crash",))

"""What a gateway holds, in memory, in the kernel and on disk: to compare before and after."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from .operator import Operator
from .world import Gateway

__all__ = ["rows", "stock", "wait_until_held"]

SETTLE_S = 60.0
# What pairing leaves on purpose, and what is in motion while the question is answered.
_LASTING = ("devices", "surfaces", "queued sends")


async def stock(gateway: Gateway, operator: Operator) -> dict[str, int]:
    """Objects, table entries, sockets and files of the gateway's process."""
    held: dict[str, Any] = await operator.call("inventory.get")
    counted = {**held["objects"], **held["tables"]}
    kept = {name: number for name, number in counted.items() if name not in _LASTING}
    return {**kept, "sockets": gateway.sockets(), "files": gateway.process.num_fds()}


async def wait_until_held(gateway: Gateway, operator: Operator, before: dict[str, int]) -> dict[str, int]:
    """Wait until the gateway holds no more than `before`; what it holds beyond when it never does."""
    left: dict[str, int] = {}
    try:
        async with asyncio.timeout(SETTLE_S):
            while True:
                now = await stock(gateway, operator)
                left = {name: now[name] - before[name] for name in now if now[name] > before[name]}
                if not left:
                    return {}
                await operator.news()
    except TimeoutError:
        return left


def rows(state_dir: Path) -> dict[str, int]:
    """Table → rows of the database of a gateway that is stopped."""
    with closing(sqlite3.connect(f"file:{state_dir / 'openclaw.sqlite'}?mode=ro", uri=True)) as database:
        names = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
        return {name: database.execute(f"select count(*) from {name}").fetchone()[0] for name in names}

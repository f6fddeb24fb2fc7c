"""Blocking work for a command: a thread that stops when its invoke is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """Run blocking work in a thread of its own; its result or exception.

    Unlike `asyncio.to_thread`, a cancellation stops the work and waits until it has let go of
    its device, and a library that hangs for good does not keep the process from ending.

    Args:
        work: looks at the event it gets between its steps, and ends when that is set; what it
            then returns or raises is dropped.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()
    stop = threading.Event()

    def settle(setter: Callable[[Any], None], value: Any) -> None:
        if not outcome.done():
            setter(value)

    def run() -> None:
        setter: Callable[[Any], None] = outcome.set_result
        try:
            value: Any = work(stop)
        except BaseException as error:
            setter, value = outcome.set_exception, error
        with suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            loop.call_soon_threadsafe(settle, setter, value)

    threading.Thread(target=run, daemon=True, name="command").start()
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([outcome])
        if not outcome.cancelled():
            outcome.exception()  # looked at, so that nobody complains of it
        raise

"""Things several invokes of a family share, e.g. a browser: opened at first use, closed with the host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from openclaw_core.contexts import NodeHostContext

__all__ = ["Opener", "Resources"]

_log = logging.getLogger(__name__)

Opener = Callable[[NodeHostContext], AbstractAsyncContextManager[Any]]


class _Held:
    """One resource; the lock keeps two first uses from opening it twice."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.manager: AbstractAsyncContextManager[Any] | None = None
        self.value: Any = None


class Resources:
    """What is open now, by its opener."""

    def __init__(self) -> None:
        self._held: dict[Opener, _Held] = {}

    async def get(self, opener: Opener, context: NodeHostContext) -> Any:
        """The resource; opens it when nobody did. What the opener raises comes through."""
        held = self._held.setdefault(opener, _Held())
        async with held.lock:
            if held.manager is None:
                manager = opener(context)
                held.value = await manager.__aenter__()
                held.manager = manager
            return held.value

    async def release(self, opener: Opener) -> None:
        """Close it if it is open; a failure to do so is logged."""
        held = self._held.get(opener)
        if held is None:
            return
        async with held.lock:
            manager, held.manager, held.value = held.manager, None, None
            if manager is None:
                return
            try:
                await manager.__aexit__(None, None, None)
            except Exception:
                _log.exception("a family's resource did not close")

    async def close(self) -> None:
        """Close everything, the newest first."""
        for opener in reversed(tuple(self._held)):
            await self.release(opener)

"""`/mcp` on the gateway's port: light until the first agent comes."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Protocol

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from openclaw_core.mcp.sdk import INSTALL, sdk_is_installed

__all__ = ["PATH", "McpMount"]

PATH = "/mcp"


class _Gateway(Protocol):
    """Where the gateway is, for programs of its own host."""

    @property
    def url(self) -> str: ...
    @property
    def tls_fingerprint(self) -> str | None: ...


class _Hall(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
    async def close(self) -> None: ...


class McpMount:
    """An ASGI application; the gateway checked the secret that a request's state carries."""

    path = PATH
    needs_secret = True

    def __init__(self, gateway: _Gateway) -> None:
        self._gateway = gateway
        self._hall: _Hall | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not sdk_is_installed():
            error = f"agents need the extra `mcp` where the gateway runs; install it: {INSTALL}"
            await JSONResponse({"error": error}, 501)(scope, receive, send)
            return
        hall = await self._open()
        await hall(scope, receive, send)

    async def close(self) -> None:
        """End every stream."""
        async with self._opening:
            if self._hall is not None:
                await self._hall.close()

    async def _open(self) -> _Hall:
        async with self._opening:
            if self._hall is None:
                # The SDK takes seconds to import, which the gateway's other clients must not wait for.
                module = await asyncio.to_thread(import_module, "openclaw_core.mcp.http")
                self._hall = module.Hall(self._gateway.url, self._gateway.tls_fingerprint)
            return self._hall

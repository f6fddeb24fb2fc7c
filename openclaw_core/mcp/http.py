"""Streamable HTTP: agents that share the same rights share one seat at the gateway."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from openclaw_core.client.connection import Connection, EventHandler, connect
from openclaw_core.client.options import ConnectOptions
from openclaw_core.errors import InvalidRequestError, OpenClawError
from openclaw_core.mcp.seat import AGENT_SCOPES
from openclaw_core.mcp.server import AgentServer
from openclaw_core.mcp.sessions import Sessions

__all__ = ["SCOPES_HEADER", "Hall"]

_log = logging.getLogger(__name__)

SCOPES_HEADER = "x-openclaw-scopes"
_KNOWN_SCOPES = frozenset((*AGENT_SCOPES, "operator.admin"))


class _Room:
    """One seat, and the sessions of the agents that share it."""

    def __init__(self, options: ConnectOptions) -> None:
        self.server = AgentServer(partial(_connect, options))
        self._sessions = Sessions(self.server.protocol)
        self._open, self._leave = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.server.start()
        self._task = asyncio.create_task(self._run())
        await self._open.wait()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._sessions(scope, receive, send)

    async def close(self) -> None:
        self._leave.set()
        await self.server.close()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        # The SDK wants to be left in the task in which it was entered.
        async with self._sessions.run():
            self._open.set()
            await self._leave.wait()


class Hall:
    """Every room, by the scopes its agents ask for in `X-OpenClaw-Scopes`.

    Args:
        url, tls_fingerprint: the gateway.
    """

    def __init__(self, url: str, tls_fingerprint: str | None) -> None:
        self._url = url
        self._tls_fingerprint = tls_fingerprint
        self._rooms: dict[tuple[str, ...], _Room] = {}
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of an agent, as an ASGI application."""
        try:
            room = await self._enter(Request(scope))
        except OpenClawError as error:
            status = 400 if isinstance(error, InvalidRequestError) else 503
            await JSONResponse({"error": str(error)}, status)(scope, receive, send)
            return
        await room.handle(scope, receive, send)

    async def close(self) -> None:
        """End every stream and leave the gateway."""
        async with self._opening:
            rooms, self._rooms = self._rooms, {}
            await asyncio.gather(*(room.close() for room in rooms.values()))

    async def _enter(self, request: Request) -> _Room:
        scopes = _scopes_of(request)
        async with self._opening:
            room = self._rooms.get(scopes)
            if room is None:
                options = ConnectOptions(
                    url=self._url,
                    token=request.state.secret,
                    scopes=scopes,
                    # What the contract has for programs that act beside the gateway (5.3).
                    client_id="gateway-client",
                    client_mode="backend",
                    display_name="mcp",
                    tls_fingerprint=self._tls_fingerprint,
                )
                room = _Room(options)
                await room.start()
                self._rooms[scopes] = room
            return room


def _scopes_of(request: Request) -> tuple[str, ...]:
    asked = request.headers.get(SCOPES_HEADER)
    if asked is None:
        return AGENT_SCOPES
    scopes = tuple(sorted({name.strip() for name in asked.split(",") if name.strip()}))
    unknown = [name for name in scopes if name not in _KNOWN_SCOPES]
    if unknown or not scopes:
        raise InvalidRequestError(
            f"{SCOPES_HEADER}: {asked[:64]!r} names no scopes of agents; there are "
            f"{', '.join(sorted(_KNOWN_SCOPES))}"
        )
    return scopes


async def _connect(options: ConnectOptions, on_event: EventHandler) -> Connection:
    return await connect(options, on_event)

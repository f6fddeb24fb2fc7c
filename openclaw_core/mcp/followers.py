"""Clients of the protocol's versions up to 2025, which are told of changes without asking anew each time."""

from __future__ import annotations

import asyncio

from mcp.server.connection import Connection
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent
from mcp.shared.subscriptions import event_to_notification

__all__ = ["Followers"]


class _Follower:
    """One such client; a change that waits to be told is told once, however often it happened."""

    def __init__(self, session: ServerSession) -> None:
        self.uris: set[str] = set()
        self._session = session
        self._pending: dict[ServerEvent, None] = {}
        self._wake = asyncio.Event()

    def hear(self, event: ServerEvent) -> None:
        if isinstance(event, ResourceUpdated) and event.uri not in self.uris:
            return
        self._pending[event] = None
        self._wake.set()

    async def run(self) -> None:
        # A task per client: one that does not read holds up no other.
        while True:
            await self._wake.wait()
            self._wake.clear()
            pending, self._pending = self._pending, {}
            for event in pending:
                await self._session.send_notification(event_to_notification(event, {}))


class Followers:
    """Every such client, from its `initialized` to the end of its connection."""

    def __init__(self, bus: InMemorySubscriptionBus) -> None:
        self._bus = bus
        self._by_connection: dict[int, _Follower] = {}

    def add(self, session: ServerSession) -> None:
        """Tell this client from now on."""
        connection = _connection_of(session)
        key = id(connection)
        if key in self._by_connection:
            return
        follower = self._by_connection[key] = _Follower(session)
        task = asyncio.create_task(follower.run())
        connection.exit_stack.callback(task.cancel)
        connection.exit_stack.callback(self._bus.subscribe(follower.hear))
        connection.exit_stack.callback(self._by_connection.pop, key)

    def watch(self, session: ServerSession, uri: str, *, wanted: bool) -> None:
        """Tell this client of changes of one resource, or no longer."""
        follower = self._by_connection.get(id(_connection_of(session)))
        if follower is not None:
            (follower.uris.add if wanted else follower.uris.discard)(uri)


def _connection_of(session: ServerSession) -> Connection:
    # The SDK hands its handlers a session per request; what lasts is behind it.
    return session._connection

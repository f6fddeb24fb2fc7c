"""Sessions of agents that speak the protocol's versions up to 2025: never more than a hundred.

An agent that goes without a word leaves its session behind. Where there is no room for one more,
the one that was quiet longest is ended; an agent that was only quiet hears 404 and begins anew,
as the protocol has it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from openclaw_core.mcp.exchange import Exchange
from openclaw_core.protocol.limits import MAX_PAYLOAD_BYTES

__all__ = ["MOST_SESSIONS", "Sessions"]

MOST_SESSIONS = 100
_IDLE_S = 10 * 60.0
"""Agents that listen to their session's stream are not idle, however quiet they are."""
_ID = "mcp-session-id"


@dataclass(slots=True)
class _Session:
    """`serving`: requests of it that are being served, its stream among them."""

    serving: int = 0


class Sessions:
    """The SDK's sessions over one server, as an ASGI application within `run`."""

    def __init__(self, server: Any) -> None:
        # Below that the SDK writes the id of every session, by which it can be used, into the log.
        logging.getLogger("mcp").setLevel(logging.WARNING)
        self._manager = StreamableHTTPSessionManager(
            server,
            max_request_body_size=MAX_PAYLOAD_BYTES,
            session_idle_timeout=_IDLE_S,
            max_sessions=MOST_SESSIONS,
        )
        self.run = self._manager.run
        # By id, the one that was quiet longest first.
        self._open: dict[str, _Session] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of an agent."""
        session_id = Headers(scope=scope).get(_ID)
        if session_id is None and len(self._open) >= MOST_SESSIONS:
            await self._make_room()
        session = self._open.get(session_id or "")
        if session is not None:
            session.serving += 1
        try:
            watch = self._watch(scope["method"], session_id, send)
            await Exchange().serve(self._manager.handle_request, scope, receive, watch)
        finally:
            if session is not None:
                session.serving -= 1
                self._touch(session_id or "", session)

    def _watch(self, method: str, session_id: str | None, send: Send) -> Send:
        """Sends on, and learns from it which sessions begin and end."""

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = Headers(raw=message["headers"]).get(_ID)
                ended = message["status"] == 404 or (method == "DELETE" and message["status"] == 200)
                if session_id is not None and ended:
                    self._open.pop(session_id, None)
                elif session_id is None and given is not None and message["status"] == 200:
                    self._open[given] = _Session()
            await send(message)

        return watch

    def _touch(self, session_id: str, session: _Session) -> None:
        if self._open.pop(session_id, None) is not None:
            self._open[session_id] = session

    async def _make_room(self) -> None:
        quiet = next((key for key, session in self._open.items() if not session.serving), None)
        if quiet is not None:
            del self._open[quiet]
            await self._manager.handle_request(_end_of(quiet), _nothing, _to_nobody)


def _end_of(session_id: str) -> Scope:
    """The request by which an agent itself would end it."""
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "DELETE",
        "path": "/",
        "query_string": b"",
        "headers": [(_ID.encode(), session_id.encode())],
    }


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _to_nobody(_message: Message) -> None:
    pass

"""One request over HTTP and its answer: in which form it goes, and whether its agent is still there.

The SDK answers clients of the versions up to 2025 by a stream of events, also where the answer is
the only event. The official Python client takes no event of more than 1 MiB, which a photo is soon;
it takes a JSON document of any size. So an answer that comes first goes as a document, as the SDK
does it itself for clients of 2026.
"""

from __future__ import annotations

import re
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openclaw_core.protocol.limits import MAX_PAYLOAD_BYTES

__all__ = ["Exchange", "exchange_of"]

_MOST_CHARS = MAX_PAYLOAD_BYTES
_MOST_CHARS_OF_AN_EVENT = 1_000_000

_ID = rb'(?:-?\d+|null|"(?:[^"\\]|\\.)*")'
_ONLY_ANSWER = re.compile(
    rb'event: message\r\ndata: (\{"jsonrpc":"2\.0","id":' + _ID + rb',"(?:result|error)":[^\r\n]*\})\r\n\r\n'
)


class Exchange:
    """Serves one request; its handler finds it by `exchange_of`.

    Attributes:
        presence: cancelled when the agent has gone. Nothing here is kept for an agent to come back
            to, so nobody could ever hear the outcome.
    """

    def __init__(self) -> None:
        self._streams = False
        self.presence = anyio.CancelScope()
        self._start: Message | None = None
        self._answered = False

    def room(self) -> int:
        """Most characters of the answer that every client takes."""
        return _MOST_CHARS_OF_AN_EVENT if self._streams else _MOST_CHARS

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and pass its answer on."""

        async def answer(message: Message) -> None:
            await self._pass_on(message, send)

        # The stream of a session (GET) is one, whatever comes first.
        posted = scope["method"] == "POST"
        state = {**scope.get("state", {}), "exchange": self}
        try:
            await app({**scope, "state": state}, receive, answer if posted else send)
        finally:
            self.presence.cancel()

    async def _pass_on(self, message: Message, send: Send) -> None:
        if self._answered:
            return  # the end of a stream that was none
        if message["type"] == "http.response.start" and _is_stream(message):
            self._start = message
        elif self._start is None:
            await send(message)
        else:
            start, self._start = self._start, None
            if (only := _ONLY_ANSWER.fullmatch(message.get("body", b""))) is not None:
                self._answered = True
                await _send_document(start, only[1], send)
                return
            self._streams = True
            await send(start)
            await send(message)


def exchange_of(ctx: ServerRequestContext[Any, Any]) -> Exchange | None:
    """What a handler's request came by; None for an agent at our standard input."""
    exchange = getattr(getattr(ctx.request, "state", None), "exchange", None)
    return exchange if isinstance(exchange, Exchange) else None


def _is_stream(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start["headers"]
    )


async def _send_document(start: Message, body: bytes, send: Send) -> None:
    replaced = (b"content-type", b"connection")
    kept = [(name, value) for name, value in start["headers"] if name.lower() not in replaced]
    about = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({**start, "headers": [*kept, *about]})
    await send({"type": "http.response.body", "body": body, "more_body": False})

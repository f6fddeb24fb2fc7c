"""Bare relay on the ordinary `websockets` asyncio server, for the transport ADR.

The same relay as `relay_sansio`, with the library's own tasks, queues and coroutines,
also on uvloop. Run: `python -m bench.relay_asyncio PORT`.
"""

from __future__ import annotations

import asyncio
import http
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bench.relay import CHALLENGE, HEALTH_BODY, Relay

__all__ = ["AsyncPeer", "run"]

MAX_FRAME_BYTES = 26_214_400


class AsyncPeer:
    """A server connection that remembers which node it is."""

    __slots__ = ("connection", "device_id")

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.device_id = ""


def answer_health(connection: ServerConnection, request: Request) -> Response | None:
    """Answer `GET /health`; anything else goes on to the upgrade."""
    if request.path == "/health":
        return connection.respond(http.HTTPStatus.OK, HEALTH_BODY)
    return None


async def run(port: int) -> None:
    """Serve on loopback until cancelled."""
    relay: Relay[AsyncPeer] = Relay()

    async def carry(connection: ServerConnection) -> None:
        peer = AsyncPeer(connection)
        await connection.send(CHALLENGE, text=True)
        try:
            while True:
                message = await connection.recv(decode=False)
                for target, out in relay.handle(peer, message):
                    await target.connection.send(out, text=True)
        except ConnectionClosed:
            relay.forget(peer)

    async with serve(
        carry,
        "127.0.0.1",
        port,
        process_request=answer_health,
        compression=None,
        max_size=MAX_FRAME_BYTES,
        backlog=1024,
    ):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1])))

"""Bare relay: asyncio.Protocol on uvloop driving `websockets`' sans-I/O ServerProtocol.

No task, queue or coroutine per connection or message: the shape our gateway uses,
without any of its rules. Run: `python -m bench.relay_sansio PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import BytesLike

from bench.relay import CHALLENGE, HEALTH_BODY, Relay

__all__ = ["RelaySocket", "serve"]

MAX_FRAME_BYTES = 26_214_400


class RelaySocket(asyncio.Protocol):
    """One TCP connection of the relay."""

    __slots__ = ("_protocol", "_relay", "_transport", "device_id")

    def __init__(self, relay: Relay[RelaySocket]) -> None:
        self._relay = relay
        self._protocol = ServerProtocol(max_size=MAX_FRAME_BYTES)
        self.device_id = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame):
                if event.opcode is Opcode.TEXT:
                    self._relay_message(event.data)
            elif isinstance(event, Request):
                self._answer_request(event)
        self._flush()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._relay.forget(self)

    def send(self, message: bytes) -> None:
        """Send one text message, unless the socket is already closing."""
        if self._protocol.state is OPEN:
            self._protocol.send_text(message)
            self._flush()

    def _relay_message(self, message: BytesLike) -> None:
        for peer, out in self._relay.handle(self, message):
            peer.send(out)

    def _answer_request(self, request: Request) -> None:
        protocol = self._protocol
        if request.path == "/health":
            protocol.send_response(protocol.reject(200, HEALTH_BODY))
            return
        protocol.send_response(protocol.accept(request))
        protocol.send_text(CHALLENGE)

    def _flush(self) -> None:
        for chunk in self._protocol.data_to_send():
            if chunk:
                self._transport.write(chunk)
            else:
                self._transport.close()


async def serve(port: int) -> None:
    """Serve on loopback until cancelled."""
    relay: Relay[RelaySocket] = Relay()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: RelaySocket(relay), "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

"""A WebSocket client in plain bytes, for what a library would never send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import orjson
from websockets.frames import Frame, Opcode

from openclaw_core.testing import PATIENCE_SECONDS, TestGateway

__all__ = ["Opcode", "RawSocket", "encode_frame", "encode_request"]


def encode_frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """One masked frame."""
    return Frame(opcode, data, fin).serialize(mask=True)


def encode_request(method: str, params: Any = None, request_id: str = "1") -> bytes:
    """A request as one text frame."""
    body = {"type": "req", "id": request_id, "method": method}
    return encode_frame(Opcode.TEXT, orjson.dumps(body if params is None else {**body, "params": params}))


class RawSocket:
    """Sends bytes as given and parses what comes back; answers no ping by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.head = b""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, gateway: TestGateway, path: str = "/", *, behind: bytes = b"", **headers: str
    ) -> AsyncIterator[Self]:
        """Upgrade, and keep the head of the response; header names with `_` for `-`.

        Args:
            behind: sent in the same segment as the request.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port, limit=2**16)
        raw = cls(reader, writer)
        lines = [f"GET {path} HTTP/1.1", "Host: gateway", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await raw.send("\r\n".join([*lines, "", ""]).encode() + behind)
        async with asyncio.timeout(PATIENCE_SECONDS):
            raw.head = await reader.readuntil(b"\r\n\r\n")
        try:
            yield raw
        finally:
            writer.transport.abort()

    async def send(self, data: bytes) -> None:
        """Hand bytes to the kernel, as they are."""
        self._writer.write(data)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """The next frame: its opcode and data.

        Raises:
            asyncio.IncompleteReadError: the gateway hung up.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            first, length = await self._reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8), "big")
            return first & 0x0F, await self._reader.readexactly(length)

    async def receive_json(self) -> Any:
        """The next text frame's value; pings on the way are dropped."""
        while True:
            opcode, data = await self.receive()
            if opcode == Opcode.TEXT:
                return orjson.loads(data)
            assert opcode == Opcode.PING, (opcode, data)

    async def receive_answer(self) -> tuple[str, bool]:
        """The next response's id, and whether it is a good one; events on the way are dropped."""
        while (frame := await self.receive_json())["type"] != "res":
            pass
        return frame["id"], frame["ok"]

    async def hung_up(self) -> bytes:
        """Wait for the end of the stream; what came before it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return await self._reader.read(-1)
            except ConnectionResetError:
                return b""

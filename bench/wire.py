"""A WebSocket client codec small enough not to be what a load test measures.

Whole text messages only, masked with one fixed non-zero key (the server has to unmask
like for any client; a zero key would let some servers skip that), no extensions.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import cast

from websockets.frames import Close
from websockets.speedups import apply_mask

__all__ = ["ClientSocket", "encode_frame"]

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_MASK = b"\x6b\x1f\xc3\x92"
_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def encode_frame(payload: bytes, opcode: int = _TEXT) -> bytes:
    """One final masked frame of `payload`."""
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | opcode, 0x80 | length))
    elif length < 65_536:
        head = bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, "big")
    return head + _MASK + apply_mask(payload, _MASK)


class ClientSocket(asyncio.Protocol, ABC):
    """Client end of one WebSocket; subclasses say what a message means."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._buffer = b""
        self._upgraded = False
        self._reading = False
        self._out: list[bytes] = []
        self.closed: asyncio.Future[str] = loop.create_future()
        """Resolves to why the socket ended, e.g. `1008 slow consumer` or `end of stream`."""
        self._why = "end of stream"

    @abstractmethod
    def received(self, message: bytes) -> None:
        """Take one whole text message."""

    def send(self, message: bytes) -> None:
        """Send one text message; those sent while reading leave together afterwards."""
        if self._reading:
            self._out.append(encode_frame(message))
        else:
            self._transport.write(encode_frame(message))

    def close(self) -> None:
        """Start a normal close; `closed` resolves when the server ended it."""
        if not self.closed.done():
            self._transport.write(encode_frame(b"\x03\xe8", _CLOSE))

    def abort(self) -> None:
        """Drop the TCP connection."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_UPGRADE)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(self._why if exc is None else f"{self._why}: {exc}")

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if not self._upgraded:
            data = self._finish_upgrade(data)
        self._reading = True
        try:
            self._read_frames(data)
        finally:
            self._reading = False
            if self._out:
                # uvloop writes at once, so one write is one system call
                self._transport.write(b"".join(self._out))
                self._out.clear()

    def _read_frames(self, data: bytes) -> None:
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
            elif length == 127:
                length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
            end = start + length
            if end > size or start > size:
                break
            if data[at] == 0x81:
                self.received(data[start:end])
            else:
                self._control(data[at], data[start:end])
            at = end
        if at < size:
            self._buffer = data[at:]

    def _finish_upgrade(self, data: bytes) -> bytes:
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            self._buffer = data
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            self._why = f"upgrade refused: {head.splitlines()[0].decode()}"
            self._transport.abort()
            return b""
        self._upgraded = True
        return rest

    def _control(self, head: int, payload: bytes) -> None:
        if head == 0x80 | _PING:
            self._transport.write(encode_frame(payload, _PONG))
        elif head == 0x80 | _CLOSE:
            self._why = str(Close.parse(payload))
            self._transport.write(encode_frame(payload[:2], _CLOSE))
            self._transport.close()
        elif head != 0x80 | _PONG:
            self._why = f"unexpected frame head {head:#04x}"
            self._transport.abort()

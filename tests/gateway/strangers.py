"""Raw sockets that say what no client would, and a gateway that is watched while they do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import orjson
from pydantic import ValidationError
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.utils import apply_mask

from openclaw_core.protocol.frames import EventFrame, ResponseFrame
from openclaw_core.testing import PATIENCE_SECONDS, FakeDevice, TestGateway, Wire, node_params, plugins_of
from tests.gateway.conftest import DEMO
from tests.gateway.leftovers import until

__all__ = ["UPGRADE", "Lab", "Stranger", "build_frame", "split"]

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_MASK = b"\x37\xfa\x21\x3d"
_ERROR_CODES = {"INVALID_REQUEST", "NOT_PAIRED", "FORBIDDEN", "UNAVAILABLE"}
# PROTOCOL 1.4, and what RFC 6455 adds for frames; 1011 is missing: it is an unhandled exception.
_CLOSE_CODES = {1000, 1002, 1003, 1007, 1008, 1009, 1012, 4001}


def build_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    claims: int | None = None,
    width: int = 0,
) -> bytes:
    """A WebSocket frame, right or wrong.

    Args:
        rsv: the three reserved bits.
        claims: the length that the header names, when it is not the payload's.
        width: 2 or 8 to spell a short length in that many bytes.
    """
    size = len(payload) if claims is None else claims
    head = bytes(((fin << 7) | (rsv << 4) | opcode,))
    mask_bit = 0x80 if masked else 0
    if width == 8 or size > 0xFFFF:
        head += struct.pack("!BQ", mask_bit | 127, size)
    elif width == 2 or size > 125:
        head += struct.pack("!BH", mask_bit | 126, size)
    else:
        head += bytes((mask_bit | size,))
    if not masked:
        return head + payload
    return head + _MASK + apply_mask(payload, _MASK)


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The data in pieces; cut positions count modulo its length."""
    places = sorted({cut % len(data) for cut in cuts}) if data else []
    edges = [0, *(place for place in places if place), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


class Stranger:
    """One TCP connection to the gateway's port.

    Attributes:
        heard: every valid response frame so far.
        close: the close frame's code, None while there was none.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = Protocol(Side.CLIENT, max_size=None)
        self._frames: deque[Frame] = deque()
        self._hung_up = False
        self.heard: list[dict[str, Any]] = []
        self.close: int | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def dial(cls, port: int) -> AsyncIterator[Self]:
        """Open a connection; closed, and its end seen, when left."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def say(self, *pieces: bytes) -> None:
        """Send each piece in a segment of its own; the gateway reads in between."""
        for piece in pieces:
            self._writer.write(piece)
            await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Say that nothing more comes; answers may still be read."""
        self._hung_up = True
        with contextlib.suppress(OSError):  # the gateway was faster
            self._writer.write_eof()

    async def read_all(self) -> bytes:
        """Everything until the gateway closes."""
        chunks = []
        with contextlib.suppress(ConnectionError):
            while chunk := await self._reader.read(65_536):
                chunks.append(chunk)
        return b"".join(chunks)

    async def upgrade(self) -> dict[str, Any]:
        """Become a WebSocket; the challenge."""
        self._writer.write(UPGRADE)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        frame = await self.next_frame()
        assert frame is not None
        challenge: dict[str, Any] = orjson.loads(frame.data)["payload"]
        return challenge

    async def connect(self, params: dict[str, Any], device: FakeDevice | None = None) -> dict[str, Any]:
        """Upgrade and finish the handshake, which must succeed; hello-ok."""
        challenge = await self.upgrade()
        if device is not None:
            params = {**params, "device": device.prove(params, challenge["nonce"], challenge["ts"])}
        await self.request("connect", params)
        hello = await self.answer("connect")
        assert hello is not None
        assert hello["ok"], hello
        return hello

    async def request(self, method: str, params: Any = None) -> None:
        """Send a request whose id is its method's name."""
        body = {"type": "req", "id": method, "method": method, "params": params}
        await self.say(build_frame(Opcode.TEXT, orjson.dumps(body)))

    async def answer(self, request_id: str) -> dict[str, Any] | None:
        """Listen up to a response; None when the gateway closed instead."""
        while (frame := await self.next_frame()) is not None:
            message = self._take(frame)
            if message is not None and message["type"] == "res" and message["id"] == request_id:
                return message
        return None

    async def first_answer(self) -> dict[str, Any] | None:
        """Listen up to any response; None when the gateway closed instead."""
        while not self.heard and (frame := await self.next_frame()) is not None:
            self._take(frame)
        return self.heard[0] if self.heard else None

    async def event(self, name: str) -> dict[str, Any]:
        """Listen up to an event; its payload."""
        while (frame := await self.next_frame()) is not None:
            message = self._take(frame)
            if message is not None and message.get("event") == name:
                payload: dict[str, Any] = message["payload"]
                return payload
        raise AssertionError(f"closed with {self.close} before {name}")

    async def listen(self) -> None:
        """Listen until the gateway closes."""
        while (frame := await self.next_frame()) is not None:
            self._take(frame)

    async def next_frame(self) -> Frame | None:
        """The next frame; None when the socket is gone."""
        while not self._frames:
            try:
                data = await self._reader.read(65_536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self._parser.receive_data(data)
            assert self._parser.parser_exc is None, "the gateway sent a malformed frame"
            self._frames.extend(event for event in self._parser.events_received() if isinstance(event, Frame))
            if self._parser.close_rcvd is not None and not self._hung_up:
                # Echo the close, so that the gateway need not wait for it.
                self._writer.write(b"".join(self._parser.data_to_send()))
        return self._frames.popleft()

    def _take(self, frame: Frame) -> dict[str, Any] | None:
        if frame.opcode is Opcode.CLOSE:
            self.close = self._parser.close_rcvd.code if self._parser.close_rcvd else None
        if frame.opcode is not Opcode.TEXT:
            return None
        message: dict[str, Any] = orjson.loads(frame.data)
        check_message(message)
        if message["type"] == "res":
            self.heard.append(message)
        return message


def check_message(message: dict[str, Any]) -> None:
    """It is a response or an event of the contract; a refusal has a documented code."""
    if message["type"] == "event":
        EventFrame.model_validate(message)
        return
    try:
        ResponseFrame.model_validate(message)
    except ValidationError as problem:
        raise AssertionError(f"not a response frame: {message!r}") from problem
    assert message["ok"] is ("error" not in message)
    error = message.get("error", {"code": "UNAVAILABLE"})
    assert error["code"] in _ERROR_CODES, message
    assert (error.get("details") or {}).get("code") != "INTERNAL", message


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(logging.Formatter().format(record))


class Lab:
    """A gateway, a bystander and a node that echoes; one event loop for many examples.

    Attributes:
        node_id: of the echoing node.
        device: approved as a node with the demo commands, for strangers to connect as.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._errors = _Errors()
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self.device = FakeDevice()
        self.gateway: TestGateway
        self.bystander: Wire
        self.node_id = ""

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self._errors)
        self._runner.get_loop().set_exception_handler(self._note)
        self.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stack.aclose())
        self._runner.close()
        logging.getLogger().removeHandler(self._errors)
        assert self._errors.texts == []

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run one example to its end."""
        self._runner.run(work)

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._errors.texts.append(repr(context))

    async def _open(self) -> None:
        overrides = {"auth.rateLimit": {"exemptLoopback": False, "maxAttempts": 1_000_000}}
        self.gateway = TestGateway(self._directory, plugins_of(DEMO), overrides)
        await self._stack.enter_async_context(self.gateway)
        commands = ["demo.echo", "demo.any"]
        self.bystander = await self.gateway.operator()
        node, self.node_id = await self.gateway.node(commands)
        echo = asyncio.create_task(_echo(node, self.node_id))
        self._stack.callback(echo.cancel)
        first, _ = await self.gateway.node(commands, device=self.device)
        await first.socket.close()
        await self.check_unharmed()

    def stranger(self) -> AbstractAsyncContextManager[Stranger]:
        """A connection of this lab's gateway, as context manager."""
        return Stranger.dial(self.gateway.server.port)

    def node_params(self) -> dict[str, Any]:
        """Connect params that admit `device`."""
        return node_params(["demo.echo", "demo.any"])

    async def check_unharmed(
        self, sent_close: Sequence[int | None] = (), stranger: Stranger | None = None
    ) -> None:
        """Nothing is left of the stranger, nothing was logged, the bystander is served.

        Args:
            sent_close: codes that the stranger's own close frames had; they are echoed.
        """
        if stranger is not None and stranger.close is not None:
            assert stranger.close in (_CLOSE_CODES | set(sent_close)), stranger.close
        gateway = self.gateway.server.gateway
        await until(
            lambda: (
                len(gateway.connections) == 2
                and not gateway.door
                and not gateway._tasks
                and not len(gateway.runtime.invokes)
                and not gateway.runtime.registry._locks
            ),
            "only the bystander and the echoing node are left",
        )
        assert (await self.bystander.call("health"))["ok"] is True
        self.bystander.events.clear()
        logged, self._errors.texts = self._errors.texts, []
        assert logged == []


async def _echo(node: Wire, node_id: str) -> None:
    """Answer every invoke with its own params."""
    while True:
        frame = orjson.loads(await node.socket.recv())
        if frame.get("event") == "node.invoke.request":
            asked = frame["payload"]
            result = {"id": asked["id"], "nodeId": node_id, "ok": True}
            await node.post("node.invoke.result", {**result, "payloadJSON": asked.get("paramsJSON")})

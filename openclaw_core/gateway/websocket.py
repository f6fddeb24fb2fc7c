"""The WebSocket engine: `websockets`' sans-I/O protocol driven by asyncio callbacks.

uvicorn hands over the upgrade request; from then on bytes go in, whole messages come out.
There is no task, queue or coroutine per message or per idle connection. Everything that
knows the engine is in this class, so that a faster one can take its place.
"""

from __future__ import annotations

import asyncio
import logging
import re
from http import HTTPStatus
from struct import Struct
from typing import cast

from uvicorn.server import ServerState
from websockets.datastructures import MultipleValuesError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import CONNECTING, OPEN, Protocol, Side
from websockets.server import ServerProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled wheel
    from websockets.utils import apply_mask

from openclaw_core.gateway.upgrade import HttpRefusal, UpgradeWaits
from openclaw_core.protocol.limits import CLOSE_INTERNAL, CLOSE_REASON_BYTES, PRE_AUTH_FRAME_BYTES

__all__ = ["Outbox", "WebSocket", "cut_reason"]

_CLOSE_GRACE_SECONDS = 2.0
_FIN_TEXT = 0x81
_FIN_BINARY = 0x82
_MASKED = 0x80
_RESERVED_OPCODES = frozenset((3, 4, 5, 6, 7, 11, 12, 13, 14, 15))
_SHORT_HEADERS = tuple(bytes((_FIN_TEXT, size)) for size in range(126))
_MEDIUM_HEADER = Struct("!BBH").pack
_LONG_HEADER = Struct("!BBQ").pack
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # what HTTP allows as a subprotocol's name

_log = logging.getLogger(__name__)
# The library announces each upgrade at INFO; this project logs for itself.
_quiet = logging.getLogger("openclaw_core.gateway.websocket.engine")
_quiet.setLevel(logging.WARNING)


def cut_reason(reason: str) -> str:
    """A close reason of at most 123 bytes UTF-8, never cut inside a character (1.3)."""
    return reason.encode()[:CLOSE_REASON_BYTES].decode(errors="ignore")


class Outbox:
    """Gathers what sockets send during one turn of the event loop: one system call per socket."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[WebSocket] = []

    def add(self, socket: WebSocket) -> None:
        """Flush this socket at the end of the turn."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(socket)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for socket in waiting:
            socket.flush()


class WebSocket(asyncio.Protocol):
    """One socket. Subclasses implement `on_upgrade`, `on_open`, `on_message`, `on_lost`."""

    __slots__ = (
        "_close_timer",
        "_early",
        "_fragments",
        "_held",
        "_loop",
        "_need",
        "_opened",
        "_out",
        "_out_bytes",
        "_outbox",
        "_partial",
        "_server_connections",
        "_transport",
        "_ws",
        "alive",
        "closing",
    )

    def __init__(self, server_state: ServerState, outbox: Outbox, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._outbox = outbox
        self._server_connections = cast("set[object]", server_state.connections)
        self._ws: Protocol = ServerProtocol(extensions=None, logger=_quiet)
        self._opened = False
        self._held: Request | None = None
        self._early = b""  # frames of a client that did not wait for the answer to its upgrade
        self._transport: asyncio.Transport
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._partial: bytearray | None = None
        self._need = 0  # bytes that complete what `_partial` began
        self._fragments: bytearray | None = None
        self._close_timer: asyncio.TimerHandle | None = None
        self.closing = False
        self.alive = True
        """False from a ping until its pong."""

    def on_upgrade(self, request: Request) -> None:
        """Inspect the upgrade request; raise `HttpRefusal` to refuse it, `UpgradeWaits` to wait."""

    def on_gave_up(self) -> None:
        """The socket is gone before its upgrade was answered."""

    def on_refused(self, status: int) -> None:
        """The upgrade was answered with this HTTP status instead."""

    def on_open(self) -> None:
        """The upgrade is answered; messages may be sent."""

    def on_message(self, data: bytes) -> None:
        """A whole text or binary message."""

    def on_broken(self, close_code: int) -> None:
        """The engine refused what came after the upgrade and closes with this code."""

    def on_lost(self) -> None:
        """The socket is gone; called exactly once after an accepted upgrade."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server_connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Whole unfragmented frames are cut out here; anything else is the library's.

        The library only ever sees whole frames, so its parser stands at a frame's border
        whenever the fast path runs, and every rule about odd frames stays in one place.
        """
        if self._held is not None:
            self._early += data
            if len(self._early) > PRE_AUTH_FRAME_BYTES:
                self.abort()
            return
        if self._partial is not None:
            self._partial += data
            if len(self._partial) < self._need:
                return
            data, self._partial = bytes(self._partial), None
        at, size = 0, len(data)
        while at < size:
            if self._ws.state is not OPEN:
                self._receive_slowly(data[at:])
                return
            at = self._take_frame(data, at, size)
            if at == 0:
                return

    def eof_received(self) -> bool:
        self._ws.receive_eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server_connections.discard(self)
        if self._close_timer is not None:
            self._close_timer.cancel()
        self.closing = True
        self._fragments = self._partial = None
        self._out.clear()
        if self._opened:
            self.on_lost()
        elif self._held is not None:
            self._held = None
            self.on_gave_up()

    # uvicorn's graceful stop

    def shutdown(self) -> None:
        """Called by uvicorn for each open connection when the server stops."""
        self.abort()

    # Sending

    @property
    def buffered_bytes(self) -> int:
        """Bytes handed over but not yet taken by the kernel."""
        return self._out_bytes + self._transport.get_write_buffer_size()

    def send(self, message: bytes) -> bool:
        """Send one text message; False when the socket is closing."""
        if self.closing:
            return False
        size = len(message)
        if size < 126:
            header = _SHORT_HEADERS[size]
        elif size < 65_536:
            header = _MEDIUM_HEADER(_FIN_TEXT, 126, size)
        else:
            header = _LONG_HEADER(_FIN_TEXT, 127, size)
        self._write(header + message)
        return True

    def ping(self) -> None:
        """Send a ping; `alive` turns False until the pong."""
        if not self.closing:
            self.alive = False
            self._ws.send_ping(b"")
            self._take_engine_output()

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake; what the peer sends from now on is dropped."""
        if self.closing:
            return
        self.closing = True
        if self._ws.state is OPEN:
            self._ws.send_close(code, cut_reason(reason))
            self._take_engine_output()
        self.flush()
        self._close_soon()

    def abort(self) -> None:
        """Drop the socket without a close frame."""
        self.closing = True
        self._transport.abort()

    def flush(self) -> None:
        """Hand everything gathered to the kernel."""
        out = self._out
        if out:
            self._out = []
            self._out_bytes = 0
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def allow_message_size(self, size: int) -> None:
        """Change the cap on incoming messages, in bytes."""
        self._ws.max_message_size = size

    def answer_held(self) -> None:
        """Inspect a waiting upgrade request again; does nothing when its socket is gone."""
        request, self._held = self._held, None
        if request is None or self.closing or self._ws.state is not CONNECTING:
            return  # the peer hung up; the loop tells so in a moment
        self._answer_upgrade(request)
        early, self._early = self._early, b""
        if early and not self.closing:
            self.data_received(early)

    # The engine

    def _take_frame(self, data: bytes, at: int, size: int) -> int:
        """Handle the frame that starts at `at`; where the next one starts, or 0 to wait."""
        if size - at < 2:
            return self._keep(data, at, 2)
        length = data[at + 1] & 0x7F
        mask = at + 2 if length < 126 else at + 4 if length == 126 else at + 10
        if size < mask:
            return self._keep(data, at, mask - at)
        if length >= 126:
            length = int.from_bytes(data[at + 2 : mask], "big")
        ws = self._ws
        limit = ws.max_message_size
        if not data[at + 1] & _MASKED or (limit is not None and length > limit):
            self._receive_slowly(data[at:])  # refused by its header; the library says how
            return 0
        start = mask + 4
        end = start + length
        if size < end:
            return self._keep(data, at, end - at, length)
        if data[at] in (_FIN_TEXT, _FIN_BINARY) and ws.current_size is None:
            if not self.closing:
                self._deliver(apply_mask(data[start:end], data[mask:start]))
        else:
            self._receive_slowly(data[at:end])
        return end

    def _keep(self, data: bytes, at: int, need: int, length: int = 0) -> int:
        """Wait for the rest of a frame, unless its header is reason enough to refuse it."""
        ws = self._ws
        room = None if ws.max_message_size is None else ws.max_message_size - (ws.current_size or 0)
        if len(data) - at >= 2 and (
            not data[at + 1] & _MASKED
            or data[at] & 0x0F in _RESERVED_OPCODES
            or (room is not None and length > room)
        ):
            self._receive_slowly(data[at:])
            return 0
        self._partial = bytearray(data[at:])
        self._need = need
        return 0

    def _receive_slowly(self, data: bytes) -> None:
        ws = self._ws
        if ws.eof_sent:
            return  # refused before; what still arrives is dropped until the peer hangs up
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Frame):
                self._on_frame(event)
            elif isinstance(event, Request):
                self._answer_upgrade(event)
        self._take_engine_output()
        if self._opened and ws.parser_exc is not None and ws.close_sent is not None and not self.closing:
            self.on_broken(ws.close_sent.code)
        if ws.close_expected():
            self._close_soon()

    def _answer_upgrade(self, request: Request) -> None:
        upgrade = cast("ServerProtocol", self._ws)
        response = upgrade.accept(request)
        try:
            if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                self.on_upgrade(request)
                offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")[0].strip()
                if _TOKEN.match(offered):
                    response.headers["Sec-WebSocket-Protocol"] = offered
        except UpgradeWaits:
            self._held = request
            return
        except HttpRefusal as refusal:
            response = refusal.to_response()
        except MultipleValuesError as error:  # which of two origins or hosts would be the true one?
            body = f"header {error} came more than once: send it once".encode(errors="replace")
            response = HttpRefusal(HTTPStatus.BAD_REQUEST, "text/plain; charset=utf-8", body).to_response()
        upgrade.send_response(response)
        self._take_engine_output()
        if upgrade.state is not OPEN:
            self.on_refused(response.status_code)
        else:
            # From here on only frames: an engine without the upgrade's headers is 6 KiB lighter.
            self._ws = Protocol(Side.SERVER, max_size=PRE_AUTH_FRAME_BYTES, logger=_quiet)
            self._opened = True
            self.on_open()

    def _on_frame(self, frame: Frame) -> None:
        if self.closing:
            return
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if self._fragments is None:
                self._fragments = bytearray()
            self._fragments += frame.data
            if frame.fin:
                message, self._fragments = bytes(self._fragments), None
                self._deliver(message)
        elif frame.opcode is Opcode.PONG:
            self.alive = True

    def _deliver(self, message: bytes) -> None:
        try:
            self.on_message(message)
        except Exception:
            # The last fence: one connection's fault must never reach another one.
            _log.exception("a message broke its connection's handler")
            self.close(CLOSE_INTERNAL, "internal error")

    def _write(self, data: bytes) -> None:
        if not self._out:
            self._outbox.add(self)
        self._out.append(data)
        self._out_bytes += len(data)

    def _take_engine_output(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._write(data)
            else:
                self.flush()
                if self._transport.can_write_eof():
                    self._transport.write_eof()

    def _close_soon(self) -> None:
        self.closing = True
        if self._close_timer is None:
            self._close_timer = self._loop.call_later(_CLOSE_GRACE_SECONDS, self._transport.abort)

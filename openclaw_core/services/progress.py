"""Output of one running invoke on its way to the operator that asked for it (PROTOCOL 11.5).

Back-pressure instead of a queue: while the operator's socket holds more than
`STREAM_BUFFER_BYTES`, the node's call is answered late, and a node that waits for its answers
stops producing. One that does not wait gets at most `MAX_WAITING` chunks held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

from openclaw_core.errors import RpcError
from openclaw_core.services.events import encode_event

__all__ = ["IGNORED", "MAX_WAITING", "STREAM_BUFFER_BYTES", "Listener", "Listening", "Stream"]

STREAM_BUFFER_BYTES = 1_048_576
MAX_WAITING = 128
_LOOK_AGAIN_S = 0.05

TAKEN = b'{"ok":true,"ignored":false}'
IGNORED = b'{"ok":true,"ignored":true}'
DROPPED = b'{"ok":true,"ignored":true,"dropped":true}'

Answer = Callable[[bytes | RpcError], None]

F = TypeVar("F", bound=Hashable)


class Listener(Protocol):
    """The connection that wants the progress."""

    @property
    def conn_id(self) -> str: ...
    @property
    def buffered_bytes(self) -> int: ...

    def send(self, message: bytes) -> bool:
        """Send one encoded frame; False when the socket is closing."""


class Stream:
    """Puts chunks in the order of their `seq` and lets them through as fast as the operator reads."""

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop, facts: dict[str, Any]) -> None:
        self.listener = listener
        self._loop = loop
        self._facts = facts
        self._next = 0
        self._waiting: dict[int, tuple[str, Answer]] = {}
        self._lossy = False  # chunks were dropped, so a gap is not worth waiting for
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def started(self) -> bool:
        """The node sent something."""
        return self._next > 0 or bool(self._waiting) or self._lossy

    def take(self, invoke_id: str, seq: int, chunk: str, answer: Answer) -> None:
        """A chunk from the node; `answer` is called once, late when the operator is slow."""
        waiting = self._waiting
        if self._closed or seq < self._next or seq in waiting:
            answer(IGNORED)
            return
        if len(waiting) >= MAX_WAITING and seq != self._next:
            if self._next in waiting:
                self._lossy = True
                answer(DROPPED)
                return
            # Whatever is missing did not come within 128 chunks: the operator sees the gap.
            self._lossy = True
        elif self._lossy and not waiting:
            self._next, self._lossy = seq, False
        self._facts["invokeId"] = invoke_id
        waiting[seq] = (chunk, answer)
        self._pump()

    def finish(self) -> None:
        """The invoke is over: what is held goes out in order, and nothing more comes."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for seq in sorted(self._waiting):
            self._deliver(seq)

    def _pump(self) -> None:
        while self._waiting:
            if self._next not in self._waiting:
                if not self._lossy:
                    return
                self._next, self._lossy = min(self._waiting), False
            if self.listener.buffered_bytes > STREAM_BUFFER_BYTES:
                if self._timer is None:
                    self._timer = self._loop.call_later(_LOOK_AGAIN_S, self._look_again)
                return
            self._deliver(self._next)
            self._next += 1

    def _look_again(self) -> None:
        self._timer = None
        self._pump()

    def _deliver(self, seq: int) -> None:
        chunk, answer = self._waiting.pop(seq)
        event = encode_event("node.invoke.progress", {**self._facts, "seq": seq, "chunk": chunk})
        answer(TAKEN if self.listener.send(event) else IGNORED)


class Listening(Generic[F]):
    """Which invokes a connection listens to."""

    def __init__(self) -> None:
        self._by_connection: dict[str, set[F]] = {}

    def add(self, conn_id: str, flight: F) -> None:
        """The connection listens to one more."""
        self._by_connection.setdefault(conn_id, set()).add(flight)

    def discard(self, conn_id: str, flight: F) -> None:
        """One is over."""
        flights = self._by_connection.get(conn_id)
        if flights is not None:
            flights.discard(flight)
            if not flights:
                del self._by_connection[conn_id]

    def leave(self, conn_id: str) -> set[F]:
        """The connection is gone; what it listened to."""
        return self._by_connection.pop(conn_id, set())

"""Progress and input of one running invoke, seen from the node (PROTOCOL 11.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from pydantic import ValidationError

from openclaw_core.errors import RpcError
from openclaw_core.protocol.base import NonEmpty, OpenWire
from openclaw_core.protocol.streams import CHUNK_CHARS, NodeInvokeInput

__all__ = ["MOST_INPUTS", "InvokeStreams", "SendProgress"]

MOST_INPUTS = 128
"""Inputs that may wait for a command to read them; one more ends the command."""

SendProgress = Callable[[dict[str, Any]], Awaitable[Any]]
"""Delivers the params of one `node.invoke.progress`; its result. Raises RpcError."""

_log = logging.getLogger(__name__)


class IncomingInput(NodeInvokeInput, OpenWire):
    """`node.invoke.input` as any gateway may send it: unknown fields are fine."""

    node_id: NonEmpty = "-"


class InvokeStreams:
    """What a command says and hears while it runs.

    The gateway does not tell beforehand whether somebody listens: the first chunk asks, and
    after an answer with `ignored: true` nothing more is sent.

    Args:
        send: None where progress has no way to anybody, e.g. for work from the queue.

    Attributes:
        overflowed: more inputs came than the command reads.
    """

    def __init__(self, invoke_id: str, node_id: str, send: SendProgress | None) -> None:
        self._ids = {"invokeId": invoke_id, "nodeId": node_id}
        self._send = send
        self._wanted = send is not None
        self._seq = 0
        self._turn = asyncio.Lock()
        self._inputs: asyncio.Queue[Any] = asyncio.Queue(MOST_INPUTS)
        self._next_input = 0
        self.overflowed = False

    async def progress(self, text: str) -> bool:
        """Send output and wait until the gateway took it; False when nobody listens."""
        async with self._turn:  # chunks of two callers must not mix
            for start in range(0, len(text), CHUNK_CHARS):
                if self._wanted:
                    self._wanted = await self._send_chunk(text[start : start + CHUNK_CHARS])
        return self._wanted

    async def _send_chunk(self, chunk: str) -> bool:
        assert self._send is not None
        params = {**self._ids, "seq": self._seq, "chunk": chunk}
        self._seq += 1
        try:
            answer = await self._send(params)
        except RpcError as error:
            _log.debug("progress of invoke %s was not taken: %s", self._ids["invokeId"], error)
            return False
        if not isinstance(answer, dict) or answer.get("dropped") is True:
            return True
        return answer.get("ignored") is not True

    async def inputs(self) -> AsyncIterator[Any]:
        """Inputs in their order, as JSON data; ends only with the command."""
        while True:
            yield await self._inputs.get()

    def take(self, payload: Any) -> None:
        """An input event; repeated ones and those that are no JSON are ignored."""
        try:
            event = IncomingInput.model_validate(payload)
            value = orjson.loads(event.payload_json)
        except (ValidationError, orjson.JSONDecodeError) as error:
            _log.warning("an input for invoke %s is ignored: %s", self._ids["invokeId"], error)
            return
        if event.seq < self._next_input:
            return
        self._next_input = event.seq + 1
        try:
            self._inputs.put_nowait(value)
        except asyncio.QueueFull:
            self.overflowed = True

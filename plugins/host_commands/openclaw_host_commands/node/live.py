"""A running program's output on its way to whoever listens, as fast as that one reads."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["LiveOutput", "Progress"]

HELD_CHARS = 65_536
"""Unsent output beyond this stops the reading of the program's pipes, and so the program."""

_PIPES = (1, 2)

Progress = Callable[[str], Awaitable[bool]]


class LiveOutput:
    """Sends both streams, in the order in which they were read, while the program runs.

    Args:
        progress: takes text and waits until it is through; False when nobody listens.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._decoders = {fd: codecs.getincrementaldecoder("utf-8")("replace") for fd in _PIPES}
        self._unsent: list[str] = []
        self._held = 0
        self._more = asyncio.Event()
        self._paused = False
        self._ended = False
        self._off = False
        self._transport: asyncio.SubprocessTransport | None = None
        self._sender: asyncio.Task[None]

    def start(self, transport: asyncio.SubprocessTransport) -> None:
        """The program runs."""
        self._transport = transport
        self._sender = asyncio.get_running_loop().create_task(self._send())
        if self._paused:  # it was quick
            self._set_reading(False)

    def feed(self, fd: int, data: bytes, final: bool = False) -> None:
        """Take in what was read; `final` completes a character that was cut."""
        text = "" if self._off else self._decoders[fd].decode(data, final)
        if not text:
            return
        self._unsent.append(text)
        self._held += len(text)
        self._more.set()
        if self._held > HELD_CHARS and not self._paused and not self._ended:
            self._paused = True
            self._set_reading(False)

    def program_ended(self) -> None:
        """What is still in its pipes is little, and is read at once."""
        self._ended = True
        self._resume()

    async def finish(self) -> None:
        """Send the rest."""
        for fd in _PIPES:
            self.feed(fd, b"", final=True)
        self._ended = True
        self._more.set()
        await self._sender

    async def close(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._off = True
        self._sender.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)

    async def _send(self) -> None:
        while not (self._ended and not self._unsent):
            await self._more.wait()
            self._more.clear()
            text, self._unsent = "".join(self._unsent), []
            if text and not await self._progress(text):
                self._off = True
                self._resume()
                return
            self._held -= len(text)
            if self._held <= HELD_CHARS:
                self._resume()
            if self._unsent or self._ended:
                self._more.set()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._set_reading(True)

    def _set_reading(self, on: bool) -> None:
        if self._transport is None:
            return
        for fd in _PIPES:
            pipe: Any = self._transport.get_pipe_transport(fd)
            if pipe is not None and not pipe.is_closing():
                (pipe.resume_reading if on else pipe.pause_reading)()

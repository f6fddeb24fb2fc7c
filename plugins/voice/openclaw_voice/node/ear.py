"""The one ear of a node: at most one capture at a time, handed over at once when a person talks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from openclaw_core import NodeHostContext
from openclaw_voice.config import InputConfig
from openclaw_voice.node.pcm import Source
from openclaw_voice.node.segments import Segmenter
from openclaw_voice.node.sound_input import open_input

__all__ = ["Capture", "Ear", "open_ear"]

_MOST_WAITING: Final = 32
_LOOK_S = 0.2


class Capture:
    """What is heard, as stretches of speech; iterate until it ends.

    A thread of its own reads the source and closes it. It waits when 32 stretches were not
    taken, so that a long recording does not fill the memory.

    Attributes:
        handed_over: aborted because somebody else wanted the device.

    Raises:
        CommandError: from the iteration, when the source broke.
    """

    def __init__(self, source: Source, segmenter: Segmenter, limit_s: float | None = None) -> None:
        self._source = source
        self._segmenter = segmenter
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._room = threading.Semaphore(_MOST_WAITING)
        self._aborted = False
        self.handed_over = False
        self._thread = asyncio.ensure_future(asyncio.to_thread(self._hear))

    @property
    def in_speech(self) -> bool:
        """Somebody speaks now."""
        return self._segmenter.in_speech

    @property
    def over(self) -> bool:
        """Nothing is heard any more; the source is closed."""
        return self._thread.done()

    def when_over(self, call: Callable[[], None]) -> None:
        """Call this once the device is free."""
        self._thread.add_done_callback(lambda _: call())

    def finish(self) -> None:
        """Stop to listen; what was said until now is still given."""
        self._source.stop(drain=True)

    def abort(self) -> None:
        """Stop to listen and give nothing more."""
        self._aborted = True
        self._source.stop(drain=False)

    def hand_over(self) -> None:
        """Abort, because somebody else wants the device."""
        self.handed_over = True
        self.abort()

    async def close(self) -> None:
        """Abort and wait until the device is free."""
        self.abort()
        await asyncio.wait({self._thread})

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        item = await self._queue.get()
        self._room.release()
        if isinstance(item, bytes):
            return item
        self._queue.put_nowait(None)  # whoever asks again learns that it is over
        if item is not None:
            raise item
        raise StopAsyncIteration

    def _hear(self) -> None:
        fault: Exception | None = None
        try:
            try:
                self._read()
            finally:
                self._source.close()
        except Exception as error:
            fault = error
        self._loop.call_soon_threadsafe(self._queue.put_nowait, fault)

    def _read(self) -> None:
        while pcm := self._source.read():
            for speech in self._segmenter.feed(pcm):
                self._give(speech)
            if self._aborted or (self._limit_s is not None and self._segmenter.heard_s >= self._limit_s):
                break
        if not self._aborted:
            for speech in self._segmenter.flush():
                self._give(speech)

    def _give(self, speech: bytes) -> None:
        while not self._room.acquire(timeout=_LOOK_S):
            if self._aborted:
                return
        self._loop.call_soon_threadsafe(self._queue.put_nowait, speech)


class Ear:
    """Gives out captures of the node's one source, one at a time."""

    def __init__(self, config: InputConfig) -> None:
        self._config = config
        self._free = asyncio.Lock()
        self._wanted = 0
        self._yielding: Capture | None = None

    @asynccontextmanager
    async def capture(
        self, segmenter: Segmenter, limit_s: float | None = None, *, yields: bool = False
    ) -> AsyncIterator[Capture]:
        """Listen; waits until the ear is free.

        Args:
            limit_s: hear no more than this, in s.
            yields: this capture is handed over when somebody else wants to listen.

        Raises:
            CommandError: `MIC_PERMISSION_REQUIRED` or `UNAVAILABLE`.
        """
        source = await (self._open() if yields else self._open_at_once())
        capture = Capture(source, segmenter, limit_s)
        capture.when_over(self._free.release)
        if yields:
            self._yielding = capture
            if self._wanted:
                capture.hand_over()
        try:
            yield capture
        finally:
            if self._yielding is capture:
                self._yielding = None
            await capture.close()

    async def _open_at_once(self) -> Source:
        self._wanted += 1
        try:
            if self._yielding is not None:
                self._yielding.hand_over()
            return await self._open()
        finally:
            self._wanted -= 1

    async def _open(self) -> Source:
        await self._free.acquire()
        opening = asyncio.ensure_future(asyncio.to_thread(open_input, self._config))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The device is opened in a thread that cannot be stopped: it is closed when it is open.
            opening.add_done_callback(self._close_unwanted)
            raise
        except BaseException:
            self._free.release()
            raise

    def _close_unwanted(self, opening: asyncio.Future[Source]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            opening.result().close()
        self._free.release()


@asynccontextmanager
async def open_ear(context: NodeHostContext) -> AsyncIterator[Ear]:
    """The node's ear, as a shared resource."""
    yield Ear(context.config.input)

"""Push-to-talk: `talk.ptt.start`, `stop`, `cancel`, `once` (PROTOCOL 20.2)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from openclaw_core import CommandError, NodeHostContext
from openclaw_voice.config import TalkConfig
from openclaw_voice.gateway.names import TRANSCRIPT
from openclaw_voice.models import Capture as CaptureResult
from openclaw_voice.node.ear import Capture, Ear, open_ear
from openclaw_voice.node.segments import Segmenter
from openclaw_voice.node.transcriber import Transcriber, open_transcriber

__all__ = ["Talk", "open_talk"]

_LONGEST_STRETCH_S: Final = 15.0


class _Listening:
    """A capture that goes on: words are recognized while the person still speaks."""

    def __init__(self, ear: Ear, transcriber: Transcriber, limit_ms: int) -> None:
        self.capture_id = str(uuid.uuid4())
        self._opened: asyncio.Future[Capture] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._collect(ear, transcriber, limit_ms / 1000))

    async def opened(self) -> None:
        """Wait until the microphone is open.

        Raises:
            CommandError: it cannot be.
        """
        try:
            waiting: set[asyncio.Future[Any]] = {self._opened, self._task}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.drop()
            raise
        if not self._opened.done():
            self._task.result()

    @property
    def over(self) -> bool:
        """It came to its end by itself."""
        return self._task.done()

    async def finish(self) -> str:
        """Stop to listen; what was said.

        Raises:
            CommandError: the microphone or the recognizer broke.
        """
        self._opened.result().finish()
        try:
            return await self._task
        except asyncio.CancelledError:
            await self.drop()
            raise

    async def drop(self) -> None:
        """Stop to listen and forget it; the microphone is free on return."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _collect(self, ear: Ear, transcriber: Transcriber, limit_s: float) -> str:
        async with ear.capture(Segmenter(_LONGEST_STRETCH_S), limit_s) as capture:
            self._opened.set_result(capture)
            await transcriber.warm_up()
            words = [await transcriber.transcribe(speech) async for speech in capture]
        return " ".join(filter(None, words))


class Talk:
    """Push-to-talk of one node; at most one capture goes on."""

    def __init__(self, context: NodeHostContext, ear: Ear, transcriber: Transcriber) -> None:
        self._context = context
        self._config: TalkConfig = context.config.talk
        self._ear = ear
        self._transcriber = transcriber
        self._turn = asyncio.Lock()
        self._listening: _Listening | None = None

    async def start(self) -> str:
        """Listen from now on; the id of the capture, of the one before if it still goes on.

        Raises:
            CommandError: `MIC_PERMISSION_REQUIRED` or `UNAVAILABLE`.
        """
        async with self._turn:
            if self._listening is not None and not self._listening.over:
                return self._listening.capture_id
            listening = _Listening(self._ear, self._transcriber, self._config.max_ms)
            await listening.opened()
            self._listening = listening
            return listening.capture_id

    async def stop(self) -> CaptureResult:
        """Stop to listen and tell what was said."""
        async with self._turn:
            listening, self._listening = self._listening, None
            if listening is None:
                return CaptureResult(capture_id=str(uuid.uuid4()), status="idle")
            text = await listening.finish()
        return await self._tell(listening.capture_id, text)

    async def cancel(self) -> CaptureResult:
        """Stop to listen and forget what was said."""
        async with self._turn:
            listening, self._listening = self._listening, None
            if listening is None:
                return CaptureResult(capture_id=str(uuid.uuid4()), status="idle")
            await listening.drop()
        return CaptureResult(capture_id=listening.capture_id, status="cancelled")

    async def once(self) -> CaptureResult:
        """Listen to one sentence.

        Raises:
            CommandError: as `start`; also `UNAVAILABLE` while another capture goes on.
        """
        async with self._turn:
            if self._listening is not None and not self._listening.over:
                raise CommandError(
                    "UNAVAILABLE", "a capture goes on already; talk.ptt.stop or talk.ptt.cancel ends it"
                )
            capture_id = str(uuid.uuid4())
            async with self._ear.capture(
                Segmenter(_LONGEST_STRETCH_S), self._config.max_ms / 1000
            ) as capture:
                text = await self._sentence(capture)
        return await self._tell(capture_id, text)

    async def close(self) -> None:
        """Let go of the microphone."""
        if self._listening is not None:
            await self._listening.drop()

    async def _sentence(self, capture: Capture) -> str:
        """The first words that are understood; empty when nobody speaks in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._config.once_wait_ms / 1000
        await self._transcriber.warm_up()
        try:
            async with asyncio.timeout_at(deadline) as waiting:
                async for speech in capture:
                    waiting.reschedule(None)  # it is there: recognizing it may take its time
                    text = await self._transcriber.transcribe(speech)
                    if text:
                        return text
                    waiting.reschedule(deadline)
        except TimeoutError:
            if capture.in_speech:
                capture.finish()
                return " ".join([await self._transcriber.transcribe(speech) async for speech in capture])
        return ""

    async def _tell(self, capture_id: str, text: str) -> CaptureResult:
        if not text:
            return CaptureResult(capture_id=capture_id, status="empty")
        said = {"text": text, "eventId": capture_id, "captureId": capture_id}
        taken = await self._context.emit(TRANSCRIPT, said)
        return CaptureResult(capture_id=capture_id, transcript=text, status="queued" if taken else "offline")


@asynccontextmanager
async def open_talk(context: NodeHostContext) -> AsyncIterator[Talk]:
    """The node's push-to-talk, as a shared resource."""
    talk = Talk(context, await context.resource(open_ear), await context.resource(open_transcriber))
    try:
        yield talk
    finally:
        await talk.close()

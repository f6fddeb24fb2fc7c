"""Speech to text on the node itself: pocketsphinx, or faster-whisper where it is set up."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openclaw_core import NodeHostContext
from openclaw_voice.config import TranscriptionConfig
from openclaw_voice.node.recognition import Recognition

__all__ = ["Transcriber", "open_transcriber", "transcriber_fault"]


class Transcriber:
    """The node's transcriber; `close` ends its process."""

    def __init__(self, config: TranscriptionConfig) -> None:
        settings = (
            {"engine": "sphinx"}
            if config.whisper_model is None
            else {"engine": "whisper", "model": str(config.whisper_model), "language": config.language}
        )
        self._recognition = Recognition(settings)
        self.close = self._recognition.close

    async def warm_up(self) -> None:
        """Load it now: it takes a second or more.

        Raises:
            CommandError: `UNAVAILABLE`, the model cannot be read.
        """
        await self.transcribe(b"")

    async def transcribe(self, speech: bytes) -> str:
        """What is said in a stretch of speech; empty when nothing is understood.

        Raises:
            CommandError: as `warm_up`.
        """
        answer = await self._recognition.ask({}, speech)
        return " ".join(str(answer["text"]).split())


def transcriber_fault(config: TranscriptionConfig) -> str | None:
    """Why speech cannot be turned into text here, and the cure; None when it can."""
    if config.whisper_model is None:
        return None
    if importlib.util.find_spec("faster_whisper") is None:
        return "whisperModel is set but faster-whisper is missing: pip install 'openclaw-voice[whisper]'"
    if not (config.whisper_model / "model.bin").is_file():
        return f"whisperModel {config.whisper_model} has no model.bin; name the folder of a CTranslate2 model"
    return None


@asynccontextmanager
async def open_transcriber(context: NodeHostContext) -> AsyncIterator[Transcriber]:
    """The node's transcriber, as a shared resource."""
    transcriber = Transcriber(context.config.transcription)
    try:
        yield transcriber
    finally:
        await transcriber.close()

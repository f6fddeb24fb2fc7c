"""Settings of a node's voice: `plugins.entries.voice.config` of openclaw.json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from openclaw_core.models import Settings

__all__ = ["InputConfig", "SpeechConfig", "TalkConfig", "TranscriptionConfig", "VoiceConfig", "WakeConfig"]

Threshold = Annotated[float, Field(gt=0, le=1)]


class InputConfig(Settings):
    """Where sound comes from: the default microphone unless something is named.

    Attributes:
        device: part of a microphone's name, in any case.
        path: a sound file (WAV, FLAC, MP3, Ogg Vorbis) that is heard from its start each time,
            or a FIFO of raw PCM: 16-bit little-endian, mono, 16,000 Hz.
    """

    device: str | None = Field(None, min_length=1)
    path: Annotated[Path, AfterValidator(Path.expanduser)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.device is not None and self.path is not None:
            raise ValueError("name a device or a path, not both")
        return self


class WakeConfig(Settings):
    """Listening for wake words. Off: a microphone is not opened without its owner's say.

    Attributes:
        enabled: listen all the time.
        transcribe: send what follows a wake word as `voice.transcript`.
        follow_up_ms: how long after a lone wake word the sentence may begin, in ms.
        thresholds: wake word → how sure the recognizer must be, above 0 to 1; smaller hears
            more and errs more.
        pronunciations: word → ARPAbet phones, e.g. `{"jarvis": "JH AA R V IH S"}`, for words the
            dictionary lacks.
    """

    enabled: bool = False
    transcribe: bool = True
    follow_up_ms: int = Field(5_000, ge=0, le=30_000)
    thresholds: dict[str, Threshold] = Field(default_factory=dict)
    pronunciations: dict[str, str] = Field(default_factory=dict)


class TalkConfig(Settings):
    """Push-to-talk.

    Attributes:
        enabled: offer the `talk.ptt.*` commands.
        max_ms: a capture nobody stops ends after this long, in ms.
        once_wait_ms: how long `talk.ptt.once` waits for somebody to speak, in ms.
    """

    enabled: bool = True
    max_ms: int = Field(60_000, ge=1_000, le=300_000)
    once_wait_ms: int = Field(15_000, ge=1_000, le=120_000)


class TranscriptionConfig(Settings):
    """Speech to text.

    Attributes:
        whisper_model: folder of a faster-whisper (CTranslate2) model; the extra `whisper` reads it.
            None uses pocketsphinx with its own English model, which is small and often wrong.
        language: of the speech, for whisper, e.g. `en`; None lets it find out.
    """

    whisper_model: Path | None = None
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}$")


class SpeechConfig(Settings):
    """Speaking.

    Attributes:
        voice: an espeak-ng voice.
        rate_wpm: speed in words per minute.
        device: part of a loudspeaker's name, in any case; None for the default one.
    """

    voice: str = Field("en-us", min_length=1)
    rate_wpm: int = Field(160, ge=80, le=450)
    device: str | None = Field(None, min_length=1)


class VoiceConfig(Settings):
    """All of it; every part has defaults."""

    input: InputConfig = InputConfig()
    wake: WakeConfig = WakeConfig()
    talk: TalkConfig = TalkConfig()
    transcription: TranscriptionConfig = TranscriptionConfig()
    speech: SpeechConfig = SpeechConfig()

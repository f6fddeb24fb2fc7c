"""`voice.speak`: espeak-ng makes the sound, miniaudio plays it."""

from __future__ import annotations

import asyncio
import base64
import io
import shutil
import wave
from dataclasses import dataclass
from typing import Final

from openclaw_core import CommandError
from openclaw_voice.config import VoiceConfig
from openclaw_voice.models import SpeakParams, Spoken
from openclaw_voice.node.speaker import play

__all__ = ["MISSING", "PROGRAM", "Sound", "say", "synthesize"]

PROGRAM: Final = "espeak-ng"
MISSING: Final = f"{PROGRAM} is not installed: sudo apt install espeak-ng"
_HEADER_BYTES = 44
_MOST_BYTES: Final = 15 * 1024 * 1024
"""As Base64 it still fits into one frame of the gateway (25 MiB)."""


@dataclass(frozen=True, slots=True)
class Sound:
    """16-bit mono PCM at `rate` Hz."""

    pcm: bytes
    rate: int

    @property
    def duration_ms(self) -> int:
        """Its length in ms."""
        return len(self.pcm) * 500 // self.rate

    def to_wav(self) -> bytes:
        """The same as a WAV file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(self.rate)
            writer.writeframes(self.pcm)
        return file.getvalue()


async def say(args: SpeakParams, config: VoiceConfig) -> Spoken:
    """Speak, and return when it is said.

    Raises:
        CommandError: `UNAVAILABLE` without synthesiser or loudspeaker, `INVALID_REQUEST` for a voice
            that does not exist, `PAYLOAD_TOO_LARGE` for a sound that fits into no answer.
    """
    speech = config.speech
    sound = await synthesize(args.text, args.voice or speech.voice, args.rate_wpm or speech.rate_wpm)
    if args.output == "speaker":
        await play(sound.pcm, sound.rate, speech.device)
        return Spoken(duration_ms=sound.duration_ms)
    if len(sound.pcm) > _MOST_BYTES:
        raise CommandError(
            "PAYLOAD_TOO_LARGE",
            f"the speech takes {len(sound.pcm)} bytes, more than {_MOST_BYTES}; say it in shorter texts",
        )
    return Spoken(
        duration_ms=sound.duration_ms,
        format="wav",
        base64=base64.b64encode(sound.to_wav()).decode(),
        sample_rate=sound.rate,
    )


async def synthesize(text: str, voice: str, rate_wpm: int) -> Sound:
    """A text as sound.

    Raises:
        CommandError: `UNAVAILABLE` or `INVALID_REQUEST`, as of `say`.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise CommandError("UNAVAILABLE", MISSING)
    # The text goes through a pipe: as an argument it could be taken for an option.
    process = await asyncio.create_subprocess_exec(
        program,
        *("-v", voice, "-s", str(rate_wpm), "-b", "1", "--stdin", "--stdout"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, complaints = await process.communicate(text.encode())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if len(out) <= _HEADER_BYTES:
        return _explain(voice, complaints.decode(errors="replace").strip())
    # The header of a stream does not know its length; its sample rate is true.
    return Sound(out[_HEADER_BYTES:], int.from_bytes(out[24:28], "little"))


def _explain(voice: str, complaints: str) -> Sound:
    if "voice does not exist" in complaints:
        raise CommandError(
            "INVALID_REQUEST",
            f"at /voice: {voice!r} is no voice of {PROGRAM}; `{PROGRAM} --voices` lists them",
        )
    raise CommandError("UNAVAILABLE", f"{PROGRAM} made no sound: {complaints or 'it said nothing why'}")

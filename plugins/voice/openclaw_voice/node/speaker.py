"""Loudspeakers by miniaudio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Final

import miniaudio

from openclaw_core import CommandError
from openclaw_voice.node.microphone import backends, choose_device, shut

__all__ = ["play"]

_PERIOD_MS: Final = 100
_TAIL_MS: Final = 300
"""Silence behind the sound, so that the last of it has left the device before it is closed."""
_STUCK_S: Final = 10.0


async def play(pcm: bytes, rate: int, name: str | None) -> None:
    """Play 16-bit mono PCM and return when it was heard; cancelling stops it at once.

    Args:
        rate: in Hz.
        name: part of the loudspeaker's name; None for the default one.

    Raises:
        CommandError: `UNAVAILABLE`, there is no loudspeaker or it stopped to take sound.
    """
    stop = threading.Event()
    playing = asyncio.ensure_future(asyncio.to_thread(_play, pcm, rate, name, stop))
    try:
        await asyncio.shield(playing)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({playing})
        raise


def _play(pcm: bytes, rate: int, name: str | None, stop: threading.Event) -> None:
    usable = backends("p")
    if not usable:
        raise CommandError(
            "UNAVAILABLE",
            'no loudspeaker was found; start PulseAudio or PipeWire for this user, or ask for output "wav"',
        )
    systems, device_id = choose_device("p", name, usable)
    try:
        device = miniaudio.PlaybackDevice(
            miniaudio.SampleFormat.SIGNED16,
            1,
            rate,
            _PERIOD_MS,
            device_id=device_id,
            backends=systems,
            app_name="OpenClaw",
        )
    except miniaudio.MiniaudioError as error:
        raise CommandError("UNAVAILABLE", f"the loudspeaker could not be opened: {error}") from None
    try:
        feed = _feed(pcm + bytes(2 * rate * _TAIL_MS // 1000), stop)
        next(feed)
        device.start(feed)
        if not stop.wait(len(pcm) / (2 * rate) + _STUCK_S):
            raise CommandError("UNAVAILABLE", "the loudspeaker stopped to take sound; was it unplugged?")
    finally:
        shut(device)


def _feed(pcm: bytes, done: threading.Event) -> Generator[bytes, int, None]:
    frames = yield b""
    position = 0
    while position < len(pcm):
        piece = pcm[position : position + 2 * frames]
        position += len(piece)
        frames = yield piece
    done.set()
    while True:
        frames = yield bytes(2 * frames)

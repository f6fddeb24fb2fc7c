"""The sound of a clip: a tone for the test picture, else the node's microphone through ALSA."""

from __future__ import annotations

import logging
import math
import os
import shutil
import struct
import subprocess
import threading
from pathlib import Path
from typing import Protocol

from openclaw_camera.config import CameraConfig
from openclaw_camera.node.devices import Camera
from openclaw_core import CommandError

__all__ = ["SAMPLE_BYTES", "SAMPLE_RATE", "Microphone", "Recorder", "Tone", "recorder_for"]

SAMPLE_RATE = 48_000
SAMPLE_BYTES = 2

_TONE_HZ = 440
_CARDS = Path("/dev/snd")
_LATE_S = 2.0
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Sound of one clip; `finish` gives 16-bit mono at `SAMPLE_RATE`."""

    def start(self, duration_ms: int, stop: threading.Event) -> None:
        """Begin; returns at once."""

    def finish(self) -> bytes:
        """Wait for the end and let go of the microphone; what there is when it broke off."""


def recorder_for(camera: Camera, config: CameraConfig) -> Recorder | None:
    """What records sound for a clip of that camera; None where there is no microphone.

    Raises:
        CommandError: `MIC_PERMISSION_REQUIRED` when there is one that this user may not use.
    """
    if camera.is_synthetic:
        return Tone()
    microphones = sorted(_CARDS.glob("pcmC*D*c"))
    if not microphones and config.microphone == "default":
        return None
    if microphones and not any(os.access(path, os.R_OK, effective_ids=True) for path in microphones):
        raise CommandError(
            "MIC_PERMISSION_REQUIRED",
            f"the node's user may not open {microphones[0]}; add it to the group that may "
            "(usermod -aG audio USER), or ask with includeAudio false",
        )
    if shutil.which("arecord") is None:
        _log.warning("clips are silent: arecord is missing; install the package alsa-utils")
        return None
    return Microphone(config.microphone)


class Tone:
    """A computed tone."""

    def __init__(self) -> None:
        self._samples = 0

    def start(self, duration_ms: int, _stop: threading.Event) -> None:
        """Takes no time."""
        self._samples = SAMPLE_RATE * duration_ms // 1000

    def finish(self) -> bytes:
        """The whole tone at half volume."""
        step = 2 * math.pi * _TONE_HZ / SAMPLE_RATE
        return struct.pack(
            f"<{self._samples}h", *(round(16_000 * math.sin(step * n)) for n in range(self._samples))
        )


class Microphone:
    """`arecord` of one ALSA device.

    A program of its own, because it reaches PipeWire and PulseAudio through the system's ALSA
    plugins, which the libav that pip installs does not.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._program: subprocess.Popen[bytes] | None = None
        self._pcm = b""
        self._reader = threading.Thread(target=self._read, daemon=True, name="microphone")
        self._wanted = 0
        self._stop = threading.Event()

    def start(self, duration_ms: int, stop: threading.Event) -> None:
        """Starts the program."""
        self._wanted = SAMPLE_RATE * duration_ms // 1000 * SAMPLE_BYTES
        self._stop = stop
        argv = ["arecord", "-q", "-D", self._name, "-t", "raw", "-f", "S16_LE", "-c", "1"]
        self._program = subprocess.Popen(  # noqa: S603 — the name comes from this node's own settings
            [*argv, "-r", str(SAMPLE_RATE)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._reader.start()

    def _read(self) -> None:
        assert self._program is not None
        assert self._program.stdout is not None
        self._pcm = self._program.stdout.read(self._wanted)

    def finish(self) -> bytes:
        """At most a moment longer than the pictures took."""
        program = self._program
        if program is None:
            return b""
        self._reader.join(0 if self._stop.is_set() else _LATE_S)
        program.kill()
        self._reader.join()
        _, said = program.communicate()
        if len(self._pcm) < self._wanted:
            _log.warning("the microphone %s broke off: %s", self._name, said.decode(errors="replace").strip())
        return self._pcm[: len(self._pcm) & ~1]

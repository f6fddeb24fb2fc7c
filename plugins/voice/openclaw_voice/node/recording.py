"""Sound from a file, or from a FIFO (`fifo.py`)."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import miniaudio

from openclaw_core import CommandError
from openclaw_voice.node.pcm import RATE, Source

__all__ = ["EFFECTIVE", "SoundFile", "open_path", "path_fault"]

EFFECTIVE: Final = os.access in os.supports_effective_ids
"""Whether `os.access` can be asked for the rights this process has now."""
_PIECE = 4_096
_FIFO_HINT = "make a FIFO of 16-bit mono PCM at 16,000 Hz with: mkfifo"


def path_fault(path: Path) -> CommandError | None:
    """Why no sound can come from a path; None when it can. Reads nothing of it.

    `MIC_PERMISSION_REQUIRED` when this user may not read it, else `UNAVAILABLE`.
    """
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return _forbidden(path)
    except OSError:
        return CommandError(
            "UNAVAILABLE", f"there is no {path} to hear; name a sound file, or {_FIFO_HINT} {path}"
        )
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        return CommandError("UNAVAILABLE", f"{path} is neither a file nor a FIFO; {_FIFO_HINT} PATH")
    if stat.S_ISFIFO(mode) and sys.platform != "linux":
        return CommandError("UNAVAILABLE", f"{path} is a FIFO, which is heard on Linux only")
    needed = os.R_OK | os.W_OK if stat.S_ISFIFO(mode) else os.R_OK  # a FIFO is held open for its writers
    return None if os.access(path, needed, effective_ids=EFFECTIVE) else _forbidden(path)


def _forbidden(path: Path) -> CommandError:
    return CommandError(
        "MIC_PERMISSION_REQUIRED", f"this user may not use {path}; allow it with chmod or chown"
    )


def open_path(path: Path) -> Source:
    """A `Source` of a path's sound.

    Raises:
        CommandError: `MIC_PERMISSION_REQUIRED` or `UNAVAILABLE`.
    """
    fault = path_fault(path)
    if fault is not None:
        raise fault
    if not stat.S_ISFIFO(path.stat().st_mode):
        return SoundFile(path)
    from openclaw_voice.node.fifo import Fifo  # knows Linux only

    return Fifo(path)


class SoundFile:
    """A recording, heard from its start as fast as it is read: WAV, FLAC, MP3 or Ogg Vorbis."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pieces: Iterator[bytes] = self._decode()
        self._dropping = False

    def _decode(self) -> Iterator[bytes]:
        try:
            for piece in miniaudio.stream_file(
                str(self._path), miniaudio.SampleFormat.SIGNED16, 1, RATE, _PIECE
            ):
                yield piece.tobytes()
        except miniaudio.MiniaudioError as error:
            raise CommandError(
                "UNAVAILABLE", f"{self._path} is no sound that can be read (WAV, FLAC, MP3, Ogg): {error}"
            ) from None

    def read(self) -> bytes:
        """The next quarter of a second."""
        return b"" if self._dropping else next(self._pieces, b"")

    def stop(self, *, drain: bool) -> None:
        """End it; with `drain` the recording is heard to its end."""
        self._dropping = not drain

    def close(self) -> None:
        """Nothing stays open: the decoder ends with its iterator."""
        self._pieces = iter(())

"""Sound from a file, or from a FIFO that another program feeds."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import miniaudio

from openclaw_core import CommandError
from openclaw_voice.node.pcm import RATE

__all__ = ["Fifo", "SoundFile", "open_path", "path_fault"]

_PIECE = 4_096
_PIPE_PAGE = 4_096
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
    return None if os.access(path, os.R_OK, effective_ids=True) else _forbidden(path)


def _forbidden(path: Path) -> CommandError:
    return CommandError(
        "MIC_PERMISSION_REQUIRED", f"this user may not read {path}; allow it with chmod or chown"
    )


def open_path(path: Path) -> SoundFile | Fifo:
    """A `Source` of a path's sound.

    Raises:
        CommandError: `MIC_PERMISSION_REQUIRED` or `UNAVAILABLE`.
    """
    fault = path_fault(path)
    if fault is not None:
        raise fault
    return Fifo(path) if stat.S_ISFIFO(path.stat().st_mode) else SoundFile(path)


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


class Fifo:
    """What another program writes, e.g. `arecord -t raw -f S16_LE -r 16000 -c 1`.

    Writers may come and go. When it is full as it is opened, nobody has read for a while: what is
    in it is old and is dropped.
    """

    def __init__(self, path: Path) -> None:
        # Open for writing too, so that the last writer's leaving is no end.
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._waker, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopped = self._dropping = False
        self._closing = threading.Lock()
        self._odd = b""
        self._drop_old()

    def _drop_old(self) -> None:
        waiting = int.from_bytes(fcntl.ioctl(self._fd, termios.FIONREAD, bytes(4)), sys.byteorder)
        if waiting > fcntl.fcntl(self._fd, fcntl.F_GETPIPE_SZ) - _PIPE_PAGE:
            os.read(self._fd, waiting)

    def _take(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._fd, _PIECE)
        return b""

    def read(self) -> bytes:
        """What was written, at least one sample; half a sample waits for its other half."""
        while not self._dropping:
            if not self._stopped:
                select.select([self._fd, self._waker], [], [])
            taken = self._take()
            if not taken and self._stopped:
                break
            data = self._odd + taken
            whole = len(data) & ~1
            self._odd = data[whole:]
            if whole:
                return data[:whole]
        return b""

    def stop(self, *, drain: bool) -> None:
        """End it; with `drain` what is in the FIFO now is heard."""
        self._stopped, self._dropping = True, not drain
        with self._closing:
            if self._bell >= 0:
                os.write(self._bell, b"!")

    def close(self) -> None:
        """Let go of the FIFO."""
        with self._closing:
            for fd in (self._fd, self._waker, self._bell):
                os.close(fd)
            self._bell = -1

"""Sound from a FIFO that another program feeds; Linux only."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import termios
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["Fifo"]

_PIECE = 4_096
_PIPE_PAGE = 4_096


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

"""One gateway per state directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from openclaw_core.errors import ConfigError
from openclaw_core.private_directory import make_private_directory

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["StateLock"]


class StateLock:
    """Holds `gateway.lock` while entered; the file names the pid of its holder.

    The operating system frees the lock with the process, so a crash leaves nothing to clean.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "gateway.lock"
        self._handle = -1

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            ConfigError: another gateway holds it (the text has its pid), or it cannot be made.
        """
        try:
            make_private_directory(self._path.parent)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(
                f"cannot open {self._path}: {error.strerror}; make its directory writable for this user, "
                "or choose another one with OPENCLAW_STATE_DIR"
            ) from None
        try:
            _lock(handle)
        except OSError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise ConfigError(
                f"another gateway (pid {holder}) uses {self._path.parent}: stop it, or set "
                "OPENCLAW_STATE_DIR to another directory"
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._handle = handle
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

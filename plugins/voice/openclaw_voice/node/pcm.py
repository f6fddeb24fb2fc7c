"""The one form of sound inside the family: 16-bit little-endian PCM, mono, 16,000 Hz."""

from __future__ import annotations

from typing import Final, Protocol

__all__ = ["BYTES_PER_SECOND", "RATE", "Source", "seconds"]

RATE: Final = 16_000
BYTES_PER_SECOND: Final = 2 * RATE


def seconds(pcm: bytes | bytearray) -> float:
    """Length of a sound in s."""
    return len(pcm) / BYTES_PER_SECOND


class Source(Protocol):
    """Something that gives sound; one thread reads, any thread stops."""

    def read(self) -> bytes:
        """The next piece of sound, as soon as there is one; empty at the end.

        Raises:
            CommandError: it broke.
        """

    def stop(self, *, drain: bool) -> None:
        """End it. With `drain`, `read` first gives what was there before; else nothing more."""

    def close(self) -> None:
        """Let go of the device or the file; by the thread that read."""

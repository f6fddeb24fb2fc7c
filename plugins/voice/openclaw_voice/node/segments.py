"""Cuts a stream of sound into the stretches in which somebody speaks."""

from __future__ import annotations

from collections.abc import Iterator

from pocketsphinx import Endpointer

from openclaw_voice.node.pcm import BYTES_PER_SECOND, RATE, seconds

__all__ = ["Segmenter"]


class Segmenter:
    """pocketsphinx's voice activity detection over pieces of any length.

    Args:
        longest_s: a stretch that goes on longer is cut, in s.
        overlap_s: how much of a cut stretch is repeated in the next, in s.

    Attributes:
        in_speech: somebody speaks now.
        heard_s: how much sound was fed so far, in s.
    """

    def __init__(self, longest_s: float = 15.0, overlap_s: float = 0.0) -> None:
        self._endpointer = Endpointer(sample_rate=RATE)
        self._frame = self._endpointer.frame_bytes
        self._longest = int(longest_s * BYTES_PER_SECOND)
        self._overlap = int(overlap_s * RATE) * 2
        self._waiting = bytearray()
        self._speech = bytearray()
        self.heard_s = 0.0

    @property
    def in_speech(self) -> bool:
        """Somebody speaks now."""
        return bool(self._endpointer.in_speech)

    def feed(self, pcm: bytes) -> Iterator[bytes]:
        """Take a piece of sound; the stretches of speech that ended in it."""
        self.heard_s += seconds(pcm)
        self._waiting += pcm
        while len(self._waiting) >= self._frame:
            frame = bytes(self._waiting[: self._frame])
            del self._waiting[: self._frame]
            yield from self._take(self._endpointer.process(frame))

    def flush(self) -> Iterator[bytes]:
        """The sound is over: the stretch that was going on, if one was."""
        rest = bytes(self._waiting) or bytes(2)  # the detector wants at least one sample
        self._waiting.clear()
        yield from self._take(self._endpointer.end_stream(rest))
        if self._speech:
            yield bytes(self._speech)
            self._speech.clear()

    def _take(self, speech: bytes | None) -> Iterator[bytes]:
        if speech is None:
            return
        self._speech += speech
        if not self._endpointer.in_speech:
            yield bytes(self._speech)
            self._speech.clear()
        elif len(self._speech) >= self._longest:
            yield bytes(self._speech)
            del self._speech[: len(self._speech) - self._overlap]

"""An MP4 in the making from pictures of a screen."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av

from openclaw_core import CommandError
from openclaw_screen.node.screens import Picture

__all__ = ["Movie", "bitrate_within", "to_frame"]

_BEST_BITRATE = 8_000_000
# Bits a second from which on a width (px) can be read; above the first, the screen's own.
_WIDTHS = ((1_000_000, 16_384), (200_000, 1280), (0, 640))
_BUFFER_S = 0.5  # how much the encoder may be ahead of its rate
_LEAST_BITRATE = 40_000


def bitrate_within(budget: int, duration_ms: int) -> int:
    """Bits a second, so that the recording's base64 stays below `budget` characters.

    Raises:
        CommandError: `PAYLOAD_TOO_LARGE` when nothing can be read at that rate.
    """
    # Base64 is 4/3 of the file, and the container wants some air.
    bitrate = min(_BEST_BITRATE, int(budget * 0.75 * 8 * 0.85 / (duration_ms / 1000 + _BUFFER_S)))
    if bitrate < _LEAST_BITRATE:
        raise CommandError(
            "PAYLOAD_TOO_LARGE",
            f"a recording of {duration_ms} ms does not fit the {budget} bytes that "
            "plugins.entries.screen.config.maxPayloadBytes allows at the node; ask for a shorter durationMs",
        )
    return bitrate


def to_frame(picture: Picture) -> av.VideoFrame:
    """The picture as libav keeps it, whose rows may be longer than the picture is wide."""
    frame = av.VideoFrame(picture.width, picture.height, picture.layout)
    plane = frame.planes[0]
    row = len(picture.pixels) // picture.height
    source, target = memoryview(picture.pixels), memoryview(plane)
    for number in range(picture.height):
        begin = number * plane.line_size
        target[begin : begin + row] = source[number * row : (number + 1) * row]
    return frame


class Movie:
    """One file; use as a context manager. A picture is shown until the next."""

    def __init__(self, path: Path, like: Picture, fps: float, bitrate: int) -> None:
        self._step = Fraction(1) / Fraction(fps).limit_denominator(1000)
        self._last = -1
        # Into a file, not memory: with +faststart the muxer reads back what it wrote.
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        options = {
            "preset": "veryfast",
            "crf": "23",
            "maxrate": str(bitrate),
            "bufsize": str(int(bitrate * _BUFFER_S)),
        }
        self._stream = self._file.add_stream("libx264", rate=1 / self._step, options=options)
        width = min(like.width, next(px for least, px in _WIDTHS if bitrate >= least))
        self._stream.width, self._stream.height = _even(width), _even(like.height * width // like.width)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = self._step

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if kind is None:
                self._file.mux(self._stream.encode(None))
        finally:
            self._file.close()

    def add(self, picture: Picture, number: int) -> None:
        """Picture of the schedule's place `number`, later than the one before."""
        frame = to_frame(picture).reformat(self._stream.width, self._stream.height, "yuv420p")
        frame.pts, frame.time_base = number, self._step
        self._file.mux(self._stream.encode(frame))
        self._last = number

    def hold_until(self, picture: Picture, end: int) -> None:
        """Let the last picture be seen until the place `end`."""
        if self._last < end - 1:
            self.add(picture, end - 1)


def _even(size: int) -> int:
    return max(2, size - size % 2)

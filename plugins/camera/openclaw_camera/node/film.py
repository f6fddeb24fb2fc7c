"""An MP4 in the making: H.264 pictures and AAC sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
from av.video.stream import VideoStream

from openclaw_camera.node.sound import SAMPLE_BYTES, SAMPLE_RATE
from openclaw_core import CommandError

__all__ = ["Film", "bitrate_within"]

# Bits a second from which on a width (px) is worth it.
_WIDTHS = ((500_000, 1280), (150_000, 640), (0, 320))
_BUFFER_S = 0.5  # how much the encoder may be ahead of its rate
_SOUND_BITRATE = 96_000
_BEST_BITRATE = 4_000_000
_LEAST_BITRATE = 40_000
_CLOCK = 90_000  # ticks a second of the pictures' time


def bitrate_within(budget: int, duration_ms: int, *, sound: bool) -> int:
    """Bits a second for pictures, so that the clip's base64 stays below `budget` characters.

    Raises:
        CommandError: `PAYLOAD_TOO_LARGE` when nothing can be seen at that rate.
    """
    # Base64 is 4/3 of the file, and the container wants some air.
    whole = budget * 0.75 * 8 * 0.85 / (duration_ms / 1000 + _BUFFER_S)
    bitrate = min(_BEST_BITRATE, int(whole - (_SOUND_BITRATE if sound else 0)))
    if bitrate < _LEAST_BITRATE:
        raise CommandError(
            "PAYLOAD_TOO_LARGE",
            f"a clip of {duration_ms} ms does not fit the {budget} bytes that "
            "plugins.entries.camera.config.maxPayloadBytes allows at the node; ask for a shorter durationMs",
        )
    return bitrate


class Film:
    """One file; use as a context manager.

    Attributes:
        length_ms: of the pictures so far.
    """

    def __init__(self, path: Path, like: VideoStream, period_ms: float, bitrate: int, *, sound: bool) -> None:
        self._period_ms = period_ms
        self._last_ms: float | None = None
        width = min(like.width, next(px for least, px in _WIDTHS if bitrate >= least))
        height = like.height * width / like.width
        # Into a file, not memory: with +faststart the muxer reads back what it wrote.
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        rate = Fraction(1000 / period_ms).limit_denominator(1001)
        options = {
            "preset": "veryfast",
            "crf": "23",
            "maxrate": str(bitrate),
            "bufsize": str(int(bitrate * _BUFFER_S)),
        }
        self._pictures = self._file.add_stream("libx264", rate=rate, options=options)
        self._pictures.width, self._pictures.height = _even(width), _even(height)
        self._pictures.pix_fmt = "yuv420p"
        self._pictures.codec_context.time_base = Fraction(1, _CLOCK)
        self._sound = self._file.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if sound else None
        if self._sound is not None:
            self._sound.bit_rate = _SOUND_BITRATE

    @property
    def length_ms(self) -> int:
        return 0 if self._last_ms is None else round(self._last_ms + self._period_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()

    def _finish(self) -> None:
        self._file.mux(self._pictures.encode(None))
        if self._sound is not None:
            self._file.mux(self._sound.encode(None))

    def add_picture(self, frame: av.VideoFrame, at_ms: float) -> None:
        """A picture `at_ms` after the first one."""
        scaled = frame.reformat(self._pictures.width, self._pictures.height, "yuv420p")
        scaled.pts = round(at_ms * _CLOCK / 1000)
        scaled.time_base = Fraction(1, _CLOCK)
        self._file.mux(self._pictures.encode(scaled))
        self._last_ms = at_ms

    def add_sound(self, pcm: bytes) -> bool:
        """All the sound: 16-bit mono at `SAMPLE_RATE`. False when there is none, and the track empty."""
        if self._sound is None:
            return False
        pcm = pcm or bytes(SAMPLE_BYTES)  # a track must hold something
        frame = av.AudioFrame("s16", "mono", len(pcm) // SAMPLE_BYTES)
        frame.sample_rate = SAMPLE_RATE
        frame.planes[0].update(pcm)
        frame.pts = 0
        frame.time_base = Fraction(1, SAMPLE_RATE)
        self._file.mux(self._sound.encode(frame))
        return len(pcm) > SAMPLE_BYTES


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)

"""A picture as JPEG that fits its budget (PROTOCOL 18.3)."""

from __future__ import annotations

import base64
import io

from PIL import Image

from openclaw_core import CommandError

__all__ = ["encode_within"]

_LEAST_QUALITY = 0.05
_WORST_RECOMPRESSED = 0.35
_SMALLEST_PX = 160


def encode_within(picture: Image.Image, max_width: int, quality: float, budget: int) -> tuple[str, int, int]:
    """Base64 of the JPEG, and its width and height in px.

    Never wider than `max_width`, never enlarged. What is larger than `budget` characters is
    compressed more, then made smaller.

    Raises:
        CommandError: `PAYLOAD_TOO_LARGE` when not even a small picture fits.
    """
    quality = max(quality, _LEAST_QUALITY)
    width = min(max_width, picture.width)
    while True:
        height = max(1, round(picture.height * width / picture.width))
        scaled = (
            picture if width == picture.width else picture.resize((width, height), Image.Resampling.LANCZOS)
        )
        encoded = _encode(scaled, quality)
        if len(encoded) <= budget:
            return encoded, width, height
        if quality > _WORST_RECOMPRESSED:
            quality = max(quality * 0.75, _WORST_RECOMPRESSED)
        elif width * 3 // 4 >= _SMALLEST_PX:
            width = width * 3 // 4
        else:
            raise CommandError(
                "PAYLOAD_TOO_LARGE",
                f"a picture {width} px wide takes {len(encoded)} of the {budget} bytes that "
                "plugins.entries.camera.config.maxPayloadBytes allows at the node; raise that",
            )


def _encode(picture: Image.Image, quality: float) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=max(1, round(quality * 100)), optimize=True)
    return base64.b64encode(buffer.getbuffer()).decode("ascii")

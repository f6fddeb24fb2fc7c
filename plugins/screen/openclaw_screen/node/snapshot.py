"""`screen.snapshot`: a picture of one screen within its budget."""

from __future__ import annotations

import base64
import io
import threading
import time
import uuid

from PIL import Image

from openclaw_core import CommandError, in_thread
from openclaw_screen.config import ScreenConfig
from openclaw_screen.models import Snapshot, SnapshotParams
from openclaw_screen.node.screens import Picture, check_index, open_screens

__all__ = ["encode_within", "take_snapshot"]

_SMALLEST_PX = 160
_RAW = {"bgra": "BGRX", "rgb24": "RGB"}


async def take_snapshot(args: SnapshotParams, config: ScreenConfig) -> Snapshot:
    """Look once.

    Raises:
        CommandError: a code of 18.4.
    """

    def work(_stop: threading.Event) -> Snapshot:
        with open_screens(config) as screens:
            check_index(screens, args.screen_index)
            picture = screens.grab(args.screen_index)
        at_ms = time.time_ns() // 1_000_000
        encoded, width, height = encode_within(_image(picture), args, config.max_payload_bytes)
        return Snapshot(
            format=args.format,
            base64=encoded,
            width=width,
            height=height,
            display_frame_id=str(uuid.uuid4()),
            screen_index=args.screen_index,
            captured_at_ms=at_ms,
        )

    return await in_thread(work)


def _image(picture: Picture) -> Image.Image:
    size = (picture.width, picture.height)
    return Image.frombytes("RGB", size, bytes(picture.pixels), "raw", _RAW[picture.layout])


def encode_within(image: Image.Image, args: SnapshotParams, budget: int) -> tuple[str, int, int]:
    """Base64 of the picture, and its width and height in px; made smaller until it fits.

    Raises:
        CommandError: `PAYLOAD_TOO_LARGE`.
    """
    width = min(args.max_width or image.width, image.width)
    while True:
        height = max(1, round(image.height * width / image.width))
        scaled = image if width == image.width else image.resize((width, height), Image.Resampling.LANCZOS)
        encoded = _encode(scaled, args)
        if len(encoded) <= budget:
            return encoded, width, height
        if width * 3 // 4 < _SMALLEST_PX:
            raise CommandError(
                "PAYLOAD_TOO_LARGE",
                f"a picture {width} px wide takes {len(encoded)} of the {budget} bytes that "
                "plugins.entries.screen.config.maxPayloadBytes allows at the node; raise that",
            )
        width = width * 3 // 4


def _encode(image: Image.Image, args: SnapshotParams) -> str:
    buffer = io.BytesIO()
    if args.format == "png":
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "JPEG", quality=max(5, round(args.quality * 100)))
    return base64.b64encode(buffer.getbuffer()).decode("ascii")

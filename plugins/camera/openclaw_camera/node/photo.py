"""`camera.snap`: one photo."""

from __future__ import annotations

import threading

from PIL import Image

from openclaw_camera.config import CameraConfig
from openclaw_camera.models import Photo, SnapParams
from openclaw_camera.node.devices import Camera, check_enabled, choose
from openclaw_camera.node.frames import frames_of
from openclaw_camera.node.jpeg import encode_within
from openclaw_core import CommandError, in_thread

__all__ = ["take_photo"]


async def take_photo(args: SnapParams, config: CameraConfig) -> Photo:
    """Take it and let go of the camera, also when the invoke is cancelled.

    Raises:
        CommandError: a code of 18.3.
    """
    check_enabled(config)

    def work(stop: threading.Event) -> Photo:
        camera = choose(config, args.device_id, args.facing)
        picture = _grab(camera, camera.adjustment_ms if args.delay_ms is None else args.delay_ms, stop)
        encoded, width, height = encode_within(
            picture, args.max_width, args.quality, config.max_payload_bytes
        )
        return Photo(
            format="jpg",
            base64=encoded,
            width=width,
            height=height,
            facing=camera.position,
            device_id=camera.id,
        )

    return await in_thread(work)


def _grab(camera: Camera, delay_ms: int, stop: threading.Event) -> Image.Image:
    with camera.open() as source:
        for at_ms, frame in frames_of(camera, source, stop):
            if at_ms >= delay_ms:
                picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
                return picture
    raise CommandError("CAMERA_UNAVAILABLE", f"{camera.name} ended before it gave a picture; try again")

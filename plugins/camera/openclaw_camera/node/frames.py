"""Pictures of a camera by their time since its first one."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import av
from av.container import InputContainer

from openclaw_camera.node.devices import Camera, open_failure

__all__ = ["frames_of"]


def frames_of(
    camera: Camera, source: InputContainer, stop: threading.Event
) -> Iterator[tuple[float, av.VideoFrame]]:
    """(milliseconds since the first picture, picture), until `stop` or the camera ends.

    Time is the camera's own, so that a computed picture needs no waiting.

    Raises:
        CommandError: `CAMERA_UNAVAILABLE` when the camera breaks off.
    """
    first: float | None = None
    try:
        for frame in source.decode(video=0):
            if stop.is_set():
                return
            if frame.time is None:
                continue
            first = frame.time if first is None else first
            yield (frame.time - first) * 1000, frame
    except OSError as error:
        raise open_failure(camera.source, error) from None

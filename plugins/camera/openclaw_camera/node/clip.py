"""`camera.clip`: a short MP4."""

from __future__ import annotations

import base64
import threading
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from openclaw_camera.config import CameraConfig
from openclaw_camera.models import Clip, ClipParams
from openclaw_camera.node.devices import Camera, check_enabled, choose
from openclaw_camera.node.film import Film, bitrate_within
from openclaw_camera.node.frames import frames_of
from openclaw_camera.node.sound import Recorder, recorder_for
from openclaw_core import CommandError, in_thread

__all__ = ["record_clip"]

_MOST_FPS = 30


async def record_clip(args: ClipParams, config: CameraConfig) -> Clip:
    """Record it and let go of camera and microphone, also when the invoke is cancelled.

    Raises:
        CommandError: a code of 18.3.
    """
    check_enabled(config)

    def work(stop: threading.Event) -> Clip:
        bitrate = bitrate_within(config.max_payload_bytes, args.duration_ms, sound=args.include_audio)
        camera = choose(config, args.device_id, args.facing)
        sound = recorder_for(camera, config) if args.include_audio else None
        with TemporaryDirectory(prefix="openclaw-clip-") as directory:
            path = Path(directory) / "clip.mp4"
            length_ms, has_audio = _record(camera, sound, path, args.duration_ms, bitrate, stop)
            return Clip(
                format="mp4",
                base64=_encoded(path, config),
                duration_ms=length_ms,
                has_audio=has_audio,
                facing=camera.position,
                device_id=camera.id,
            )

    return await in_thread(work)


def _record(
    camera: Camera, sound: Recorder | None, path: Path, duration_ms: int, bitrate: int, stop: threading.Event
) -> tuple[int, bool]:
    """Write the file; the length that came to be, and whether it has sound."""
    with camera.open() as source:
        rate = source.streams.video[0].average_rate or Fraction(_MOST_FPS)
        period_ms = 1000 / min(float(rate), _MOST_FPS)
        with Film(path, source.streams.video[0], period_ms, bitrate, sound=sound is not None) as film:
            if sound is not None:
                sound.start(duration_ms, stop)
            try:
                _film(camera, source, film, duration_ms, period_ms, stop)
            finally:
                pcm = sound.finish() if sound is not None else b""
            if stop.is_set():
                raise CommandError("CAMERA_UNAVAILABLE", "the clip was cancelled")
            return film.length_ms, film.add_sound(pcm) if sound is not None else False


def _film(
    camera: Camera,
    source: av.container.InputContainer,
    film: Film,
    duration_ms: int,
    period_ms: float,
    stop: threading.Event,
) -> None:
    due = 0.0
    for at_ms, frame in frames_of(camera, source, stop):
        if at_ms >= duration_ms - period_ms / 2:
            return
        if at_ms >= due - period_ms / 2:  # a camera that gives more than is wanted
            film.add_picture(frame, at_ms)
            due = max(due + period_ms, at_ms)
    if film.length_ms == 0:
        raise CommandError("CAMERA_UNAVAILABLE", f"{camera.name} ended before it gave a picture; try again")


def _encoded(path: Path, config: CameraConfig) -> str:
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    if len(encoded) > config.max_payload_bytes:
        raise CommandError(
            "PAYLOAD_TOO_LARGE",
            f"the clip takes {len(encoded)} of the {config.max_payload_bytes} bytes that "
            "plugins.entries.camera.config.maxPayloadBytes allows at the node; ask for a shorter durationMs",
        )
    return encoded

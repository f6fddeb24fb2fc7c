"""`screen.record`: pictures on a schedule that does not drift, as an MP4."""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from openclaw_core import CommandError, in_thread
from openclaw_screen.config import ScreenConfig
from openclaw_screen.models import Recording, RecordParams
from openclaw_screen.node.movie import Movie, bitrate_within
from openclaw_screen.node.screens import check_index, open_screens

__all__ = ["record_screen"]


async def record_screen(args: RecordParams, config: ScreenConfig) -> Recording:
    """Record, and let go of the display also when the invoke is cancelled.

    Raises:
        CommandError: a code of 18.4.
    """

    def work(stop: threading.Event) -> Recording:
        bitrate = bitrate_within(config.max_payload_bytes, args.duration_ms)
        with TemporaryDirectory(prefix="openclaw-screen-") as directory:
            path = Path(directory) / "screen.mp4"
            _record(args, config, path, bitrate, stop)
            encoded = base64.b64encode(path.read_bytes()).decode("ascii")
        if len(encoded) > config.max_payload_bytes:
            raise CommandError(
                "PAYLOAD_TOO_LARGE",
                f"the recording takes {len(encoded)} of the {config.max_payload_bytes} bytes that "
                "plugins.entries.screen.config.maxPayloadBytes allows at the node; "
                "ask for a shorter durationMs",
            )
        return Recording(
            format="mp4",
            base64=encoded,
            duration_ms=args.duration_ms,
            fps=args.fps,
            screen_index=args.screen_index,
            has_audio=False,
        )

    return await in_thread(work)


def _record(
    args: RecordParams, config: ScreenConfig, path: Path, bitrate: int, stop: threading.Event
) -> None:
    """Picture n is due n/fps after the start; one that is missed is left out, and none comes late."""
    wanted = max(1, round(args.duration_ms * args.fps / 1000))
    with open_screens(config) as screens:
        check_index(screens, args.screen_index)
        picture = screens.grab(args.screen_index)
        with Movie(path, picture, args.fps, bitrate) as movie:
            start, number = time.monotonic(), 0
            while number < wanted:
                if stop.wait(max(0.0, start + number / args.fps - time.monotonic())):
                    raise CommandError("UNAVAILABLE", "the recording was cancelled")
                picture = screens.grab(args.screen_index)
                movie.add(picture, number)
                number = max(number + 1, int((time.monotonic() - start) * args.fps))
            movie.hold_until(picture, wanted)

"""Pictures of screens as bytes: X11, macOS and Windows by mss, Wayland by grim."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import mss
from mss.exception import ScreenShotError

from openclaw_core import CommandError
from openclaw_screen.config import ScreenConfig
from openclaw_screen.node.session import Session, find_session, x_refusal

__all__ = ["Picture", "Screens", "check_index", "open_screens", "parse_ppm"]

_GRIM_S = 10.0


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows from the top without padding.

    Attributes:
        layout: `bgra` or `rgb24`, as libav names them.
    """

    width: int
    height: int
    layout: str
    pixels: bytes | bytearray


class Screens(Protocol):
    """The screens of one session; belongs to the thread that opened it."""

    count: int

    def grab(self, index: int) -> Picture:
        """What a screen shows now. Raises CommandError `UNAVAILABLE`."""


@contextmanager
def open_screens(config: ScreenConfig) -> Iterator[Screens]:
    """Connect to the session.

    Raises:
        CommandError: `UNAVAILABLE` or `SCREEN_RECORDING_PERMISSION_REQUIRED`.
    """
    session = find_session(config)
    if session.grim is not None:
        yield _WaylandScreens(session.grim)
        return
    with _connect(session) as connection:
        yield _MssScreens(connection)


def _connect(session: Session) -> mss.MSS:
    try:
        return mss.MSS(display=session.display) if session.display is not None else mss.MSS()
    except (ScreenShotError, OSError) as problem:
        if session.display is not None:
            raise x_refusal(session.display, problem) from None
        raise CommandError("UNAVAILABLE", f"the screens cannot be looked at: {problem}") from None


class _MssScreens:
    def __init__(self, connection: mss.MSS) -> None:
        self._connection = connection
        # The first entry is all of them together.
        self._areas = connection.monitors[1:]
        self.count = len(self._areas)

    def grab(self, index: int) -> Picture:
        try:
            shot = self._connection.grab(self._areas[index])
        except ScreenShotError as problem:
            if sys.platform == "darwin":
                raise CommandError(
                    "SCREEN_RECORDING_PERMISSION_REQUIRED",
                    f"macOS gives no picture ({problem}); allow Screen Recording for the node "
                    "in the privacy settings",
                ) from None
            raise CommandError("UNAVAILABLE", f"screen {index} gives no picture: {problem}") from None
        return Picture(shot.width, shot.height, "bgra", shot.bgra)


class _WaylandScreens:
    """All outputs together as one screen: grim does not tell how many there are."""

    count = 1

    def __init__(self, grim: str) -> None:
        self._grim = grim

    def grab(self, index: int) -> Picture:
        try:
            done = subprocess.run(  # noqa: S603 — a program from PATH with fixed arguments
                [self._grim, "-t", "ppm", "-"], capture_output=True, timeout=_GRIM_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise CommandError("UNAVAILABLE", f"grim gives no picture: {problem}") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise CommandError("UNAVAILABLE", f"grim gives no picture of screen {index}: {said}")
        return parse_ppm(done.stdout)


def parse_ppm(data: bytes) -> Picture:
    """A binary PPM with 8 bits a colour, as grim writes it.

    Raises:
        CommandError: `UNAVAILABLE` for anything else.
    """
    head = data.split(maxsplit=4)
    try:
        magic, width, height, depth = head[0], int(head[1]), int(head[2]), int(head[3])
    except (IndexError, ValueError):
        magic, width, height, depth = b"", 0, 0, 0
    size = width * height * 3
    if magic != b"P6" or depth != 255 or size == 0 or len(data) < size:
        raise CommandError("UNAVAILABLE", "grim gave no PPM picture; is it a recent version?")
    # Pixels may begin with a byte that looks like a blank: they are found from the end.
    return Picture(width, height, "rgb24", data[-size:])


def check_index(screens: Screens, index: int) -> None:
    """Raise `INVALID_REQUEST` for a screen that is not there."""
    if index >= screens.count:
        some = (
            "1 screen, number 0"
            if screens.count == 1
            else f"{screens.count} screens, 0 to {screens.count - 1}"
        )
        raise CommandError("INVALID_REQUEST", f"screenIndex {index} is not there: the node has {some}")

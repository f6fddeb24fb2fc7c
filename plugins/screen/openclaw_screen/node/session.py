"""Which screens this process can see, and why not, without any library."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from openclaw_core import CommandError
from openclaw_screen.config import ScreenConfig

__all__ = ["Session", "find_session", "x_refusal"]

_CURE = (
    "start the node inside the desktop session, or set plugins.entries.screen.config.display "
    "to an X display such as :0 in openclaw.json"
)
_FIRST_TCP_PORT = 6000
_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Session:
    """Where screens are looked at.

    Attributes:
        display: X display; None on Wayland, macOS and Windows.
        grim: path of the program that looks at Wayland's screens; None elsewhere.
    """

    display: str | None = None
    grim: str | None = None


def find_session(
    config: ScreenConfig, environ: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> Session:
    """The session of the settings, else of the environment.

    Raises:
        CommandError: `UNAVAILABLE`; the text says what is missing and the cure.
    """
    if platform in {"darwin", "win32"}:
        return Session()
    if config.display is not None:
        return Session(display=config.display)
    if environ.get("WAYLAND_DISPLAY"):
        grim = shutil.which("grim", path=environ.get("PATH"))
        if grim is None:
            raise CommandError(
                "UNAVAILABLE", "grim is missing to see Wayland's screens; install the package grim"
            )
        return Session(grim=grim)
    if not environ.get("DISPLAY"):
        raise CommandError(
            "UNAVAILABLE", f"no screen: neither DISPLAY nor WAYLAND_DISPLAY is set for the node; {_CURE}"
        )
    return Session(display=environ["DISPLAY"])


def x_refusal(display: str, problem: Exception) -> CommandError:
    """Why an X display did not open: a server that answers has refused this user.

    `SCREEN_RECORDING_PERMISSION_REQUIRED` or `UNAVAILABLE`.
    """
    if _is_served(display):
        return CommandError(
            "SCREEN_RECORDING_PERMISSION_REQUIRED",
            f"the X server of {display} refuses the node's user; start the node with the "
            "session's XAUTHORITY, or let the user in with: xhost +si:localuser:USER",
        )
    return CommandError("UNAVAILABLE", f"no X server answers at {display} ({problem}); {_CURE}")


def _is_served(display: str) -> bool:
    host, _, number = display.rpartition(":")
    screen = int(number.partition(".")[0])
    try:
        if host:
            with closing(socket.create_connection((host, _FIRST_TCP_PORT + screen), _PATIENCE_S)):
                return True
        with closing(socket.socket(socket.AF_UNIX)) as local:
            local.settimeout(_PATIENCE_S)
            local.connect(str(Path("/tmp/.X11-unix") / f"X{screen}"))  # noqa: S108 — X11's own place
            return True
    except OSError:
        return False

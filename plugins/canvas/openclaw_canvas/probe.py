"""Whether this machine can show a canvas, looked at cheaply: nothing is started or imported."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from openclaw_canvas.settings import CanvasSettings
from openclaw_core import Probe

__all__ = ["find_chromium", "has_display", "probe"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def find_chromium(configured: str | None) -> str | None:
    """Path of the browser to run; None when there is none."""
    if configured is not None:
        return shutil.which(configured)
    found = (shutil.which(name) for name in _NAMES)
    return next(filter(None, found), None) or next((path for path in _PLACES if Path(path).exists()), None)


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def probe(config: CanvasSettings) -> Probe:
    """What is missing, and how to get it."""
    if find_spec("playwright") is None:
        return Probe(unavailable="playwright is not installed; run: pip install 'openclaw-canvas[node]'")
    if find_chromium(config.executable) is None:
        if config.executable is not None:
            setting = "plugins.entries.canvas.config.executable"
            return Probe(unavailable=f"{setting} is {config.executable!r}, which is no program; correct it")
        return Probe(
            unavailable="no Chromium or Chrome was found; install one (apt install chromium), or name it in "
            "plugins.entries.canvas.config.executable"
        )
    if config.display == "window" and not has_display():
        return Probe(
            unavailable='there is no display to open a window on; set DISPLAY, or "display": "headless" in '
            "plugins.entries.canvas.config"
        )
    return Probe()

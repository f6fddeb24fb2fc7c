"""Find a Chrome or Chromium on this machine, and tell whether the family works here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from openclaw_browser.config import BrowserConfig
from openclaw_core import Probe

__all__ = ["find_executable", "is_headless", "is_unsandboxed", "kind_of", "missing_text", "probe"]

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "brave-browser",
)
_PLACES = {
    "darwin": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        "/Applications/Brave Browser.app/Contents/MacOS/Brave Browser",
    ),
    "win32": (
        r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
        r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
        r"%LocalAppData%\Google\Chrome\Application\chrome.exe",
        r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
    ),
}
_INSTALL = {
    "linux": "install one, e.g. `sudo apt install chromium`",
    "darwin": "install one, e.g. `brew install --cask chromium`",
    "win32": "install Google Chrome",
}
_SETTING = "executablePath of plugins.entries.browser.config"


def find_executable(config: BrowserConfig, profile: str | None = None) -> Path | None:
    """The browser to run: the profile's, the configured one, or the first that is installed.

    A configured path that is no program finds nothing: another browser would have other logins.
    """
    named = config.named_profiles().get(profile or config.default_profile)
    configured = (named.executable_path if named else None) or config.executable_path
    if configured is not None:
        return configured if os.access(configured, os.X_OK) and configured.is_file() else None
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    for place in _PLACES.get(sys.platform, ()):
        path = Path(os.path.expandvars(place))
        if path.is_file():
            return path
    return None


def missing_text(config: BrowserConfig, profile: str | None = None) -> str:
    """Why `find_executable` found nothing, and the cure."""
    named = config.named_profiles().get(profile or config.default_profile)
    configured = (named.executable_path if named else None) or config.executable_path
    if configured is not None:
        return f"no program at {configured}; correct or remove {_SETTING}"
    cure = _INSTALL.get(sys.platform, "install one")
    return f"no Chrome or Chromium found; {cure}, or name it in {_SETTING}"


def kind_of(executable: Path) -> str:
    """`chrome`, `chromium`, `edge`, `brave`, by the program's name."""
    name = executable.name.lower()
    for part, kind in (("edge", "edge"), ("brave", "brave"), ("chromium", "chromium")):
        if part in name:
            return kind
    return "chrome"


def is_headless(config: BrowserConfig) -> tuple[bool, str]:
    """Whether the browser has no window, and what says so: `config` or `default`."""
    if config.headless is not None:
        return config.headless, "config"
    display = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return not display, "default"


def is_unsandboxed(config: BrowserConfig) -> bool:
    """Whether Chromium runs without its sandbox, which as root it cannot have."""
    if config.no_sandbox is not None:
        return config.no_sandbox
    return hasattr(os, "geteuid") and os.geteuid() == 0


def probe(config: BrowserConfig) -> Probe:
    """What works on this machine; no browser is started."""
    if importlib.util.find_spec("playwright") is None:
        return Probe(
            unavailable="the package playwright is missing; install it with"
            " `pip install 'openclaw-browser[node]'` (it downloads no browser)"
        )
    if find_executable(config) is None:
        return Probe(unavailable=missing_text(config))
    return Probe()

"""Whether the screens of this machine can be seen."""

from __future__ import annotations

from importlib.util import find_spec

from openclaw_core import CommandError, Probe
from openclaw_screen.config import ScreenConfig

__all__ = ["probe"]


def probe(config: ScreenConfig) -> Probe:
    """Connects to the display and leaves it again, some milliseconds every few seconds."""
    needed = (("av", "av"), ("mss", "mss"), ("PIL", "pillow"))
    missing = [name for module, name in needed if find_spec(module) is None]
    if missing:
        return Probe(
            unavailable=f"the package {' and '.join(missing)} is not installed; "
            "run: pip install 'openclaw-screen[node]'"
        )
    from openclaw_screen.node.screens import open_screens

    try:
        with open_screens(config) as screens:
            none = "no screen is connected; plug one in" if screens.count == 0 else None
    except CommandError as problem:
        none = problem.message
    return Probe(unavailable=none, permissions={"screen": none is None})

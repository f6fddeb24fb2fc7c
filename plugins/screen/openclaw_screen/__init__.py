"""The capability family screen: pictures and recordings of a node's screens (PROTOCOL 18.4).

`models` and `family` are what a gateway needs; `node` is what a node host needs, imported when
the first command runs.
"""

from openclaw_screen.plugin import ScreenPlugin

__all__ = ["ScreenPlugin"]

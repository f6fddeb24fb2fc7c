"""The hooks of the family."""

from __future__ import annotations

from openclaw_camera.family import FAMILY
from openclaw_core import Family, hookimpl

__all__ = ["CameraPlugin"]


class CameraPlugin:
    """The plugin object the entry point names."""

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands and capability."""
        return FAMILY

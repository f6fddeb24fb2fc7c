"""The capability family camera: photos and short clips of a node's cameras (PROTOCOL 18.3).

`models` and `family` are what a gateway needs; `node` is what a node host needs, imported when
the first command runs.
"""

from openclaw_camera.plugin import CameraPlugin

__all__ = ["CameraPlugin"]

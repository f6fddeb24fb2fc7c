"""Settings of a node's cameras: `plugins.entries.camera.config` of openclaw.json."""

from __future__ import annotations

import sys
from typing import Annotated

from pydantic import Field

from openclaw_camera.models import Facing
from openclaw_core.models import Settings

__all__ = ["CameraConfig"]

# A result travels to the operator as JSON data and as text in one frame of at most 50 MiB.
_LARGEST = 25_000_000


class CameraConfig(Settings):
    """What the person at the node allows.

    Attributes:
        enabled: False answers every command with `CAMERA_DISABLED`.
        synthetic: offer a moving test picture with a tone as a camera, for trials without one.
        max_payload_bytes: most that a picture or clip may take as base64 (18.3).
        positions: where a camera looks, `front` or `back`, by the id that `camera.list` tells; no system
            here says so itself.
        microphone: ALSA name of the microphone of clips, as `arecord -L` lists them.
    """

    enabled: bool = True
    synthetic: bool = False
    max_payload_bytes: Annotated[int, Field(ge=1_000, le=_LARGEST)] = (
        _LARGEST if sys.platform == "linux" else 5_000_000
    )
    positions: dict[str, Facing] = Field(default_factory=dict)
    microphone: Annotated[str, Field(min_length=1)] = "default"

"""What of the camera works on this machine."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from openclaw_camera.config import CameraConfig
from openclaw_core import Probe

__all__ = ["probe"]

_DEVICES = Path("/dev")

_Stamp = tuple[tuple[str, int, bool], ...]  # path, time of the last change, whether it may be opened


def probe(config: CameraConfig) -> Probe:
    """Cheap enough for every few seconds: devices are asked only when one comes, goes or changes.

    A camera that is switched off is declared all the same: whoever invokes it learns from
    `CAMERA_DISABLED` that there is one and who can switch it on. A node without the command would
    look like a machine without a camera. What does not work whoever asks is not declared.
    """
    if not config.enabled:
        return Probe(permissions={"camera": False})
    missing = [name for module, name in (("av", "av"), ("PIL", "pillow")) if find_spec(module) is None]
    if missing:
        return Probe(
            unavailable=f"the package {' and '.join(missing)} is not installed; "
            "run: pip install 'openclaw-camera[node]'"
        )
    if config.synthetic:
        return Probe(permissions={"camera": True})
    why = _why_none_on_linux(_stamp()) if sys.platform == "linux" else _why_none(())
    return Probe(unavailable=why, permissions={"camera": why is None})


def _stamp() -> _Stamp:
    """Changes when a camera is plugged in or out, or its permissions change."""
    found = []
    for path in sorted(_DEVICES.glob("video*")):
        try:
            changed = path.stat().st_ctime_ns
        except OSError:
            continue
        found.append((str(path), changed, os.access(path, os.R_OK | os.W_OK, effective_ids=True)))
    return tuple(found)


def _why_none(stamp: _Stamp) -> str | None:
    from openclaw_camera.node.devices import cameras

    if cameras(CameraConfig()):
        return None
    shut = [path for path, _, allowed in stamp if not allowed]
    if shut:
        return (
            f"the node's user may not open {', '.join(shut)}; add it to the group that may "
            "(usermod -aG video USER) and restart the node"
        )
    return (
        "no camera is connected; plug one in, or for a test picture set "
        "plugins.entries.camera.config.synthetic to true in openclaw.json"
    )


_why_none_on_linux = lru_cache(maxsize=1)(_why_none)

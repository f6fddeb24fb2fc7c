"""The Control UI as the gateway serves it (floor 6): static files, built from `ui/`, and nothing else."""

from __future__ import annotations

from openclaw_core.control_ui.mount import ControlUiMount
from openclaw_core.control_ui.site import BUILD_COMMAND, STATIC_DIR, is_built

__all__ = ["BUILD_COMMAND", "STATIC_DIR", "ControlUiMount", "is_built"]

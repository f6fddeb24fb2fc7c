"""Builds the Control UI into a wheel, where npm is there; a wheel without it serves everything else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["ControlUiBuild"]


class ControlUiBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `npm ci` and the bundler of `ui/` before a wheel or an sdist is packed.

    An editable install does not wait for it: `make` builds the page there.
    """

    def initialize(self, version: str, _build_data: dict[str, Any]) -> None:
        """Make `openclaw_core/control_ui/static`, unless it came with the sdist."""
        root = Path(self.root)
        built = root / "openclaw_core" / "control_ui" / "static" / "index.html"
        if version == "editable" or (built.exists() and not (root / ".git").exists()):
            return
        npm = shutil.which("npm")
        if npm is None:
            self.app.display_warning("npm is not installed: this build of openclaw-core has no Control UI")
            return
        for step in (["ci"], ["run", "build"]):
            subprocess.run([npm, *step], cwd=root / "ui", check=True)  # noqa: S603

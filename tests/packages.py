"""Capability packages as pip leaves them behind: a module and its metadata in a directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

__all__ = ["environment", "install", "openclaw", "uninstall"]

HEAD = """\
from pydantic import BaseModel
from openclaw_core import Command, Family, NodeContext, command, hookimpl
from openclaw_core.commands import ALL_PLATFORMS

class Any(BaseModel, extra="allow"):
    pass

def make(name, **facts):
    return Command(name, Any, Any, platforms=ALL_PLATFORMS, **facts)

"""


def install(site: Path, distribution: str, entry_points: str, source: str, version: str = "1.2.3") -> None:
    """Put a package into a directory for `PYTHONPATH`, instead of one that is there.

    Args:
        entry_points: `name = module` lines of the group `openclaw.capabilities`.
        source: the module's text after `HEAD`.
    """
    module = distribution.replace("-", "_")
    uninstall(site, distribution)
    info = site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[openclaw.capabilities]\n{entry_points}\n")
    (site / f"{module}.py").write_text(HEAD + dedent(source))


def uninstall(site: Path, distribution: str) -> None:
    """Take a package away again."""
    module = distribution.replace("-", "_")
    for info in site.glob(f"{module}-*.dist-info"):
        shutil.rmtree(info)
    (site / f"{module}.py").unlink(missing_ok=True)


def environment(site: Path, home: Path) -> dict[str, str]:
    """The variables of a program that finds these packages and an empty home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENCLAW_", "XDG_"))}
    state = home / "state"
    return {**kept, "HOME": str(home), "PYTHONPATH": str(site), "OPENCLAW_STATE_DIR": str(state)}


def openclaw(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "openclaw_core", *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

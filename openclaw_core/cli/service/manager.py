"""What every service manager can be asked for, and how its program is run."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.service.plan import ServicePlan

__all__ = ["Definition", "ServiceManager", "run_tool", "try_tool"]

_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Definition:
    """A service in its manager's own words: the file, and what belongs into it."""

    path: Path
    content: bytes


class ServiceManager(Protocol):
    """systemd, launchd or the Windows task scheduler, always of the person, never of the system."""

    title: str

    def why_unusable(self) -> str | None:
        """Why it cannot be used here; None when it can."""

    def define(self, plan: ServicePlan) -> Definition:
        """The file and text for this plan; pure."""

    def register(self, plan: ServicePlan, path: Path) -> None:
        """Take in the written file, so that the service starts with the person's session."""

    def unregister(self, plan: ServicePlan, path: Path) -> None:
        """Stop and forget it, and remove the file."""

    def start(self, plan: ServicePlan) -> None:
        """Start it; no error when it runs."""

    def stop(self, plan: ServicePlan) -> None:
        """Stop it; it starts again with the next session."""

    def is_running(self, plan: ServicePlan) -> bool:
        """Does it run now?"""

    def hints(self, plan: ServicePlan) -> tuple[str, ...]:
        """What a person should know of a service just installed."""


def try_tool(*argv: str) -> tuple[int, str]:
    """Run a service manager's program: its exit code and all it printed; 127 when it is not there."""
    program = shutil.which(argv[0])
    if program is None:
        return 127, f"{argv[0]} is not installed"
    try:
        done = subprocess.run(  # noqa: S603 — fixed programs, arguments as a list
            [program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {_TIMEOUT_S} s"
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def run_tool(*argv: str) -> str:
    """The same, where it must work.

    Raises:
        CliError: with the command, and what it said.
    """
    code, said = try_tool(*argv)
    if code != 0:
        raise CliError(
            f"`{' '.join(argv)}` failed with exit code {code}: {said or 'it said nothing'}",
            code="SERVICE_MANAGER_FAILED",
            steps=("see what is there: openclaw gateway status; openclaw node status",),
        )
    return said

"""launchd: an agent of the person's session, in `~/Library/LaunchAgents`."""

from __future__ import annotations

import os
from pathlib import Path

from openclaw_core.cli.service.manager import Definition, run_tool, try_tool
from openclaw_core.cli.service.plan import ServicePlan

__all__ = ["Launchd", "plist_bytes"]

# launchd gives an agent a bare PATH; what nodes run mostly lies here.
_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_RETRY_S = 5


def plist_bytes(plan: ServicePlan) -> bytes:
    """The property list: starts at login, again after a failure, not after an orderly end."""
    import plistlib  # only a Mac pays for it

    agent = {
        "Label": plan.name,
        "ProgramArguments": list(plan.command),
        "EnvironmentVariables": {"PATH": _PATH, **plan.environment},
        "WorkingDirectory": str(Path.home()),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": _RETRY_S,
        "StandardOutPath": str(plan.log_file),
        "StandardErrorPath": str(plan.log_file),
        "ProcessType": "Interactive" if plan.kind == "node" else "Background",
        **({"Umask": 0o077} if plan.kind == "gateway" else {}),
    }
    return plistlib.dumps(agent, sort_keys=False)


class Launchd:
    """`launchctl` in the domain of the person's graphical session."""

    title = "launchd"

    def why_unusable(self) -> str | None:
        """No program, or no graphical session of this user (e.g. over SSH)."""
        code, said = try_tool("launchctl", "print", self._domain())
        return None if code == 0 else f"launchd has no session {self._domain()} ({said.splitlines()[:1]})"

    def define(self, plan: ServicePlan) -> Definition:
        """`~/Library/LaunchAgents/NAME.plist`."""
        path = Path.home() / "Library" / "LaunchAgents" / f"{plan.name}.plist"
        return Definition(path, plist_bytes(plan))

    def register(self, plan: ServicePlan, path: Path) -> None:
        """Load it anew; `RunAtLoad` starts it."""
        plan.log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.stop(plan)
        run_tool("launchctl", "bootstrap", self._domain(), str(path))

    def unregister(self, plan: ServicePlan, path: Path) -> None:
        """Unload it, which also stops it."""
        self.stop(plan)
        path.unlink(missing_ok=True)

    def start(self, plan: ServicePlan) -> None:
        """Load it if it was stopped, and start it."""
        if not self._is_loaded(plan):
            run_tool("launchctl", "bootstrap", self._domain(), str(self.define(plan).path))
        run_tool("launchctl", "kickstart", self._target(plan))

    def stop(self, plan: ServicePlan) -> None:
        """Unload it: launchd would otherwise start what it stopped."""
        if self._is_loaded(plan):
            run_tool("launchctl", "bootout", self._target(plan))

    def is_running(self, plan: ServicePlan) -> bool:
        """Does launchd know a process of it?"""
        code, said = try_tool("launchctl", "print", self._target(plan))
        return code == 0 and "state = running" in said

    def hints(self, plan: ServicePlan) -> tuple[str, ...]:
        """Where the log is."""
        return (f"Its log: {plan.log_file}",)

    def _is_loaded(self, plan: ServicePlan) -> bool:
        return try_tool("launchctl", "print", self._target(plan))[0] == 0

    def _target(self, plan: ServicePlan) -> str:
        return f"{self._domain()}/{plan.name}"

    @staticmethod
    def _domain() -> str:
        return f"gui/{os.getuid()}"

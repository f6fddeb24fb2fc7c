"""Install, start, stop: by the service manager of this system, or in the background without one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.service import background
from openclaw_core.cli.service.launchd import Launchd
from openclaw_core.cli.service.manager import ServiceManager
from openclaw_core.cli.service.plan import ServicePlan
from openclaw_core.cli.service.scheduled_task import ScheduledTasks
from openclaw_core.cli.service.systemd import SystemdUser
from openclaw_core.config import write_private_file

__all__ = ["Service", "State", "native_manager"]


def native_manager(platform: str = sys.platform) -> ServiceManager:
    """The one this operating system has, whether or not it can be used right now."""
    if platform == "darwin":
        return Launchd()
    return ScheduledTasks() if platform == "win32" else SystemdUser()


@dataclass(frozen=True, slots=True)
class State:
    """How a service is.

    Attributes:
        manager: who runs it: a service manager's title, or `background`; None when nobody does.
        pid: known for background processes only.
    """

    kind: str
    installed: bool
    running: bool
    manager: str | None
    pid: int | None
    definition: str | None
    log: str | None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "kind": self.kind,
            "installed": self.installed,
            "running": self.running,
            "manager": self.manager,
            "pid": self.pid,
            "definition": self.definition,
            "log": self.log,
        }

    def sentence(self) -> str:
        """For people."""
        if self.manager == "background":
            return (
                f"in the background, pid {self.pid}; until the next restart of this machine; log {self.log}"
            )
        if not self.installed:
            return "not installed"
        return f"installed ({self.manager}), {'running' if self.running else 'stopped'}"


class Service:
    """One of the two, on this machine; `manager` is the operating system's by default."""

    def __init__(self, plan: ServicePlan, manager: ServiceManager | None = None) -> None:
        self.plan = plan
        self.manager = native_manager() if manager is None else manager
        self.definition = self.manager.define(plan)

    @property
    def installed(self) -> bool:
        """Is there a definition, of whatever content?"""
        return self.definition.path.exists()

    def install(self) -> str:
        """Write the definition and start it: `installed`, `changed` (restart needed) or `unchanged`.

        Raises:
            CliError: no service manager here, or it failed.
        """
        why = self.manager.why_unusable()
        if why is not None:
            raise self._no_manager(why)
        path, content = self.definition.path, self.definition.content
        before = path.read_bytes() if path.exists() else None
        if before == content:
            return "unchanged"
        background.stop(self.plan)  # the service takes over from a makeshift
        write_private_file(path, content)
        self.manager.register(self.plan, path)
        if before is not None:
            return "changed"
        self.manager.start(self.plan)
        return "installed"

    def uninstall(self) -> bool:
        """Stop and forget it; False when it was not installed."""
        if not self.installed:
            return False
        path = self.definition.path
        if self.manager.why_unusable() is None:
            self.manager.unregister(self.plan, path)
        else:
            path.unlink(missing_ok=True)  # nobody runs it; it would start with the next session
        return True

    def start(self) -> str:
        """Start it: `started` or `running` (already).

        Raises:
            CliError: it did not start, or there is a service manager that does not have it.
        """
        state = self.state()
        if state.running:
            return "running"
        if state.installed:
            self.manager.start(self.plan)
        elif self.manager.why_unusable() is None or not background.SUPPORTED:
            raise CliError(
                f"the {self.plan.kind} is not installed as a service",
                code="NOT_INSTALLED",
                steps=(f"install and start it: openclaw {self.plan.kind} install",),
            )
        else:
            background.start(self.plan)
        return "started"

    def start_in_background(self) -> str:
        """The same without asking a service manager."""
        if background.running_pid(self.plan) is not None:
            return "running"
        background.start(self.plan)
        return "started"

    def stop(self) -> bool:
        """Stop it; False when it was not running."""
        if background.stop(self.plan):
            return True
        state = self.state()
        if state.running:
            self.manager.stop(self.plan)
        return state.running

    def state(self) -> State:
        """How it is now."""
        pid = background.running_pid(self.plan)
        path = self.definition.path
        installed = self.installed
        running = pid is not None or (installed and self.manager.is_running(self.plan))
        manager = "background" if pid is not None else self.manager.title if installed else None
        return State(
            kind=self.plan.kind,
            installed=installed,
            running=running,
            manager=manager,
            pid=pid,
            definition=str(path) if installed else None,
            log=str(self.plan.log_file) if pid is not None else None,
        )

    def _no_manager(self, why: str) -> CliError:
        kind = self.plan.kind
        return CliError(
            f"this machine cannot run the {kind} as a service: {why}",
            code="NO_SERVICE_MANAGER",
            steps=(
                f"see the definition, which would be {self.definition.path}: openclaw {kind} install --print",
                "gateway and node in this terminal: openclaw up",
                f"in the background, until the next restart of this machine: openclaw {kind} start",
            ),
        )

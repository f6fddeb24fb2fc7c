"""systemd's user manager: a unit in `~/.config/systemd/user`."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from openclaw_core.cli.service.manager import Definition, run_tool, try_tool
from openclaw_core.cli.service.plan import ServicePlan
from openclaw_core.errors import ConfigError

__all__ = ["SystemdUser", "unit_text"]

_UNIT = """\
# Written by `openclaw {kind} install`; that command writes it anew.
[Unit]
Description={title}
{order}
[Service]
Type=exec
ExecStart={command}
WorkingDirectory={directory}
{environment}
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
{hardening}

[Install]
WantedBy=default.target
"""

# What a user manager can enforce without namespaces, which many distributions forbid to users.
_GATEWAY_HARDENING = """\
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native"""

# A node runs what the person approved, browsers with a sandbox of their own included:
# it gains no rights (no sudo), and is otherwise left as a program of the session.
_NODE_HARDENING = "NoNewPrivileges=yes"


def unit_text(plan: ServicePlan) -> str:
    """The unit file.

    Raises:
        ConfigError: a path or option that a unit file cannot hold (a line break).
    """
    environment = "\n".join(
        f"Environment={_quote(f'{name}={value}')}" for name, value in plan.environment.items()
    )
    return _UNIT.format(
        kind=plan.kind,
        title=plan.title,
        # The node waits for a gateway by itself; starting after it spares a first failed try.
        order="After=openclaw-core-gateway.service\n" if plan.kind == "node" else "",
        command=" ".join(_quote(word).replace("$", "$$") for word in plan.command),
        directory="%h",
        environment=environment,
        hardening=_GATEWAY_HARDENING if plan.kind == "gateway" else _NODE_HARDENING,
    )


def _quote(word: str) -> str:
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in word):
        raise ConfigError(f"{word!r} holds a control character, which a systemd unit cannot: rename it")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


class SystemdUser:
    """`systemctl --user`."""

    title = "systemd user manager"

    def why_unusable(self) -> str | None:
        """No program, or no user manager that answers (containers, `su` without a session)."""
        code, said = try_tool("systemctl", "--user", "show-environment")
        if code == 0:
            return None
        return f"no systemd user manager answers ({said.splitlines()[-1] if said else f'exit code {code}'})"

    def define(self, plan: ServicePlan) -> Definition:
        """`~/.config/systemd/user/NAME.service`."""
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return Definition(Path(base) / "systemd" / "user" / f"{plan.name}.service", unit_text(plan).encode())

    def register(self, plan: ServicePlan, path: Path) -> None:  # noqa: ARG002 — systemd finds it by name
        """Read the units again and enable this one."""
        run_tool("systemctl", "--user", "daemon-reload")
        run_tool("systemctl", "--user", "enable", f"{plan.name}.service")

    def unregister(self, plan: ServicePlan, path: Path) -> None:
        """Stop and disable it, and let the manager see that it is gone."""
        run_tool("systemctl", "--user", "disable", "--now", f"{plan.name}.service")
        path.unlink(missing_ok=True)
        run_tool("systemctl", "--user", "daemon-reload")

    def start(self, plan: ServicePlan) -> None:
        """Start it, also after it failed too often."""
        try_tool("systemctl", "--user", "reset-failed", f"{plan.name}.service")
        run_tool("systemctl", "--user", "start", f"{plan.name}.service")

    def stop(self, plan: ServicePlan) -> None:
        """SIGTERM, which both end in order on."""
        run_tool("systemctl", "--user", "stop", f"{plan.name}.service")

    def is_running(self, plan: ServicePlan) -> bool:
        """Is the unit active?"""
        return try_tool("systemctl", "--user", "is-active", "--quiet", f"{plan.name}.service")[0] == 0

    def hints(self, plan: ServicePlan) -> tuple[str, ...]:
        """Lingering, unless it is on; and where the log is."""
        log = f"Its log: journalctl --user -u {plan.name}"
        user = getpass.getuser()
        if try_tool("loginctl", "show-user", user, "--property=Linger", "--value") == (0, "yes"):
            return (log,)
        return (log, f"It ends when you log out, unless you once run: loginctl enable-linger {user}")

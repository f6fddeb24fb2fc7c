"""The services under a real systemd user manager: it starts them, starts them again, and forgets them.

The manager runs in a mount namespace with a /run of its own, as it starts only where systemd seems
to have booted; that takes root, and Debian's packages systemd and util-linux.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.process import await_value, free_port

pytestmark = [pytest.mark.families, pytest.mark.timeout(170)]

MANAGER = Path("/lib/systemd/systemd")
INSIDE = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/user/0 && chmod 700 /run/user/0 || exit 1
exec "$0" --user
"""
WITHIN_S = 40


class Session:
    """A person's session that systemd manages, with an empty home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENCLAW_", "XDG_"))}
        self.env = {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": "/run/user/0"}
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", INSIDE, str(MANAGER)],
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *argv: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """A program within the session, to its end."""
        return subprocess.run(
            ["nsenter", "--target", str(self.process.pid), "--mount", *argv],
            env={**self.env, **extra}, capture_output=True, text=True, timeout=90, check=False,
            cwd=self.home,
        )  # fmt: skip

    def openclaw(self, *argv: str, code: int = 0, **extra: str) -> str:
        done = self.run(sys.executable, "-P", "-m", "openclaw_core", *argv, **extra)
        assert done.returncode == code, (argv, done.stdout, done.stderr)
        return done.stdout

    def json(self, *argv: str, **extra: str) -> Any:
        return json.loads(self.openclaw(*argv, "--json", **extra))

    def property(self, unit: str, name: str) -> str:
        done = self.run("systemctl", "--user", "show", unit, f"--property={name}", "--value")
        return done.stdout.strip()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    if os.geteuid() != 0 or not MANAGER.exists() or shutil.which("nsenter") is None:
        pytest.skip("takes root, and the packages systemd and util-linux")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("takes a root that may make a mount namespace, which some containers deny")
    home = tmp_path / "home"
    home.mkdir()
    session = Session(home)
    try:
        await_value(
            lambda: session.run("systemctl", "--user", "is-system-running").stdout == "running\n",
            "the user manager",
            within_s=WITHIN_S,
        )
        yield session
    finally:
        session.process.send_signal(signal.SIGTERM)  # which stops every unit first
        session.process.communicate(timeout=WITHIN_S)


def test_onboarding_installs_what_survives_a_crash_and_goes_without_a_trace(session: Session) -> None:
    units = session.home / ".config" / "systemd" / "user"
    first = session.json("onboard", "--yes", "--port", str(free_port()))
    assert first["gateway"]["service"]["manager"] == "systemd user manager"
    assert first["node"]["service"]["running"] is True
    assert first["invoke"]["payload"]
    assert session.json("onboard", "--yes")["changed"] == []
    assert "nothing was changed" in session.openclaw("gateway", "install")
    assert sorted(path.name for path in units.glob("*.service")) == [
        "openclaw-core-gateway.service",
        "openclaw-core-node.service",
    ]
    assert session.property("openclaw-core-gateway", "UnitFileState") == "enabled"

    pid = session.property("openclaw-core-gateway", "MainPID")
    os.kill(int(pid), signal.SIGKILL)
    await_value(lambda: connected(session), "gateway and node together again", within_s=WITHIN_S)
    assert session.property("openclaw-core-gateway", "MainPID") not in (pid, "0")

    changed = session.json("gateway", "install", OPENCLAW_LOG_LEVEL="warning")
    assert changed["outcome"] == "changed"
    again = session.property("openclaw-core-gateway", "MainPID")
    session.openclaw("gateway", "restart")
    assert session.property("openclaw-core-gateway", "MainPID") not in (again, "0")
    assert "OPENCLAW_LOG_LEVEL=warning" in session.property("openclaw-core-gateway", "Environment")

    session.openclaw("node", "stop")
    assert session.openclaw("node", "status", code=1).startswith(
        "Node: installed (systemd user manager), stopped"
    )
    session.openclaw("node", "start")
    for kind in ("gateway", "node"):
        session.openclaw(kind, "uninstall")
        assert session.property(f"openclaw-core-{kind}", "LoadState") == "not-found"
        assert session.property(f"openclaw-core-{kind}", "ActiveState") == "inactive"
    assert [path for path in units.rglob("*") if not path.is_dir()] == []


def connected(session: Session) -> bool:
    done = session.run(sys.executable, "-P", "-m", "openclaw_core", "gateway", "status", "--json")
    return done.returncode == 0 and json.loads(done.stdout)["nodes"]["connected"] == 1


def test_a_secret_in_the_shell_is_not_lost_in_a_service(session: Session) -> None:
    refused = session.openclaw("gateway", "install", "--json", code=1, OPENCLAW_GATEWAY_TOKEN="of-this-shell")
    assert json.loads(refused)["error"]["code"] == "SECRET_IN_SHELL"
    started = session.json(
        "onboard", "--yes", "--port", str(free_port()), OPENCLAW_GATEWAY_TOKEN="of-this-shell"
    )
    assert started["node"]["service"]["running"] is True
    assert session.json("gateway", "status")["auth"] == "token"
    assert (session.home / ".openclaw" / "gateway-token").read_text("utf-8") == "of-this-shell\n"
    for path in (session.home / ".config").rglob("*.service"):
        assert "of-this-shell" not in path.read_text("utf-8")
    for kind in ("node", "gateway"):
        session.openclaw(kind, "uninstall")

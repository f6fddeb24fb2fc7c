"""Installing twice, starting, stopping; and the background, where no service manager is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.service import background
from openclaw_core.cli.service.control import Service, native_manager
from openclaw_core.cli.service.manager import Definition
from openclaw_core.cli.service.plan import ServicePlan, plan_service
from openclaw_core.config import load_settings
from openclaw_core.gateway.lock import StateLock

from .inprocess import run_here

SERVES = "import sys, signal; print('x serves on ws://x', flush=True); signal.pause()"


def plan_of(place: Path, script: str) -> ServicePlan:
    """A gateway's plan with another program, a real one."""
    return replace(plan_service("gateway", load_settings(place)), program=(sys.executable, "-c", script))


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[ServicePlan]:
    plan = plan_of(tmp_path, SERVES)
    yield plan
    background.stop(plan)


@dataclass
class Ledger:
    """A service manager that runs what its file says; it keeps what it was asked for."""

    place: Path
    unusable: str | None = None
    asked: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    title = "the test's manager"

    def why_unusable(self) -> str | None:
        return self.unusable

    def define(self, plan: ServicePlan) -> Definition:
        return Definition(self.place / plan.name, "\0".join(plan.command).encode())

    def register(self, plan: ServicePlan, path: Path) -> None:
        assert path.read_bytes() == self.define(plan).content
        self.asked.append("register")

    def unregister(self, plan: ServicePlan, path: Path) -> None:
        self.stop(plan)
        path.unlink()
        self.asked.append("unregister")

    def start(self, plan: ServicePlan) -> None:
        command = (self.place / plan.name).read_text("utf-8").split("\0")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def stop(self, plan: ServicePlan) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def is_running(self, plan: ServicePlan) -> bool:
        return self.process is not None

    def hints(self, plan: ServicePlan) -> tuple[str, ...]:
        return ()


def test_installing_twice_changes_nothing_and_a_change_asks_for_a_restart(serving: ServicePlan) -> None:
    manager = Ledger(serving.state_dir / "units")
    service = Service(serving, manager)
    background.start(serving)
    assert service.state().manager == "background"
    assert service.install() == "installed"
    assert background.running_pid(serving) is None, "the makeshift makes way for the service"
    first = manager.process
    assert service.install() == "unchanged"
    assert manager.asked == ["register"]
    assert service.start() == "running"
    other = Service(replace(serving, arguments=("gateway", "run", "--x")), manager)
    assert other.install() == "changed"
    assert manager.asked == ["register", "register"]
    assert manager.process is first, "a change alone restarts nothing"
    assert other.state().sentence() == "installed (the test's manager), running"
    assert other.stop()
    assert not other.stop()
    assert other.start() == "started"
    assert other.uninstall()
    assert not other.uninstall()
    assert manager.process is None
    assert other.state().sentence() == "not installed"
    with pytest.raises(CliError, match="not installed as a service"):
        other.start()


def test_without_a_manager_it_runs_in_the_background(serving: ServicePlan) -> None:
    service = Service(serving, Ledger(serving.state_dir / "units", unusable="none here"))
    with pytest.raises(CliError, match="none here") as caught:
        service.install()
    assert "openclaw up" in " ".join(caught.value.steps)
    assert service.start() == "started"
    pid = background.running_pid(serving)
    assert service.start() == "running"
    with pytest.raises(CliError, match=f"already .pid {pid}"):
        background.start(serving)
    assert service.state().as_json()["pid"] == pid
    assert serving.log_file.stat().st_mode & 0o077 == 0
    assert service.stop()
    assert background.running_pid(serving) is None
    assert not service.stop()


def test_one_that_dies_at_its_start_is_quoted(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "import sys; sys.exit('the port is taken')")
    with pytest.raises(CliError, match="ended with exit code 1") as caught:
        background.start(plan)
    assert caught.value.steps == (
        "it said: the port is taken",
        "run it in this terminal to see why: openclaw gateway run",
    )
    assert background.running_pid(plan) is None


def test_the_pid_of_another_program_is_not_taken_for_it(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SERVES)
    mark = background.mark_file(plan)
    mark.parent.mkdir()
    mark.write_text(f"{os.getpid()}\n", "utf-8")  # as left behind, and the number used again
    assert background.running_pid(plan) is None
    assert not background.stop(plan)


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("linux", ".config/systemd/user/openclaw-core-gateway.service"),
        ("darwin", "Library/LaunchAgents/openclaw-core-gateway.plist"),
        ("win32", "state/service/openclaw-core-gateway.xml"),
    ],
)
def test_each_system_has_its_manager(
    platform: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    plan = plan_service("gateway", load_settings(tmp_path / "state"))
    assert native_manager(platform).define(plan).path == tmp_path / name


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["gateway", "node"])
async def test_a_machine_without_systemctl_says_what_to_do(kind: str, env: dict[str, str]) -> None:
    bare = {"PATH": "/nowhere", "XDG_CONFIG_HOME": f"{env['HOME']}/xdg"}
    refused = await run_here(env, kind, "install", "--json", **bare)
    assert refused.code == 1
    assert refused.json["error"]["code"] == "NO_SERVICE_MANAGER"
    assert "systemctl is not installed" in refused.err
    assert refused.err.rstrip().endswith(f"openclaw {kind} start")
    shown = await run_here(env, kind, "install", "--print", **bare)
    assert shown.code == 0
    assert f'"{kind}" "run"' in shown.out
    assert not shown.err
    for verb in ("stop", "uninstall"):
        nothing = await run_here(env, kind, verb, "--json", **bare)
        assert (nothing.code, nothing.json["outcome"]) == (0, "unchanged")
    assert (await run_here(env, "node", "status", "--json", **bare)).json["ok"] is False


@pytest.mark.anyio
async def test_beside_a_gateway_of_a_terminal_no_service_is_installed(env: dict[str, str]) -> None:
    with StateLock(Path(env["OPENCLAW_STATE_DIR"])):
        refused = await run_here(env, "gateway", "install", "--json", PATH="/nowhere")
    assert refused.json["error"]["code"] == "GATEWAY_RUNS"
    assert f"(pid {os.getpid()})" in refused.err

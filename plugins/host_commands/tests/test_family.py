"""The family as core loads it, and answers of real nodes."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest
from openclaw_host_commands import HostCommands
from openclaw_host_commands.models import ApprovalsSnapshot, NotifyParams, PrepareResult, RunParams, RunResult
from pydantic import ValidationError

from openclaw_core.plugins import load_plugins

COMMANDS = {item.name: item for item in HostCommands().openclaw_family().commands}


def test_core_finds_and_loads_the_family() -> None:
    (entry,) = entry_points(group="openclaw.capabilities", name="host_commands")
    assert entry.load() is HostCommands
    plugins = load_plugins()
    assert "host_commands" in [family.name for family in plugins.families], plugins.failed
    assert plugins.table.owner("system.run") == "host_commands"
    assert plugins.owned_hook("openclaw_validate_invoke", "system.run") is not None


def test_facts_of_the_commands() -> None:
    admin = {name for name, item in COMMANDS.items() if item.admin_approval}
    assert admin == {name for name in COMMANDS if name.startswith("system.")} - {"system.notify"} | {
        "fs.listDir",
        "terminal.upload",
    }
    assert {name for name, item in COMMANDS.items() if item.private} == {
        "system.execApprovals.get",
        "system.execApprovals.set",
    }
    assert "ios" in COMMANDS["system.notify"].platforms
    assert "ios" not in COMMANDS["system.run"].platforms


def test_the_gateways_half_imports_nothing_heavy() -> None:
    code = (
        "import sys, openclaw_host_commands as p; p.HostCommands().openclaw_methods();"
        "bad = [m for m in sys.modules if m.startswith(('openclaw_host_commands.node', 'dbus_fast'))];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (
            RunResult,
            {"exitCode": 0, "timedOut": False, "success": True, "stdout": "", "stderr": "", "error": None},
        ),
        (
            RunResult,
            {"timedOut": False, "success": False, "stdout": "", "stderr": "", "error": "e", "more": {"x": 1}},
        ),
        (
            ApprovalsSnapshot,
            {"path": "/p", "exists": True, "file": {"version": 1, "socket": {"path": "/s"}}, "hash": "h"},
        ),
        (
            ApprovalsSnapshot,
            {"enabled": True, "defaultAction": "prompt", "rules": [{"pattern": "x", "action": "deny"}]},
        ),
        (
            PrepareResult,
            {
                "plan": {
                    "argv": ["/usr/bin/ls"],
                    "cwd": None,
                    "commandText": "/usr/bin/ls",
                    "commandPreview": None,
                    "agentId": None,
                    "sessionKey": None,
                    "mutableFileOperand": {"argvIndex": 0, "path": "/usr/bin/ls", "sha256": "cb"},
                    "policySnapshot": {
                        "security": "full",
                        "ask": "off",
                        "askFallback": "deny",
                        "autoAllowSkills": False,
                        "allowlistRules": [{"pattern": "x", "source": "allow-always"}],
                    },
                },
                "execPolicy": {"security": "full", "ask": "off"},
                "allowAlwaysCoverage": {
                    "complete": True,
                    "patterns": [{"pattern": "/usr/bin/ls", "argPattern": "a"}],
                },
            },
        ),
    ],
)
def test_answers_of_real_nodes_pass_whole(model: Any, answer: dict[str, Any]) -> None:
    assert model.model_validate(answer).model_dump(mode="json") == answer


def test_params_take_null_for_absent() -> None:
    params = RunParams.model_validate(
        {"command": ["x"], "cwd": None, "env": None, "timeoutMs": 5.0, "foo": 1}
    )
    assert params.timeout_ms == 5


@pytest.mark.parametrize("params", [{}, {"title": " ", "body": ""}, {"title": "x", "priority": "loud"}])
def test_a_notification_must_say_something_known(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NotifyParams.model_validate(params)

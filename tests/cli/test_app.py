"""The command tree: fast help, usage errors, version."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from openclaw_core import __version__
from openclaw_core.cli import GROUPS, build_app
from openclaw_core.cli.plugins import table
from openclaw_core.commands import Family
from openclaw_core.plugins import Candidate, Plugins

SLOW = ("websockets", "uvicorn", "sqlmodel", "sqlalchemy", "nacl", "stevedore", "starlette")
COMMANDS = {
    "nodes": "status list pending describe rename approve reject remove invoke",
    "devices": "list approve reject remove rotate revoke rename",
    "plugins": "list",
    "gateway": "run status",
    "node": "run identity",
    "approvals": "list approve deny",
    "audit": "verify",
    "backup": "create restore",
}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["nodes", "list", "--help"], ["devices", "list", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom openclaw_core.cli import main\nsys.argv[1:] = " + repr(arguments) + "\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50
    )
    assert result.stderr.strip() == "[]"
    assert result.stdout


@pytest.mark.parametrize(("group", "commands"), COMMANDS.items())
def test_every_command_has_help(group: str, commands: str) -> None:
    assert set(GROUPS) == set(COMMANDS)
    for command in commands.split():
        result = CliRunner().invoke(build_app(group), [group, command, "--help"])
        assert result.exit_code == 0, result.output


WRONG = [
    ["bogus"],
    ["nodes", "bogus"],
    ["nodes", "status", "--bogus"],
    ["nodes", "status", "--timeout", "0"],
    ["nodes", "approve"],
    ["nodes", "invoke", "--node", "x"],
    ["devices", "rotate", "--device", "x"],
    ["gateway", "run", "--allow-unconfigured"],
    ["gateway", "run", "--auth", "magic"],
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(build_app(), arguments).exit_code == 2


@pytest.mark.parametrize("arguments", WRONG)
def test_a_program_reads_of_wrong_usage_as_of_any_failure(arguments: list[str]) -> None:
    done = CliRunner().invoke(build_app(), [*arguments, "--json"])
    assert done.exit_code == 2
    error = json.loads(done.stdout)["error"]
    assert (error["type"], error["code"]) == ("cli_error", "USAGE")
    assert error["message"]
    assert "Usage: " in done.stderr


def test_a_value_that_the_command_itself_refuses_is_told_too() -> None:
    words = ["nodes", "invoke", "--node", "x", "--command", "y", "--params", "{", "--json"]
    done = CliRunner().invoke(build_app("nodes"), words)
    assert (done.exit_code, json.loads(done.stdout)["error"]["code"]) == (2, "USAGE")
    assert "--params" in json.loads(done.stdout)["error"]["message"]


def test_version() -> None:
    result = CliRunner().invoke(build_app(None), ["--version"])
    assert (result.exit_code, result.output) == (0, f"openclaw-core {__version__}\n")


def test_gateway_commands_share_the_flags_of_the_original() -> None:
    for arguments in (["nodes", "list"], ["devices", "list"], ["gateway", "status"]):
        shown = CliRunner().invoke(build_app(), [*arguments, "--help"], env={"COLUMNS": "200"}).output
        for flag in ("--url", "--token", "--password", "--timeout", "--json"):
            assert flag in shown


class _Good:
    def openclaw_family(self) -> Family:
        return Family("good", "Good", commands=())


def _found() -> Plugins:
    broken: Any = ImportError("no module named lens")
    return Plugins(
        [
            Candidate("broken", "openclaw-broken", "1.0", error=broken),
            Candidate("good", "openclaw-good", "2.0", _Good()),
        ]
    )


def test_a_failed_family_shows_fault_and_cure() -> None:
    shown = table(_found())
    assert [column.name for column in shown.columns][-2:] == ["Fault", "Cure"]
    row = next(row for row in shown.rows if row[0] == "broken")
    assert "no module named lens" in row[5]
    assert row[6] == "reinstall it: pip install --force-reinstall openclaw-broken"


def test_plugins_as_json() -> None:
    failed = next(item for item in _found().describe() if item["state"] == "failed")
    assert set(failed) == {"name", "distribution", "version", "state", "reason", "cure"}


def test_plugins_list_is_exit_code_0() -> None:
    assert CliRunner().invoke(build_app("plugins"), ["plugins", "list", "--json"]).exit_code == 0

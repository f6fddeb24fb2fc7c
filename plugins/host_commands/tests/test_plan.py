"""Plans pin the file that decides, and a changed file does not run."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from openclaw_host_commands.models import PrepareParams, RunParams
from openclaw_host_commands.node.plan import prepare_run
from openclaw_host_commands.node.run import run_command

from openclaw_core import CommandError

pytestmark = pytest.mark.covers("exec.denied")


def prepare(run: Any, node: Any, command: list[str], **more: Any) -> dict[str, Any]:
    params = PrepareParams.model_validate({"command": command, **more})
    wire: dict[str, Any] = run(prepare_run(params, node)).model_dump(mode="json")
    return wire


def refusal(run: Any, node: Any, command: list[str], **more: Any) -> CommandError:
    with pytest.raises(CommandError) as caught:
        prepare(run, node, command, **more)
    return caught.value


def test_a_program_is_pinned_itself(run: Any, node: Any) -> None:
    answer = prepare(run, node, ["ls", "a b"], cwd="/", sessionKey="s")
    plan = answer["plan"]
    path = plan["argv"][0]
    assert path == str(Path(shutil.which("ls") or "").parent.resolve() / "ls")
    assert plan["mutableFileOperand"] == {
        "argvIndex": 0,
        "path": path,
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
    }
    assert (plan["cwd"], plan["commandText"], plan["commandPreview"]) == ("/", f'{path} "a b"', None)
    assert (plan["agentId"], plan["sessionKey"]) == (None, "s")
    assert plan["policySnapshot"]["security"] == "full"
    assert answer["execPolicy"] == {"security": "full", "ask": "off"}
    assert answer["allowAlwaysCoverage"] == {
        "complete": True,
        "patterns": [{"pattern": path, "argPattern": "'a\\ b'"}],
    }


@pytest.mark.parametrize(
    "command", [[sys.executable, "tool.py", "x"], ["sh", "tool.py"], ["sh", "-e", "./tool.py"]]
)
def test_a_script_is_pinned_for_its_interpreter(run: Any, node: Any, script: Any, command: list[str]) -> None:
    path = script("tool.py", "print(1)\n")
    answer = prepare(run, node, command, cwd=str(path.parent))
    operand = answer["plan"]["mutableFileOperand"]
    assert operand["path"] == str(path)
    assert operand["sha256"] == hashlib.sha256(b"print(1)\n").hexdigest()
    assert answer["allowAlwaysCoverage"] == {"complete": False, "patterns": []}


def test_a_plain_shell_line_needs_no_pin(run: Any, node: Any) -> None:
    answer = prepare(run, node, ["sh", "-c", "ls -l"], rawCommand="ls -l")
    assert "mutableFileOperand" not in answer["plan"]
    assert answer["plan"]["commandPreview"] == "ls -l"
    assert answer["allowAlwaysCoverage"]["patterns"][0]["pattern"].endswith("/ls")


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", "ls; id"],
        [sys.executable, "-c", "1"],
        [sys.executable, "-m", "site"],
        ["perl", "-e", "1"],
        ["sh"],
        ["sh", "-s"],
    ],
)
def test_inline_code_cannot_be_pinned(run: Any, node: Any, command: list[str]) -> None:
    error = refusal(run, node, command)
    assert error.code == "SYSTEM_RUN_DENIED"
    assert "cannot pin" in error.message


def test_missing_files_are_named(run: Any, node: Any, tmp_path: Path) -> None:
    assert "no executable 'no-such-program'" in refusal(run, node, ["no-such-program"]).message
    error = refusal(run, node, ["sh", "gone.sh"], cwd=str(tmp_path))
    assert f"{tmp_path}/gone.sh cannot be read" in error.message


def test_a_differing_raw_command_is_refused(run: Any, node: Any) -> None:
    error = refusal(run, node, ["echo", "hi"], rawCommand="echo ho")
    assert error.code == "INVALID_REQUEST"
    assert "rawCommand does not match command" in error.message


def test_an_unchanged_plan_runs_and_a_changed_file_does_not(run: Any, node: Any, script: Any) -> None:
    path = script("job.sh", "echo one\n")
    plan = prepare(run, node, ["sh", str(path)])["plan"]
    params = RunParams.model_validate({"command": plan["argv"], "systemRunPlan": plan, "runId": "r"})
    assert run(run_command(params, node)).stdout == "one\n"
    path.write_text("echo two\n")
    with pytest.raises(CommandError) as caught:
        run(run_command(params, node))
    assert caught.value.code == "SYSTEM_RUN_DENIED"
    assert caught.value.message == (
        f"plan mismatch: {path} changed after it was prepared; prepare the command again"
    )
    assert node.events[-1][0] == "exec.denied"
    assert node.events[-1][1]["reason"] == "execution-plan-miss"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"argv": ["/bin/true"]}, "command is not the argv"),
        ({"mutableFileOperand": {"argvIndex": 9, "path": "/x", "sha256": ""}}, "has only"),
        ({"mutableFileOperand": {"argvIndex": 1, "path": "/x", "sha256": ""}}, "the plan pins /x"),
    ],
)
def test_a_forged_plan_does_not_run(run: Any, node: Any, script: Any, change: Any, text: str) -> None:
    plan = prepare(run, node, ["sh", str(script("job.sh", "echo one\n"))])["plan"]
    params = RunParams.model_validate({"command": plan["argv"], "systemRunPlan": {**plan, **change}})
    with pytest.raises(CommandError, match=text):
        run(run_command(params, node))

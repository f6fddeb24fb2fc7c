"""system.run on a node: policy, approval, events."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openclaw_host_commands.models import PrepareParams, RunParams, SetApprovalsParams
from openclaw_host_commands.node.approvals import policy_path, read_policy, replace_policy
from openclaw_host_commands.node.plan import prepare_run
from openclaw_host_commands.node.run import run_command
from pydantic import ValidationError

from openclaw_core import CommandError

APPROVED = {"approved": True, "approvalDecision": "allow-once", "runId": "r1"}


def policy(node: Any, *patterns: str, **defaults: str) -> None:
    policy_path(node.state_dir).unlink(missing_ok=True)
    allowlist = [{"pattern": pattern} for pattern in patterns]
    file = {"version": 1, "defaults": defaults, "agents": {"*": {"allowlist": allowlist}}}
    replace_policy(node.state_dir, SetApprovalsParams(file=file))


def go(run: Any, node: Any, *command: str, **more: Any) -> Any:
    return run(run_command(RunParams.model_validate({"command": list(command), **more}), node))


def refusal(run: Any, node: Any, *command: str, **more: Any) -> str:
    with pytest.raises(CommandError) as caught:
        go(run, node, *command, **more)
    assert caught.value.code == "SYSTEM_RUN_DENIED"
    return caught.value.message


def test_a_run_reports_its_end(run: Any, node: Any) -> None:
    more = {"runId": "r1", "sessionKey": "s", "suppressNotifyOnExit": True}
    assert go(run, node, "sh", "-c", "echo hi; exit 3", **more).exit_code == 3
    assert node.events == [
        (
            "exec.finished",
            {
                "sessionKey": "s",
                "runId": "r1",
                "host": "node",
                "command": 'sh -c "echo hi; exit 3"',
                "exitCode": 3,
                "timedOut": False,
                "success": False,
                "output": "hi\n",
                "suppressNotifyOnExit": True,
            },
        )
    ]


def test_the_events_output_is_capped(run: Any, node: Any) -> None:
    go(run, node, "sh", "-c", "head -c 50000 /dev/zero | tr '\\0' x")
    assert len(node.events[0][1]["output"]) == 20_000


def test_an_event_that_cannot_be_sent_is_only_logged(
    run: Any, node: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def offline(_event: str, _payload: Mapping[str, Any]) -> None:
        raise ConnectionError("socket closed")

    monkeypatch.setattr(node, "emit", offline)
    with caplog.at_level(logging.WARNING):
        assert go(run, node, "true", runId="r1").success
    assert "exec.finished of run r1 was not sent: socket closed" in caplog.text


def test_secrets_of_the_host_do_not_reach_a_run(run: Any, node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "secret-token")
    out = go(run, node, "env", env={"MODE": "x"}).stdout
    assert "secret-token" not in out
    assert "MODE=x\n" in out


def test_a_blocked_override_stops_the_run(run: Any, node: Any) -> None:
    assert refusal(run, node, "env", env={"PATH": "/evil"}) == (
        "environment override rejected (blocked override keys: PATH)"
    )


def test_launch_failures_have_no_exit_code(run: Any, node: Any, tmp_path: Path) -> None:
    missing = go(run, node, "no-such-program").model_dump(mode="json")
    assert "exitCode" not in missing
    assert "'no-such-program'" in missing["error"]
    assert f"{tmp_path}/gone does not exist" in go(run, node, "ls", cwd=f"{tmp_path}/gone").error


def test_timeout_ends_a_run_and_is_reported(run: Any, node: Any, tmp_path: Path) -> None:
    block = tmp_path / "block"
    os.mkfifo(block)
    wait = ["sh", "-c", f"read -r never < {block}"]
    assert go(run, node, *wait, timeoutMs=100).exit_code == 124
    assert node.events[0][1]["timedOut"] is True


def test_cancelling_the_command_kills_the_program(run: Any, node: Any, tmp_path: Path) -> None:
    report, block = tmp_path / "report", tmp_path / "block"
    os.mkfifo(report)
    os.mkfifo(block)
    params = RunParams(command=["sh", "-c", f"echo $$ > {report}; read -r never < {block}"])

    async def scene() -> int:
        running = asyncio.create_task(run_command(params, node))
        pid = int(await asyncio.to_thread(report.read_text))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return pid

    with pytest.raises(ProcessLookupError):
        os.kill(run(scene()), 0)
    assert node.events == []


@pytest.mark.parametrize(
    ("settings", "message", "reason"),
    [
        ({"security": "deny"}, "SYSTEM_RUN_DISABLED: security=deny", "security=deny"),
        ({"security": "full", "ask": "always"}, "approval required", "approval-required"),
        ({"security": "allowlist"}, "allowlist miss", "allowlist-miss"),
        ({"security": "allowlist", "ask": "on-miss"}, "approval required", "approval-required"),
    ],
)
def test_denials(run: Any, node: Any, settings: Any, message: str, reason: str) -> None:
    policy(node, **settings)
    assert refusal(run, node, "echo", "hi", runId="r1", suppressNotifyOnExit=False) == message
    assert node.events == [
        (
            "exec.denied",
            {
                "sessionKey": "node",
                "runId": "r1",
                "host": "node",
                "command": "echo hi",
                "reason": reason,
                "suppressNotifyOnExit": False,
            },
        )
    ]


def test_an_allowed_program_runs_and_a_swapped_link_does_not(run: Any, node: Any, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.symlink_to("/usr/bin/id")
    policy(node, str(tool), security="allowlist")
    assert go(run, node, str(tool), "-u").success
    tool.unlink()
    tool.symlink_to("/usr/bin/whoami")
    assert refusal(run, node, str(tool)) == "allowlist miss"


def test_a_program_that_is_not_there_is_an_allowlist_miss(run: Any, node: Any) -> None:
    policy(node, "/**", security="allowlist")
    assert refusal(run, node, "no-such-program") == "allowlist miss"


def test_approval_opens_ask_but_never_deny(run: Any, node: Any) -> None:
    policy(node, security="allowlist", ask="always")
    assert go(run, node, "echo", "hi", **APPROVED).stdout == "hi\n"
    policy(node, security="deny")
    assert "SYSTEM_RUN_DISABLED" in refusal(run, node, "echo", "hi", **APPROVED)


@pytest.mark.parametrize(
    ("fallback", "security", "outcome"),
    [
        ("deny", "full", "approval required"),
        ("full", "full", None),
        ("allowlist", "full", "allowlist miss"),
        ("full", "allowlist", "allowlist miss"),
    ],
)
def test_an_unanswered_question_leaves_it_to_ask_fallback(
    run: Any, node: Any, fallback: str, security: str, outcome: str | None
) -> None:
    policy(node, "id", security=security, ask="always", askFallback=fallback)
    source = {"approvalSource": "ask-fallback", "runId": "r1"}
    if outcome is None:
        assert go(run, node, "echo", "hi", **source).success
    else:
        assert refusal(run, node, "echo", "hi", **source) == outcome
    if fallback != "deny":
        assert go(run, node, "id", "-u", **source).success


def test_allow_always_is_remembered(run: Any, node: Any) -> None:
    policy(node, security="allowlist", ask="on-miss")
    assert refusal(run, node, "echo", "hi") == "approval required"
    plan = run(prepare_run(PrepareParams(command=["echo", "hi"]), node)).plan.model_dump(mode="json")
    more = {**APPROVED, "approvalDecision": "allow-always", "systemRunPlan": plan}
    assert go(run, node, *plan["argv"], **more).success
    assert go(run, node, "echo", "hi").success
    assert refusal(run, node, "echo", "ho") == "approval required"
    assert len(read_policy(node.state_dir).rules) == 1


def test_an_approval_ends_with_the_policy_it_was_given_under(run: Any, node: Any) -> None:
    policy(node, security="full", ask="always")
    plan = run(prepare_run(PrepareParams(command=["echo", "hi"]), node)).plan.model_dump(mode="json")
    policy(node, security="allowlist", ask="always")
    message = refusal(run, node, *plan["argv"], systemRunPlan=plan, **APPROVED)
    assert message == "plan mismatch: the exec policy of this node changed; prepare the command again"


@pytest.mark.parametrize("command", [[], "ls", None, [" "], [3]])
def test_command_is_required(command: Any) -> None:
    with pytest.raises(ValidationError, match="command required"):
        RunParams.model_validate({"command": command})
    with pytest.raises(ValidationError, match="command required"):
        RunParams.model_validate({})

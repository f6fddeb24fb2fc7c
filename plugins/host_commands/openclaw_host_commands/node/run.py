"""system.run on a node: check, run, report (PROTOCOL 19.2, 19.4)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

from openclaw_core import NodeContext
from openclaw_host_commands.argv import format_argv
from openclaw_host_commands.models import RunParams, RunResult
from openclaw_host_commands.node.approvals import Policy, allow_always, read_policy
from openclaw_host_commands.node.decision import Denial, decide
from openclaw_host_commands.node.environment import build_environment
from openclaw_host_commands.node.executable import Executable, find_executable
from openclaw_host_commands.node.plan import check_raw, check_unchanged, coverage, denied, working_directory
from openclaw_host_commands.node.process import execute, failed_launch

__all__ = ["run_command"]

EVENT_OUTPUT_CHARS = 20_000
DEFAULT_SESSION = "node"

_log = logging.getLogger(__name__)


async def run_command(args: RunParams, node: NodeContext) -> RunResult:
    """Run one command within the node's policy.

    `timeoutMs` ends the program with a result; the budget of the invoke is the host's to keep,
    which cancels this coroutine.

    Raises:
        CommandError: `INVALID_REQUEST`, or `SYSTEM_RUN_DENIED` with the texts of 19.2; a
            denial was reported as `exec.denied` before.
    """
    check_raw(args)
    env = build_environment(args.env)
    cwd = working_directory(args.cwd)
    policy = read_policy(node.state_dir, args.agent_id)
    program = find_executable(args.command[0], cwd, env)
    denial = decide(args, policy, program, cwd, env) or await _check_plan(args, policy)
    if denial is not None:
        await _report(node, "exec.denied", args, {"reason": denial.reason})
        raise denied(denial.message)
    if program is not None and args.approval_decision == "allow-always":
        _remember(args, policy, program, node, cwd, env)
    result = await _start(args, program, cwd, env, node)
    await _report_end(node, args, result)
    return result


async def _check_plan(args: RunParams, policy: Policy) -> Denial | None:
    """An approval holds for the plan as approved: same words, same file, same policy."""
    plan = args.system_run_plan
    if plan is None:
        return None
    if plan.argv != args.command:
        fault: str | None = "command is not the argv of systemRunPlan"
    else:
        fault = await check_unchanged(plan)
    if fault is None and args.approved and plan.policy_snapshot not in (None, policy.snapshot()):
        fault = "the exec policy of this node changed"
    if fault is None:
        return None
    return Denial("execution-plan-miss", f"plan mismatch: {fault}; prepare the command again")


def _remember(
    args: RunParams, policy: Policy, program: Executable, node: NodeContext, cwd: str, env: Mapping[str, str]
) -> None:
    """Turn an allow-always into allowlist entries, where the policy looks at them."""
    if policy.ask == "always":
        return
    patterns = coverage(args.command, program, cwd, env).patterns
    entries = [pattern.model_dump(mode="json") for pattern in patterns]
    text = format_argv(args.command)
    allow_always(node.state_dir, args.agent_id, [{**entry, "commandText": text} for entry in entries])


async def _start(
    args: RunParams, program: Executable | None, cwd: str, env: Mapping[str, str], node: NodeContext
) -> RunResult:
    if not _is_directory(cwd):
        return failed_launch(
            f"the working directory {cwd} does not exist on the node; create it or change cwd"
        )
    if program is None:
        return failed_launch(
            f"no executable {args.command[0]!r} on the node (looked {_where(args.command[0], cwd, env)});"
            " check it with system.which"
        )
    return await execute(args.command, program.path, cwd, env, args.timeout_ms or None, node.progress)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path)


def _where(word: str, cwd: str, env: Mapping[str, str]) -> str:
    return f"in {cwd}" if "/" in word else f"on PATH {env['PATH']}"


async def _report_end(node: NodeContext, args: RunParams, result: RunResult) -> None:
    output = "\n".join(part for part in (result.stdout, result.stderr, result.error or "") if part)
    facts = {
        "exitCode": result.exit_code,
        "timedOut": result.timed_out,
        "success": result.success,
        "output": output[-EVENT_OUTPUT_CHARS:],
    }
    await _report(node, "exec.finished", args, {k: v for k, v in facts.items() if v is not None})


async def _report(node: NodeContext, event: str, args: RunParams, facts: Mapping[str, Any]) -> None:
    """Send an `exec.*` event; the run's answer does not depend on it."""
    payload = {
        "sessionKey": args.session_key or DEFAULT_SESSION,
        "runId": args.run_id or "",
        "host": "node",
        "command": args.raw_command or format_argv(args.command),
        **facts,
    }
    if args.suppress_notify_on_exit is not None:
        payload["suppressNotifyOnExit"] = args.suppress_notify_on_exit
    try:
        await node.emit(event, payload)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        _log.warning("%s of run %s was not sent: %s", event, payload["runId"], error)

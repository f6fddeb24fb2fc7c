"""What of a caller's `system.run` reaches the node (PROTOCOL 19.2, 19.4 step 6).

Claims of approval never pass as they came: they are dropped, or refused, or replaced by
what an approval record of this gateway says.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_host_commands.argv import format_argv, matches_raw, shell_payload
from openclaw_host_commands.gateway.exec_approvals import Approval, ExecApprovals, env_hash

__all__ = ["authorize_run"]

FORWARDED = (
    "command",
    "rawCommand",
    "systemRunPlan",
    "cwd",
    "env",
    "timeoutMs",
    "needsScreenRecording",
    "agentId",
    "sessionKey",
    "runId",
    "suppressNotifyOnExit",
)
FALLBACK = "ask-fallback"
GRANTS = ("allow-once", "allow-always")


def authorize_run(invocation: Invocation, approvals: ExecApprovals) -> dict[str, Any]:
    """The params to send, always with a `runId`.

    Raises:
        InvalidRequestError: `details.code` is one of 19.2; see there.
    """
    params: Mapping[str, Any] = invocation.params
    clean = {key: params[key] for key in FORWARDED if key in params}
    _check_raw(params)
    source = params.get("approvalSource")
    explicit = params.get("approved") is True or params.get("approvalDecision") in GRANTS
    if source is not None:
        _check_source(source, explicit)
    if not explicit and source is None:
        clean["runId"] = clean.get("runId") or str(uuid.uuid4())
        return clean
    approval = _approval_of(params, invocation, approvals)
    if source == FALLBACK:
        _take_fallback(approval)
        return {**clean, **_planned(approval), "approvalSource": FALLBACK}
    decision = _take_decision(approval, params)
    return {**clean, **_planned(approval), "approved": True, "approvalDecision": decision}


def _check_raw(params: Mapping[str, Any]) -> None:
    raw = params.get("rawCommand")
    argv = params["command"]
    if raw is None or not raw.strip() or matches_raw(argv, raw):
        return
    formatted = format_argv(argv)
    raise InvalidRequestError(
        f"rawCommand does not match command: got {raw!r}, command says {formatted!r};"
        " send that text or leave rawCommand out",
        {
            "code": "RAW_COMMAND_MISMATCH",
            "rawCommand": raw,
            "inferred": shell_payload(argv) or formatted,
            "formattedArgv": formatted,
        },
    )


def _check_source(source: Any, explicit: bool) -> None:
    if source != FALLBACK:
        raise InvalidRequestError(
            f"approval source invalid: {source!r}; the only one is {FALLBACK!r}",
            {"code": "INVALID_APPROVAL_SOURCE"},
        )
    if explicit:
        raise InvalidRequestError(
            "approval source cannot be combined with explicit approval; send one of the two",
            {"code": "APPROVAL_SOURCE_MISMATCH"},
        )


def _refuse(code: str, message: str, run_id: str, **more: Any) -> InvalidRequestError:
    return InvalidRequestError(message, {"code": code, "runId": run_id, **more})


def _approval_of(params: Mapping[str, Any], invocation: Invocation, approvals: ExecApprovals) -> Approval:
    run_id = (params.get("runId") or "").strip()
    if not run_id:
        raise InvalidRequestError(
            "approval override requires params.runId, the id of the approval", {"code": "MISSING_RUN_ID"}
        )
    approval = approvals.find(run_id)
    if approval is None:
        raise _refuse("UNKNOWN_APPROVAL_ID", "unknown or expired approval id", run_id)
    if approvals.expired(approval) and approval.terminal_reason == "user":
        raise _refuse("APPROVAL_EXPIRED", "approval expired; ask for a new one", run_id)
    if approval.node_id != invocation.node_id:
        raise _refuse("APPROVAL_NODE_MISMATCH", "approval id not valid for this node", run_id)
    _check_caller(approval, invocation.caller)
    _check_env(approval, params.get("env"))
    plan = params.get("systemRunPlan")
    if plan is not None and plan.get("argv") != approval.plan["argv"]:
        raise _refuse("APPROVAL_REQUEST_MISMATCH", "systemRunPlan is not the plan that was approved", run_id)
    return approval


def _check_caller(approval: Approval, caller: Caller) -> None:
    if approval.device_id != caller.device_id:
        raise _refuse("APPROVAL_DEVICE_MISMATCH", "approval id not valid for this device", approval.id)
    if approval.device_id is None and approval.conn_id != caller.conn_id:
        raise _refuse("APPROVAL_CLIENT_MISMATCH", "approval id not valid for this client", approval.id)


def _check_env(approval: Approval, env: Mapping[str, str] | None) -> None:
    actual = env_hash(env)
    if actual == approval.env_hash:
        return
    keys = sorted(env or ())
    if approval.env_hash is None:
        raise _refuse(
            "APPROVAL_ENV_BINDING_MISSING",
            f"the approval was asked without env; ask again with env {', '.join(keys)}",
            approval.id,
            envKeys=keys,
        )
    raise _refuse("APPROVAL_ENV_MISMATCH", "env is not the one that was approved", approval.id, envKeys=keys)


def _take_decision(approval: Approval, params: Mapping[str, Any]) -> str:
    """The granted decision; an allow-once is used up by this."""
    wanted = params.get("approvalDecision") or approval.decision
    if approval.decision not in GRANTS or approval.used or wanted != approval.decision:
        raise _refuse("APPROVAL_REQUIRED", "approval required", approval.id)
    if approval.decision == "allow-once":
        approval.used = True
    return approval.decision


def _take_fallback(approval: Approval) -> None:
    """Only a question that nobody answered lets the node's askFallback decide, and only once."""
    if approval.terminal_reason not in {"timeout", "no-route"} or approval.used:
        raise _refuse("APPROVAL_REQUIRED", "approval required", approval.id)
    approval.used = True


def _planned(approval: Approval) -> dict[str, Any]:
    """Command, cwd and the rest as approved; what the caller sent for them is replaced."""
    plan = approval.plan
    return {
        "command": plan["argv"],
        "rawCommand": format_argv(plan["argv"]),
        "cwd": plan.get("cwd"),
        "agentId": plan.get("agentId"),
        "sessionKey": plan.get("sessionKey"),
        "systemRunPlan": plan,
        "runId": approval.id,
    }

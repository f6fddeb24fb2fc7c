"""What of a caller's system.run a gateway sends on."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from openclaw_host_commands.gateway.exec_approvals import Clock
from openclaw_host_commands.plugin import HostCommands

from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller, Invocation, NodeView

pytestmark = pytest.mark.covers("exec.started", "exec.finished")

NODE = "a" * 64
PLAN = {
    "argv": ["/usr/bin/echo", "a b"],
    "cwd": "/srv",
    "commandText": "x",
    "commandPreview": None,
    "agentId": None,
    "sessionKey": "s",
}
ME = Caller("c1", "cli", "cli", "d" * 64, frozenset({"operator.admin"}))


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def plugin(time: Time) -> HostCommands:
    return HostCommands(Clock(wall=time, monotonic=time))


def send(plugin: HostCommands, caller: Caller = ME, node_id: str = NODE, **params: Any) -> dict[str, Any]:
    data = {"command": ["echo", "hi"], **params}
    sent: dict[str, Any] = plugin.openclaw_validate_invoke(Invocation(node_id, "system.run", data, caller))
    return sent


def refusal(
    plugin: HostCommands, caller: Caller = ME, node_id: str = NODE, **params: Any
) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        send(plugin, caller, node_id, **params)
    return caught.value


def approve(plugin: HostCommands, decision: str | None = "allow-once", **more: Any) -> str:
    facts: dict[str, Any] = {
        "wanted_id": None,
        "node_id": NODE,
        "request": {},
        "plan": PLAN,
        "env": None,
        "device_id": ME.device_id,
        "conn_id": ME.conn_id,
        "timeout_ms": 60_000,
        "allowed": ("allow-once", "allow-always", "deny"),
        **more,
    }
    approval = plugin.approvals.open(**facts)
    if decision is not None:
        plugin.approvals.resolve(approval.id, decision)
    return approval.id


def grant(run_id: str, decision: str = "allow-once") -> dict[str, Any]:
    return {"runId": run_id, "approved": True, "approvalDecision": decision}


def test_only_known_fields_go_on_and_a_run_id_is_added(plugin: HostCommands) -> None:
    sent = send(plugin, cwd="/x", foo=1, approved=False, approvalDecision="junk", env={"A": "1"})
    assert uuid.UUID(sent.pop("runId"))
    assert sent == {"command": ["echo", "hi"], "cwd": "/x", "env": {"A": "1"}}
    assert send(plugin, runId="mine")["runId"] == "mine"


def test_other_commands_are_left_alone(plugin: HostCommands) -> None:
    assert plugin.openclaw_validate_invoke(Invocation(NODE, "system.which", {"bins": ["x"]}, ME)) is None


def test_a_raw_command_must_say_the_same(plugin: HostCommands) -> None:
    assert send(plugin, rawCommand="echo hi")["rawCommand"] == "echo hi"
    assert refusal(plugin, rawCommand="echo  hi").details == {
        "code": "RAW_COMMAND_MISMATCH",
        "rawCommand": "echo  hi",
        "inferred": "echo hi",
        "formattedArgv": "echo hi",
    }


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"approved": True}, "MISSING_RUN_ID"),
        ({"approvalDecision": "allow-always", "runId": " "}, "MISSING_RUN_ID"),
        ({"approved": True, "runId": "zz"}, "UNKNOWN_APPROVAL_ID"),
        ({"approvalSource": "ask-fallback", "runId": "zz"}, "UNKNOWN_APPROVAL_ID"),
        ({"approvalSource": "x"}, "INVALID_APPROVAL_SOURCE"),
        ({"approvalSource": "ask-fallback", "approved": True, "runId": "zz"}, "APPROVAL_SOURCE_MISMATCH"),
    ],
)
def test_claims_without_an_approval(plugin: HostCommands, params: dict[str, Any], code: str) -> None:
    details = refusal(plugin, **params).details
    assert details is not None
    assert details["code"] == code
    assert "runId" not in details or details["runId"] == "zz"


def test_the_approved_plan_replaces_what_the_caller_says(plugin: HostCommands) -> None:
    run_id = approve(plugin)
    sent = send(plugin, command=["ls"], cwd="/", sessionKey="other", timeoutMs=5, **grant(run_id))
    assert sent == {
        "command": ["/usr/bin/echo", "a b"],
        "rawCommand": '/usr/bin/echo "a b"',
        "cwd": "/srv",
        "agentId": None,
        "sessionKey": "s",
        "systemRunPlan": PLAN,
        "runId": run_id,
        "timeoutMs": 5,
        "approved": True,
        "approvalDecision": "allow-once",
    }


def test_allow_once_is_used_up_and_allow_always_is_not(plugin: HostCommands) -> None:
    once, always = approve(plugin), approve(plugin, "allow-always")
    send(plugin, **grant(once))
    error = refusal(plugin, **grant(once))
    assert (error.message, error.details) == (
        "approval required",
        {"code": "APPROVAL_REQUIRED", "runId": once},
    )
    for _ in range(2):
        assert send(plugin, **grant(always, "allow-always"))["approvalDecision"] == "allow-always"


@pytest.mark.parametrize("decision", [None, "deny"])
def test_only_a_grant_opens(plugin: HostCommands, decision: str | None) -> None:
    assert refusal(plugin, **grant(approve(plugin, decision))).details is not None
    assert refusal(plugin, **grant(approve(plugin), "allow-always")).message == "approval required"


def test_an_approval_is_bound(plugin: HostCommands, time: Time) -> None:
    run_id = approve(plugin)
    other_device = replace(ME, device_id="f" * 64)
    other_plan = {**PLAN, "argv": ["/bin/rm"]}
    cases = [
        ("APPROVAL_NODE_MISMATCH", refusal(plugin, node_id="b" * 64, **grant(run_id))),
        ("APPROVAL_DEVICE_MISMATCH", refusal(plugin, other_device, **grant(run_id))),
        ("APPROVAL_DEVICE_MISMATCH", refusal(plugin, replace(ME, device_id=None), **grant(run_id))),
        ("APPROVAL_ENV_BINDING_MISSING", refusal(plugin, env={"A": "1"}, **grant(run_id))),
        ("APPROVAL_REQUEST_MISMATCH", refusal(plugin, systemRunPlan=other_plan, **grant(run_id))),
    ]
    time.now += 61
    cases.append(("APPROVAL_EXPIRED", refusal(plugin, **grant(run_id))))
    assert [(error.details or {})["code"] for _, error in cases] == [code for code, _ in cases]
    assert all((error.details or {})["runId"] == run_id for _, error in cases)


def test_a_client_without_device_is_bound_by_its_connection(plugin: HostCommands) -> None:
    nobody = replace(ME, device_id=None)
    run_id = approve(plugin, device_id=None)
    error = refusal(plugin, replace(nobody, conn_id="c9"), **grant(run_id))
    assert error.details == {"code": "APPROVAL_CLIENT_MISMATCH", "runId": run_id}
    assert send(plugin, nobody, **grant(run_id))["approved"] is True
    assert send(plugin, replace(ME, conn_id="c9"), **grant(approve(plugin)))["approved"] is True


def test_the_environment_is_bound(plugin: HostCommands) -> None:
    run_id = approve(plugin, env={"A": "1", "B": "2"})
    for env in ({"A": "1"}, {"A": "1", "B": "3"}, None):
        assert (refusal(plugin, env=env, **grant(run_id)).details or {})["code"] == "APPROVAL_ENV_MISMATCH"
    assert send(plugin, env={"B": "2", "A": "1"}, **grant(run_id))["env"] == {"B": "2", "A": "1"}


def test_ask_fallback_needs_a_question_nobody_answered(plugin: HostCommands) -> None:
    fallback = {"approvalSource": "ask-fallback"}
    for decision in (None, "deny", "allow-once"):
        run_id = approve(plugin, decision)
        assert (refusal(plugin, runId=run_id, **fallback).details or {})["code"] == "APPROVAL_REQUIRED"
    run_id = approve(plugin, None)
    approval = plugin.approvals.find(run_id)
    assert approval is not None
    plugin.approvals.settle(approval, None, "timeout")
    sent = send(plugin, runId=run_id, **fallback)
    assert sent["approvalSource"] == "ask-fallback"
    assert "approved" not in sent
    assert (refusal(plugin, runId=run_id, **fallback).details or {})["code"] == "APPROVAL_REQUIRED"


def test_exec_events_are_believed_for_our_runs_only(plugin: HostCommands) -> None:
    run_id = send(plugin)["runId"]
    node = NodeView(NODE, "n", "linux", frozenset(), frozenset())
    stranger = replace(node, node_id="b" * 64)
    unmatched = {"ok": True, "event": "exec.finished", "handled": False, "reason": "unmatched_exec_event"}

    def event(who: NodeView, payload: Any, name: str = "exec.finished") -> Any:
        return plugin.openclaw_node_event(who, name, payload)

    assert event(node, {"runId": run_id}, "voice.transcript") is None
    assert event(stranger, {"runId": run_id}) == unmatched
    for junk in ({"runId": "zz"}, {"runId": ["x"]}, {}, None, "text"):
        assert event(node, junk) == unmatched
    assert event(node, {"runId": run_id}, "exec.started") == {"ok": True}
    assert event(node, {"runId": run_id, "exitCode": 0}) == {"ok": True}
    assert event(node, {"runId": run_id}) == unmatched

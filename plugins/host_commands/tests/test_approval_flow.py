"""exec.approval.* and exec.approvals.node.*: from the question to the run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from openclaw_host_commands.gateway import exec_approvals
from openclaw_host_commands.models import PrepareParams, RunParams
from openclaw_host_commands.node.plan import prepare_run
from openclaw_host_commands.node.run import run_command
from pydantic import ValidationError

from openclaw_core import CommandError
from openclaw_core.errors import InvalidRequestError, UnavailableError
from openclaw_core.hookspecs import Caller, Invocation

pytestmark = [
    pytest.mark.covers("exec.approval.request", "exec.approval.requested", "exec.approval.resolve"),
    pytest.mark.covers("exec.approval.resolved", "exec.approval.waitDecision", "exec.approval.get"),
    pytest.mark.covers("exec.approval.list", "exec.approvals.node.get", "exec.approvals.node.set"),
]


async def question(node: Any, **more: Any) -> dict[str, Any]:
    plan = (await prepare_run(PrepareParams(command=["echo", "hi"], cwd="/"), node)).plan
    return {
        "command": "something else",
        "systemRunPlan": plan.model_dump(mode="json"),
        "nodeId": node.node_id,
        "host": "node",
        "security": "full",
        "ask": "always",
        "timeoutMs": 60_000,
        "twoPhase": True,
        "turnSourceChannel": None,
        **more,
    }


def reason(error: InvalidRequestError) -> Any:
    return (error.details or {}).get("reason")


def test_the_whole_flow(run: Any, desk: Any, node: Any, asker: Caller, approver: Caller) -> None:
    async def scene() -> None:
        await desk.call(
            "exec.approvals.node.set",
            {
                "nodeId": node.node_id,
                "file": {"version": 1, "defaults": {"ask": "always"}},
            },
        )
        accepted = await desk.call("exec.approval.request", await question(node))
        waiting = asyncio.create_task(desk.call("exec.approval.waitDecision", {"id": accepted["id"]}))
        (event, asked) = desk.context.events[0]
        assert (event, asked["id"], asked["approvalKind"]) == (
            "exec.approval.requested",
            accepted["id"],
            "exec",
        )
        decision = {"id": accepted["id"], "decision": "allow-once"}
        assert await desk.call("exec.approval.resolve", decision, approver) == {"ok": True}
        outcome = await waiting
        assert (outcome["decision"], outcome["terminalReason"]) == ("allow-once", "user")
        params = {"command": ["ls"], "cwd": "/srv", "runId": accepted["id"], "approved": True}
        invocation = Invocation(node.node_id, "system.run", params, asker)
        sent = desk.plugin.openclaw_validate_invoke(invocation)
        assert (await run_command(RunParams.model_validate(sent), node)).stdout == "hi\n"
        with pytest.raises(InvalidRequestError, match="approval required"):
            desk.plugin.openclaw_validate_invoke(invocation)

    run(scene())
    assert node.events[0][0] == "exec.finished"


def test_what_approvers_see_comes_from_the_plan(run: Any, desk: Any, node: Any) -> None:
    async def scene() -> None:
        accepted = await desk.call("exec.approval.request", await question(node, id="my-id", env={"A": "1"}))
        assert accepted["status"] == "accepted"
        assert accepted["deliveryRoute"] == "approval-client"
        assert accepted["expiresAtMs"] - accepted["createdAtMs"] == 60_000
        (shown,) = await desk.call("exec.approval.list", {})
        assert shown["request"]["command"].endswith("/echo hi")
        assert shown["request"]["systemRunBinding"]["argv"] == shown["request"]["systemRunPlan"]["argv"]
        assert shown["request"]["systemRunBinding"]["envHash"] is not None
        assert shown["request"]["envKeys"] == ["A"]
        assert shown["request"]["allowedDecisions"] == ["allow-once", "deny"]
        short = await desk.call("exec.approval.get", {"id": "my-id"})
        assert short["commandText"] == shown["request"]["command"]

    run(scene())


def test_with_nobody_to_ask_it_ends_at_once_and_says_why(
    run: Any, desk: Any, node: Any, approver: Caller
) -> None:
    plain = replace(approver, caps=frozenset())
    powerless = replace(approver, scopes=frozenset({"operator.read"}))
    desk.context.operators = (plain, powerless)
    answer = run(question_and_call(desk, node))
    assert (answer["decision"], answer["terminalReason"]) == (None, "no-route")
    assert "exec-approvals" in answer["reason"]
    assert desk.context.events == []
    desk.context.operators = (replace(plain, client_id="openclaw-control-ui"),)
    assert run(question_and_call(desk, node))["status"] == "accepted"


async def question_and_call(desk: Any, node: Any, **more: Any) -> Any:
    return await desk.call("exec.approval.request", await question(node, **more))


@pytest.mark.parametrize("two_phase", [True, False])
def test_time_runs_out(run: Any, desk: Any, node: Any, two_phase: bool) -> None:
    async def scene() -> Any:
        answer = await question_and_call(desk, node, timeoutMs=20, twoPhase=two_phase)
        return await desk.call("exec.approval.waitDecision", {"id": answer["id"]}) if two_phase else answer

    outcome = run(scene())
    assert (outcome["decision"], outcome["terminalReason"]) == (None, "timeout")
    event, payload = desk.context.events[-1]
    assert (event, payload["decision"], payload["resolvedBy"]) == ("exec.approval.resolved", "deny", None)


def test_one_phase_answers_with_the_decision(run: Any, desk: Any, node: Any, approver: Caller) -> None:
    async def scene() -> Any:
        asked = asyncio.Event()
        desk.context.announce = asked.set
        asking = asyncio.create_task(question_and_call(desk, node, id="q", twoPhase=False))
        await asked.wait()
        await desk.call("exec.approval.resolve", {"id": "q", "decision": "deny"}, approver)
        return await asking

    assert run(scene())["decision"] == "deny"


def test_refusals_of_resolve(run: Any, desk: Any, node: Any) -> None:
    async def refused(approval_id: str, decision: str) -> InvalidRequestError:
        with pytest.raises(InvalidRequestError) as caught:
            await desk.call("exec.approval.resolve", {"id": approval_id, "decision": decision})
        return caught.value

    async def scene() -> None:
        await question_and_call(desk, node, id="q")
        assert reason(await refused("zz", "deny")) == "APPROVAL_NOT_FOUND"
        assert "invalid decision" in (await refused("q", "maybe")).message
        assert reason(await refused("q", "allow-always")) == "APPROVAL_ALLOW_ALWAYS_UNAVAILABLE"
        decision = {"id": "q", "decision": "allow-once"}
        assert await desk.call("exec.approval.resolve", decision) == {"ok": True}
        assert await desk.call("exec.approval.resolve", decision) == {"ok": True}
        assert reason(await refused("q", "deny")) == "APPROVAL_ALREADY_RESOLVED"
        resolved = [name for name, _ in desk.context.events if name == "exec.approval.resolved"]
        assert len(resolved) == 1
        for method in ("exec.approval.get", "exec.approval.waitDecision"):
            with pytest.raises(InvalidRequestError):
                await desk.call(method, {"id": "zz"})

    run(scene())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"nodeId": None}, "nodeId is required for host=node"),
        ({"systemRunPlan": None}, "systemRunPlan is required for host=node"),
        ({"host": "gateway"}, "host 'gateway' is not served"),
        ({"id": "a b"}, "approval id 'a b' is not usable"),
        ({"id": ".."}, "is not usable"),
        ({"id": "x" * 129}, "is not usable"),
    ],
)
def test_refusals_of_request(run: Any, desk: Any, node: Any, change: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequestError, match=text):
        run(question_and_call(desk, node, **change))


def test_an_id_is_taken_once(run: Any, desk: Any, node: Any) -> None:
    async def scene() -> None:
        await question_and_call(desk, node, id="q")
        with pytest.raises(InvalidRequestError, match="approval id already pending: q"):
            await question_and_call(desk, node, id="q")
        await desk.call("exec.approval.resolve", {"id": "q", "decision": "deny"})
        with pytest.raises(InvalidRequestError, match="approval id already used: q"):
            await question_and_call(desk, node, id="q")

    run(scene())


def test_open_questions_are_bounded(run: Any, desk: Any, node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_approvals, "MAX_APPROVALS", 1)

    async def scene() -> None:
        await question_and_call(desk, node, id="q")
        with pytest.raises(UnavailableError, match="exec approvals are open"):
            await question_and_call(desk, node)
        await desk.call("exec.approval.resolve", {"id": "q", "decision": "deny"})
        await question_and_call(desk, node)

    run(scene())


def test_policy_of_a_node_over_the_gateway(run: Any, desk: Any, node: Any) -> None:
    async def scene() -> None:
        target = {"nodeId": node.node_id}
        empty = await desk.call("exec.approvals.node.get", target)
        assert (empty["exists"], empty["file"]["agents"]) == (False, {})
        file = {"version": 1, "agents": {"*": {"allowlist": [{"pattern": "ls"}]}}}
        saved = await desk.call(
            "exec.approvals.node.set", {**target, "file": file, "baseHash": empty["hash"]}
        )
        assert saved == await desk.call("exec.approvals.node.get", target)
        assert saved["file"]["defaults"] == {}
        with pytest.raises(CommandError, match="base hash required"):
            await desk.call("exec.approvals.node.set", {**target, "file": file})

    run(scene())


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"file": {"version": 1}, "native": {"rules": []}, "baseHash": "x"},
        {"native": {"rules": []}},
        {"file": {"version": 1}, "baseHash": None},
        {"file": {"version": 1, "extra": 1}},
        {"file": {"version": 1, "agents": {"m": {"allowlist": [{"pattern": "x", "nope": 1}]}}}},
    ],
)
def test_set_params_are_closed(desk: Any, node: Any, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        desk.methods["exec.approvals.node.set"].params.model_validate({"nodeId": node.node_id, **params})


def test_scopes(desk: Any) -> None:
    scopes = {name: method.scope for name, method in desk.methods.items()}
    assert {name for name, scope in scopes.items() if scope == "operator.admin"} == {
        "exec.approvals.node.get",
        "exec.approvals.node.set",
    }
    assert set(scopes.values()) == {"operator.admin", "operator.approvals"}

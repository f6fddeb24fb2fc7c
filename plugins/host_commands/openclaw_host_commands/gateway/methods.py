"""RPC methods of the family: policies of nodes and approvals of commands (PROTOCOL 19.3, 19.4)."""

from __future__ import annotations

import asyncio
from typing import Any

from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller, MethodContext, RpcMethod
from openclaw_host_commands.argv import format_argv
from openclaw_host_commands.gateway.exec_approvals import Approval, ExecApprovals, not_found
from openclaw_host_commands.gateway.requests import (
    ApprovalIdParams,
    ListApprovalsParams,
    NodeApprovalsGetParams,
    NodeApprovalsSetParams,
    RequestApprovalParams,
    ResolveApprovalParams,
)
from openclaw_host_commands.models import Plan

__all__ = ["ADMIN", "APPROVALS", "REQUESTED", "RESOLVED", "ApprovalMethods"]

ADMIN = "operator.admin"
APPROVALS = "operator.approvals"
REQUESTED = "exec.approval.requested"
RESOLVED = "exec.approval.resolved"

APPROVER_CLIENTS = frozenset({"openclaw-control-ui", "openclaw-macos", "openclaw-ios", "openclaw-android"})
APPROVER_CAPS = frozenset({"exec-approvals", "approvals"})
NO_ROUTE = (
    "nobody can be asked: no connected operator with scope operator.approvals is a Control UI, a"
    " macOS, iOS or Android app, or declared the cap exec-approvals; open one of them and ask again"
)


class ApprovalMethods:
    """Handlers bound to the approvals of one gateway."""

    def __init__(self, approvals: ExecApprovals) -> None:
        self._approvals = approvals

    def table(self) -> list[RpcMethod]:
        """Every method with its scope."""
        return [
            RpcMethod("exec.approvals.node.get", ADMIN, NodeApprovalsGetParams, self.get_policy),
            RpcMethod("exec.approvals.node.set", ADMIN, NodeApprovalsSetParams, self.set_policy),
            RpcMethod("exec.approval.request", APPROVALS, RequestApprovalParams, self.request),
            RpcMethod("exec.approval.waitDecision", APPROVALS, ApprovalIdParams, self.wait_decision),
            RpcMethod("exec.approval.resolve", APPROVALS, ResolveApprovalParams, self.resolve),
            RpcMethod("exec.approval.list", APPROVALS, ListApprovalsParams, self.list_pending),
            RpcMethod("exec.approval.get", APPROVALS, ApprovalIdParams, self.get_pending),
        ]

    async def get_policy(self, args: NodeApprovalsGetParams, context: MethodContext) -> Any:
        """A node's policy file and its hash."""
        return await context.invoke_node(args.node_id, "system.execApprovals.get", {})

    async def set_policy(self, args: NodeApprovalsSetParams, context: MethodContext) -> Any:
        """Replace a node's policy; the node checks `baseHash`."""
        return await context.invoke_node(args.node_id, "system.execApprovals.set", args.policy())

    async def request(self, args: RequestApprovalParams, context: MethodContext) -> dict[str, Any]:
        """Ask people; answers at once when two-phase or when nobody can be asked."""
        plan = _plan_of(args)
        approval = self._open(args, plan, context.caller)
        if not any(_can_decide(operator) for operator in context.operators):
            self._approvals.settle(approval, None, "no-route")
            return {**approval.outcome(), "reason": NO_ROUTE}
        context.broadcast(
            REQUESTED, {"approvalKind": "exec", "request": approval.request, **approval.times()}
        )
        loop = asyncio.get_running_loop()
        approval.timer = loop.call_later(args.timeout_ms / 1000, self._time_out, approval, context)
        if args.two_phase:
            return {"status": "accepted", "deliveryRoute": "approval-client", **approval.times()}
        await approval.settled.wait()
        return approval.outcome()

    async def wait_decision(self, args: ApprovalIdParams, _context: MethodContext) -> dict[str, Any]:
        """The decision, when it is made; at the latest when the approval's time ends."""
        approval = self._approvals.find(args.id)
        if approval is None:
            raise InvalidRequestError("approval expired or not found", {"reason": "APPROVAL_NOT_FOUND"})
        await approval.settled.wait()
        return approval.outcome()

    async def resolve(self, args: ResolveApprovalParams, context: MethodContext) -> dict[str, Any]:
        """Decide; deciding the same again is no error."""
        approval = self._approvals.resolve(args.id, args.decision)
        if approval is not None:
            self._announce(approval, args.decision, context.caller.client_id, context)
        return {"ok": True}

    async def list_pending(self, _args: ListApprovalsParams, _context: MethodContext) -> list[dict[str, Any]]:
        """Every open question as approvers were sent it."""
        return [
            {"approvalKind": "exec", "request": item.request, **item.times()}
            for item in self._approvals.pending()
        ]

    async def get_pending(self, args: ApprovalIdParams, _context: MethodContext) -> dict[str, Any]:
        """One open question in short."""
        approval = self._approvals.find(args.id)
        if approval is None or not approval.open:
            raise not_found()
        return {
            "id": approval.id,
            "commandText": approval.request["command"],
            "commandPreview": approval.plan.get("commandPreview"),
            "allowedDecisions": list(approval.allowed),
            "host": "node",
            "nodeId": approval.node_id,
            "agentId": approval.request["agentId"],
            "expiresAtMs": approval.expires_at_ms,
        }

    def _open(self, args: RequestApprovalParams, plan: dict[str, Any], caller: Caller) -> Approval:
        allowed = ("allow-once", "deny") if args.ask == "always" else ("allow-once", "allow-always", "deny")
        approval = self._approvals.open(
            wanted_id=args.id,
            node_id=args.node_id or "",
            request={},
            plan=plan,
            allowed=allowed,
            env=args.env,
            device_id=caller.device_id,
            conn_id=caller.conn_id,
            timeout_ms=args.timeout_ms,
        )
        approval.request = _describe(args, approval)
        return approval

    def _time_out(self, approval: Approval, context: MethodContext) -> None:
        if self._approvals.settle(approval, None, "timeout"):
            self._announce(approval, "deny", None, context)

    def _announce(self, approval: Approval, decision: str, by: str | None, context: MethodContext) -> None:
        context.broadcast(
            RESOLVED,
            {
                "id": approval.id,
                "decision": decision,
                "resolvedBy": by,
                "ts": int(self._approvals.clock.wall() * 1000),
                "request": approval.request,
            },
        )


def _can_decide(operator: Caller) -> bool:
    if not operator.scopes & {APPROVALS, ADMIN}:
        return False
    return operator.client_id in APPROVER_CLIENTS or bool(operator.caps & APPROVER_CAPS)


def _plan_of(args: RequestApprovalParams) -> dict[str, Any]:
    """The plan as JSON data, its text made to say what its argv says."""
    host = args.host or "node"
    if host != "node":
        raise InvalidRequestError(f'host {host!r} is not served: commands run on nodes; send host:"node"')
    if not args.node_id:
        raise InvalidRequestError("nodeId is required for host=node")
    plan: Plan | None = args.system_run_plan
    if plan is None or not plan.argv:
        raise InvalidRequestError(
            "systemRunPlan is required for host=node; get it from system.run.prepare on that node"
        )
    return {**plan.model_dump(mode="json", exclude_unset=True), "commandText": format_argv(plan.argv)}


def _describe(args: RequestApprovalParams, approval: Approval) -> dict[str, Any]:
    """What approvers see; it comes from the plan, not from what the caller says beside it."""
    plan = approval.plan
    binding = {key: plan.get(key) for key in ("argv", "cwd", "agentId", "sessionKey")}
    return {
        "command": plan["commandText"],
        "systemRunBinding": {**binding, "envHash": approval.env_hash},
        "systemRunPlan": plan,
        "envKeys": sorted(args.env or ()),
        "cwd": plan.get("cwd"),
        "nodeId": approval.node_id,
        "host": "node",
        "security": args.security,
        "ask": args.ask,
        "warningText": args.warning_text,
        "allowedDecisions": list(approval.allowed),
        "agentId": plan.get("agentId"),
        "sessionKey": plan.get("sessionKey"),
    }

"""The hooks of the family. One instance holds the state of one loaded gateway."""

from __future__ import annotations

from typing import Any

from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import GatewayContext, Invocation, NodeCommands, NodeView, RpcMethod
from openclaw_host_commands.family import FAMILY
from openclaw_host_commands.gateway.authorization import authorize_run
from openclaw_host_commands.gateway.events import CHANGED, PUSH_REGISTER, read_change
from openclaw_host_commands.gateway.exec_approvals import Clock, ExecApprovals
from openclaw_host_commands.gateway.methods import ApprovalMethods
from openclaw_host_commands.gateway.runs import EXEC_EVENTS, AuthorisedRuns

__all__ = ["HostCommands"]


class HostCommands:
    """The plugin object the entry point names; loading makes one."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.approvals = ExecApprovals(clock)
        self.runs = AuthorisedRuns()
        self._gateway: GatewayContext | None = None

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands, capability and events."""
        return FAMILY

    @hookimpl
    def openclaw_methods(self) -> list[RpcMethod]:
        """`exec.approvals.node.*` and `exec.approval.*`."""
        return ApprovalMethods(self.approvals).table()

    @hookimpl
    def openclaw_validate_invoke(self, invocation: Invocation) -> Any:
        """Sanitise `system.run` and remember the run (19.2)."""
        if invocation.command != "system.run":
            return None
        params = authorize_run(invocation, self.approvals)
        self.runs.add(invocation.node_id, params["runId"])
        return params

    @hookimpl
    def openclaw_gateway_started(self, gateway: GatewayContext) -> None:
        """Keep the gateway, to tell operators of changed notifications."""
        self._gateway = gateway

    @hookimpl
    def openclaw_node_event(self, node: NodeView, event: str, payload: Any) -> dict[str, Any] | None:
        """Take `exec.*` of runs this gateway authorised (12.5), changed notifications, push tokens (12.1)."""
        if event == CHANGED:
            change = read_change(payload)
            if change is not None and self._gateway is not None:
                self._gateway.broadcast(CHANGED, {"nodeId": node.node_id, **change.model_dump(mode="json")})
            return {"ok": True}
        if event == PUSH_REGISTER:
            return {"ok": True}
        if event not in EXEC_EVENTS:
            return None
        return self.runs.handle(node.node_id, event, payload)

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        """Sub-commands of `openclaw nodes`."""
        from openclaw_host_commands.cli import add_commands

        add_commands(nodes)

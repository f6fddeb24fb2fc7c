"""The family. The functions of its commands run on a node host and import its half when called."""

from __future__ import annotations

from openclaw_core import Family, NodeContext, command
from openclaw_core.commands import ALL_PLATFORMS, DESKTOP_PLATFORMS
from openclaw_host_commands.config import HostCommandsConfig
from openclaw_host_commands.device import DEVICE_COMMANDS
from openclaw_host_commands.gateway.events import CHANGED
from openclaw_host_commands.gateway.methods import APPROVALS, REQUESTED, RESOLVED
from openclaw_host_commands.models import (
    ApprovalsSnapshot,
    GetApprovalsParams,
    NotifyParams,
    NotifyResult,
    PrepareParams,
    PrepareResult,
    RunParams,
    RunResult,
    SetApprovalsParams,
    WhichParams,
    WhichResult,
)
from openclaw_host_commands.phone import PHONE_COMMANDS
from openclaw_host_commands.tools import MCP_COMMANDS, offer_server_tools, probe

__all__ = ["FAMILY"]

READ = "operator.read"
PRIVATE = "node.invoke does not allow system.execApprovals.*; use exec.approvals.node.*"


@command("system.run", platforms=DESKTOP_PLATFORMS, admin_approval=True, destructive=True, queueable=True)
async def run(args: RunParams, node: NodeContext) -> RunResult:
    """Run a program.

    Runs one argument vector without a shell, within the node's exec policy, and answers
    exit code and output. A shell command line is sent as ["sh", "-c", LINE].
    """
    from openclaw_host_commands.node.run import run_command

    return await run_command(args, node)


@command(
    "system.run.prepare", platforms=DESKTOP_PLATFORMS, admin_approval=True, read_only=True, idempotent=True
)
async def prepare(args: PrepareParams, node: NodeContext) -> PrepareResult:
    """Plan a run without running it.

    Answers what exactly system.run would start, with the hash of the file that decides
    what happens, for an approval to bind to.
    """
    from openclaw_host_commands.node.plan import prepare_run

    return await prepare_run(args, node)


@command("system.which", platforms=DESKTOP_PLATFORMS, admin_approval=True, read_only=True, idempotent=True)
async def which(args: WhichParams, _node: NodeContext) -> WhichResult:
    """Find programs on the node's PATH.

    Names with a slash are ignored; names that are not found are absent from the answer.
    """
    from openclaw_host_commands.node.which import find_all

    return WhichResult(bins=find_all(args.bins))


@command("system.notify", platforms=ALL_PLATFORMS, queueable=True)
async def notify(args: NotifyParams, node: NodeContext) -> NotifyResult:
    """Show a notification to the person at the node."""
    from openclaw_host_commands.node.notify import show

    return await show(args, node.display_name)


@command(
    "system.execApprovals.get",
    platforms=DESKTOP_PLATFORMS,
    admin_approval=True,
    read_only=True,
    idempotent=True,
    private=PRIVATE,
)
async def get_approvals(_args: GetApprovalsParams, node: NodeContext) -> ApprovalsSnapshot:
    """Read the node's exec policy."""
    from openclaw_host_commands.node.approvals import read_snapshot

    return read_snapshot(node.state_dir)


@command(
    "system.execApprovals.set",
    platforms=DESKTOP_PLATFORMS,
    admin_approval=True,
    destructive=True,
    private=PRIVATE,
)
async def set_approvals(args: SetApprovalsParams, node: NodeContext) -> ApprovalsSnapshot:
    """Replace the node's exec policy, if it is still the one the caller read."""
    from openclaw_host_commands.node.approvals import replace_policy

    return replace_policy(node.state_dir, args)


FAMILY = Family(
    name="host_commands",
    title="Host commands",
    commands=(
        run,
        prepare,
        which,
        notify,
        get_approvals,
        set_approvals,
        *DEVICE_COMMANDS,
        *MCP_COMMANDS,
        *PHONE_COMMANDS,
    ),
    caps=("system",),
    config=HostCommandsConfig,
    probe=probe,
    service=offer_server_tools,
    events={REQUESTED: APPROVALS, RESOLVED: APPROVALS, CHANGED: READ},
)

"""Nodes as rows and lines: the output of `openclaw nodes` (PROTOCOL 21.3). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.cli.ages import age
from openclaw_core.cli.output import SHORT_ID_CHARS, Column, Table

__all__ = [
    "approval_notes",
    "connected_since",
    "describe_lines",
    "describe_table",
    "merge_paired",
    "paired_table",
    "pending_table",
    "status_summary",
    "status_table",
]

Node = dict[str, Any]

_STATUS_COLUMNS = (
    Column("Node"),
    Column("ID", is_id=True),
    Column("IP", no_wrap=True),
    Column("Detail"),
    Column("Status"),
    Column("Caps"),
)
_PENDING_COLUMNS = (
    Column("Request", no_wrap=True),
    Column("Node"),
    Column("Code", no_wrap=True),
    Column("IP", no_wrap=True),
    Column("Requested", no_wrap=True),
)
_PAIRED_COLUMNS = (
    Column("Node"),
    Column("ID", is_id=True),
    Column("IP", no_wrap=True),
    Column("Last Connect", no_wrap=True),
)
_APPROVALS = {
    "approved": "approved",
    "pending-approval": "approval pending",
    "pending-reapproval": "reapproval pending",
    "unapproved": "unapproved",
}


def status_summary(nodes: Sequence[Node]) -> str:
    """The first line of `nodes status`."""
    paired = sum(bool(node.get("paired")) for node in nodes)
    connected = sum(bool(node.get("connected")) for node in nodes)
    return f"Known: {len(nodes)} · Paired: {paired} · Connected: {connected}"


def status_table(nodes: Sequence[Node], now_ms: int) -> Table:
    """One row per node of `node.list`."""
    rows = (
        (
            _name(node),
            node["nodeId"],
            node.get("remoteIp") or "",
            " · ".join(_details(node)),
            _status(node, now_ms),
            ", ".join(node.get("caps") or ()),
        )
        for node in nodes
    )
    return Table(_STATUS_COLUMNS, tuple(rows))


def pending_table(pending: Sequence[Node], now_ms: int) -> Table:
    """Surface requests that wait for approval (8.3)."""
    rows = (
        (
            item["requestId"],
            _name(item),
            verification_code(item["nodeId"]) or "",
            item.get("remoteIp") or "",
            age(item.get("ts"), now_ms),
        )
        for item in pending
    )
    return Table(_PENDING_COLUMNS, tuple(rows), title="Pending")


def paired_table(paired: Sequence[Node], now_ms: int) -> Table:
    """Paired nodes and when each was last here."""
    rows = (
        (_name(node), node["nodeId"], node.get("remoteIp") or "", age(connected_since(node), now_ms))
        for node in paired
    )
    return Table(_PAIRED_COLUMNS, tuple(rows), title="Paired")


def connected_since(node: Node) -> int | None:
    """When the node last connected, in Unix ms; None when the gateway does not know."""
    seen = node.get("lastSeenAtMs") if node.get("lastSeenReason") == "connect" else None
    times = (node.get("connectedAtMs"), node.get("lastConnectedAtMs"), seen)
    known = [value for value in times if isinstance(value, int)]
    return max(known, default=None)


def merge_paired(paired: Iterable[Node], nodes: Iterable[Node]) -> list[Node]:
    """Paired rows of `node.pair.list` with the live fields of `node.list`, in the latter's order."""
    stored = {row["nodeId"]: row for row in paired}
    merged = [
        {**stored.pop(node["nodeId"], {}), **node}
        for node in nodes
        if node.get("paired") or node["nodeId"] in stored
    ]
    return merged + list(stored.values())


def approval_notes(nodes: Iterable[Node]) -> list[str]:
    """For each node that waits: the command that approves it."""
    return [
        f"{_APPROVALS[node['approvalState']].capitalize()} for {_name(node)}. "
        f"Run openclaw nodes approve {node['pendingRequestId']}"
        for node in nodes
        if node.get("pendingRequestId") and node.get("approvalState") in _APPROVALS
    ]


def describe_table(node: Node, now_ms: int) -> Table:
    """Field and value of everything `node.describe` says about identity and state."""
    permissions = _permissions(node.get("permissions"))
    request = node.get("pendingRequestId")
    fields = {
        "ID": node["nodeId"],
        "Name": _name(node),
        "Client": _client(node),
        "IP": node.get("remoteIp"),
        "Device": node.get("deviceFamily"),
        "Model": node.get("modelIdentifier"),
        "Perms": permissions,
        "Version": _version(node),
        "Stats": _stats(node.get("hostStats")),
        "PATH": node.get("pathEnv"),
        "Last input": age(node["lastActiveAtMs"], now_ms) if node.get("lastActiveAtMs") else None,
        "Status": _presence(node, now_ms),
        "Approval": _APPROVALS.get(str(node.get("approvalState")), node.get("approvalState")),
        "Pending request": request,
        "Pending caps": ", ".join(node.get("pendingDeclaredCaps") or ()),
        "Pending perms": _permissions(node.get("pendingDeclaredPermissions")),
        "Approve": f"openclaw nodes approve {request}" if request else None,
        "Caps": ", ".join(node.get("caps") or ()) or "-",
    }
    rows = tuple((name, str(value)) for name, value in fields.items() if value)
    return Table((Column("Field", no_wrap=True), Column("Value")), rows, title="Node")


def describe_lines(node: Node) -> list[str]:
    """The command lists below the table."""
    commands = node.get("commands") or ()
    private = {
        item["name"]: item["private"] for item in node.get("commandDetails") or () if item.get("private")
    }
    shown = [f"- {name}" + (f"  ({private[name]})" if name in private else "") for name in commands]
    lines = ["", "Commands", *(shown or ("- (none effective)",))]
    pending = node.get("pendingDeclaredCommands") or ()
    if pending:
        lines += ["", "Pending commands", *(f"- {name}" for name in pending)]
    held = [item for item in node.get("withheld") or () if item["command"] not in pending]
    if held:
        lines += ["", "Withheld commands"]
        lines += [f"- {item['command']}: {item['message']}; {item['cure']}" for item in held]
    return lines


def _name(node: Node) -> str:
    return str(node.get("displayName") or node["nodeId"][:SHORT_ID_CHARS])


def _client(node: Node) -> str:
    return "/".join(str(node[key]) for key in ("clientId", "clientMode") if node.get(key))


def _version(node: Node) -> str:
    core, ui = node.get("coreVersion"), node.get("uiVersion")
    if core or ui:
        return " · ".join(
            f"{label} v{str(value).removeprefix('v')}"
            for label, value in (("core", core), ("ui", ui))
            if value
        )
    version = node.get("version")
    return f"core v{str(version).removeprefix('v')}" if version else ""


def _details(node: Node) -> list[str]:
    permissions = _permissions(node.get("permissions"))
    parts = (
        f"client: {_client(node)}" if _client(node) else "",
        f"device: {node['deviceFamily']}" if node.get("deviceFamily") else "",
        f"hw: {node['modelIdentifier']}" if node.get("modelIdentifier") else "",
        f"perms: {permissions}" if permissions else "",
        _version(node),
        _stats(node.get("hostStats")),
    )
    return [part for part in parts if part]


def _permissions(permissions: Any) -> str:
    if not isinstance(permissions, dict) or not permissions:
        return ""
    return (
        "["
        + ", ".join(f"{name}={'yes' if permissions[name] else 'no'}" for name in sorted(permissions))
        + "]"
    )


def _stats(stats: Any) -> str:
    if not isinstance(stats, dict):
        return ""
    parts = []
    load = stats.get("loadAverage")
    if load:
        parts.append(f"load {load[0]:.1f}/{stats.get('cpuCount', '?')}")
    total, free = stats.get("memoryTotalBytes"), stats.get("memoryFreeBytes")
    if isinstance(total, int) and isinstance(free, int):
        parts.append(f"mem {_gigabytes(total - free)}/{_gigabytes(total)} GB")
    if isinstance(stats.get("diskAvailableBytes"), int):
        parts.append(f"disk {_gigabytes(stats['diskAvailableBytes'])} GB free")
    return " · ".join(parts)


def _gigabytes(size: int) -> str:
    value = size / 1024**3
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _presence(node: Node, now_ms: int) -> str:
    paired = "paired" if node.get("paired") else "unpaired"
    if not node.get("connected"):
        return f"{paired} · disconnected"
    since = node.get("connectedAtMs")
    return f"{paired} · connected" + (f" ({age(since, now_ms)})" if since else "")


def _status(node: Node, now_ms: int) -> str:
    approval = node.get("approvalState")
    return _presence(node, now_ms) + (f" · {_APPROVALS.get(approval, approval)}" if approval else "")

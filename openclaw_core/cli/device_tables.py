"""Devices as rows and lines: the output of `openclaw devices` (PROTOCOL 21.3, 6). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.cli.ages import age
from openclaw_core.cli.output import SHORT_ID_CHARS, Column, Table

__all__ = ["approval_state", "device_name", "paired_table", "pending_table", "preview_lines", "surface_notes"]

Record = dict[str, Any]

_PENDING_COLUMNS = (
    Column("Request", no_wrap=True),
    Column("Device"),
    Column("Code", no_wrap=True),
    Column("Requested"),
    Column("Approved"),
    Column("Age", no_wrap=True),
    Column("Status"),
)
_PAIRED_COLUMNS = (
    Column("Device"),
    Column("Device ID", is_id=True),
    Column("Roles"),
    Column("Scopes"),
    Column("Tokens"),
    Column("IP", no_wrap=True),
)
_NOTES = {
    "new-pairing": "New device. It cannot connect until you approve it.",
    "role-upgrade": "Already paired, but not for this role: it stays out until you approve the upgrade.",
    "scope-upgrade": "Already paired, but with fewer scopes: it stays out until you approve the upgrade.",
    "re-approval": "Already paired; what it says of itself changed, so it needs your approval again.",
}


def device_name(device: Record) -> str:
    """Operator's label, else the device's own name, else client id, else device id."""
    for key in ("operatorLabel", "displayName", "clientId"):
        if device.get(key):
            return str(device[key])
    return str(device["deviceId"])[:SHORT_ID_CHARS]


def approval_state(request: Record, paired: Sequence[Record]) -> Record:
    """What a pending request asks for against what the device has.

    Returns:
        `{kind, requested: {roles, scopes}, approved: {roles, scopes} | None}`, kind one of
        `new-pairing`, `role-upgrade`, `scope-upgrade`, `re-approval`.
    """
    device = next((item for item in paired if item["deviceId"] == request["deviceId"]), None)
    requested = {"roles": _roles(request), "scopes": list(request.get("scopes") or ())}
    if device is None:
        return {"kind": "new-pairing", "requested": requested, "approved": None}
    # A role whose token was revoked is asked for anew (6.2).
    live = [token for token in device.get("tokens") or () if not token.get("revokedAtMs")]
    approved = {
        "roles": [token["role"] for token in live],
        "scopes": list(dict.fromkeys(scope for token in live for scope in token.get("scopes") or ())),
    }
    if not set(requested["roles"]) <= set(approved["roles"]):
        kind = "role-upgrade"
    elif not set(requested["scopes"]) <= set(approved["scopes"]):
        kind = "scope-upgrade"
    else:
        kind = "re-approval"
    return {"kind": kind, "requested": requested, "approved": approved}


def pending_table(pending: Sequence[Record], paired: Sequence[Record], now_ms: int) -> Table:
    """Requests that wait for `devices approve`, in the gateway's order."""
    rows = []
    for request in pending:
        state = approval_state(request, paired)
        status = state["kind"].replace("-", " ") + (", repair" if request.get("isRepair") else "")
        rows.append(
            (
                request["requestId"],
                device_name(request),
                verification_code(request["deviceId"]) or "",
                _access(state["requested"]),
                _access(state["approved"]),
                age(request.get("ts"), now_ms),
                status,
            )
        )
    return Table(_PENDING_COLUMNS, tuple(rows), title=f"Pending ({len(rows)})")


def paired_table(paired: Sequence[Record]) -> Table:
    """Paired devices with the state of their tokens."""
    rows = tuple(
        (
            device_name(device),
            device["deviceId"],
            ", ".join(_roles(device)),
            ", ".join(device.get("scopes") or ()),
            ", ".join(_token(token) for token in device.get("tokens") or ()),
            device.get("remoteIp") or "",
        )
        for device in paired
    )
    return Table(_PAIRED_COLUMNS, rows, title=f"Paired ({len(rows)})")


def surface_notes(paired: Sequence[Record]) -> list[str]:
    """For each paired device whose node surface waits: the command that approves it."""
    notes = []
    for device in paired:
        surface = device.get("pendingNodeSurface")
        if isinstance(surface, dict) and surface.get("requestId"):
            notes.append(
                f"Node approval pending for {device_name(device)}. "
                f"Run openclaw nodes approve {surface['requestId']}"
            )
    return notes


def preview_lines(request: Record, state: Record, approve_command: str) -> list[str]:
    """What `devices approve --latest` shows before anything is approved."""
    return [
        f"Selected pending device request {request['requestId']}",
        f"  Device: {device_name(request)}",
        *([f"  Code on the device: {code}"] if (code := verification_code(request["deviceId"])) else []),
        f"  Requested: {_access(state['requested'])}",
        *([f"  Approved: {_access(state['approved'])}"] if state["approved"] else []),
        f"  Note:   {_NOTES[state['kind']]}",
        f"Approve this exact request with: {approve_command}",
    ]


def _roles(record: Record) -> list[str]:
    return list(record.get("roles") or ([record["role"]] if record.get("role") else []))


def _token(token: Record) -> str:
    return str(token["role"]) + (" (revoked)" if token.get("revokedAtMs") else "")


def _access(access: Record | None) -> str:
    if access is None:
        return "none"
    roles, scopes = ", ".join(access["roles"]), ", ".join(access["scopes"])
    return f"roles: {roles or 'none'}; scopes: {scopes or 'none'}"

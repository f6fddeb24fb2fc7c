"""Captured payloads as the rows and lines of PROTOCOL 21.3."""

from __future__ import annotations

from typing import Any

import pytest

from openclaw_core.cli import device_tables, node_tables

from .payloads import (
    NODE_ID,
    NOW,
    OFFLINE_NODE,
    OTHER_ID,
    PAIR_REQUEST,
    PAIRED_DEVICE,
    PENDING_SURFACE,
    REQUEST_ID,
    WAITING_NODE,
)

CODE = "kotuf-tuvov-dubop"  # of NODE_ID


def test_status() -> None:
    nodes = [WAITING_NODE, OFFLINE_NODE]
    assert node_tables.status_summary(nodes) == "Known: 2 · Paired: 2 · Connected: 1"
    table = node_tables.status_table(nodes, NOW)
    assert [column.name for column in table.columns] == ["Node", "ID", "IP", "Detail", "Status", "Caps"]
    assert table.rows[0] == (
        "Lab", NODE_ID, "", "client: node-host/node · device: Linux · core v2026.9.6",
        "paired · connected (1m ago) · approval pending", "",
    )  # fmt: skip
    assert table.rows[1] == (
        "Attic", OTHER_ID, "192.0.2.7",
        "device: Linux · perms: [lens=yes, screen=no] · core v2026.9.6 · load 0.6/2 · mem 1.8/24 GB"
        " · disk 77 GB free",
        "paired · disconnected · approved", "demo",
    )  # fmt: skip


def test_status_names_the_approving_command() -> None:
    note = f"Approval pending for Lab. Run openclaw nodes approve {REQUEST_ID}"
    assert node_tables.approval_notes([WAITING_NODE, OFFLINE_NODE]) == [note]


def test_the_smallest_row_a_gateway_sends() -> None:
    row = {"nodeId": NODE_ID, "paired": False, "connected": True}
    assert node_tables.status_table([row], NOW).rows == (
        (NODE_ID[:12], NODE_ID, "", "", "unpaired · connected", ""),
    )


def test_pending_and_paired() -> None:
    assert node_tables.pending_table([PENDING_SURFACE], NOW).rows == (
        (REQUEST_ID, "Lab", CODE, "", "just now"),
    )
    rows = node_tables.paired_table([WAITING_NODE, OFFLINE_NODE, {"nodeId": OTHER_ID}], NOW).rows
    assert [row[3] for row in rows] == ["1m ago", "2h ago", "unknown"]


def test_merge_takes_live_fields_and_keeps_stored_rows() -> None:
    stored = [{"nodeId": NODE_ID, "displayName": "old", "createdAtMs": 1}, {"nodeId": "f" * 64}]
    unpaired = {"nodeId": "e" * 64, "paired": False}
    merged = node_tables.merge_paired(stored, [OFFLINE_NODE, WAITING_NODE, unpaired])
    assert [row["nodeId"] for row in merged] == [OTHER_ID, NODE_ID, "f" * 64]
    assert (merged[1]["displayName"], merged[1]["createdAtMs"]) == ("Lab", 1)


def test_describe() -> None:
    rows = dict(node_tables.describe_table(WAITING_NODE, NOW).rows)
    assert rows == {
        "ID": NODE_ID,
        "Name": "Lab",
        "Client": "node-host/node",
        "Device": "Linux",
        "Version": "core v2026.9.6",
        "PATH": "/usr/bin:/bin",
        "Status": "paired · connected (1m ago)",
        "Approval": "approval pending",
        "Pending request": REQUEST_ID,
        "Pending caps": "demo, mcp",
        "Approve": f"openclaw nodes approve {REQUEST_ID}",
        "Caps": "-",
    }
    assert node_tables.describe_lines(WAITING_NODE) == [
        "", "Commands", "- (none effective)", "", "Pending commands", "- demo.echo", "- demo.which",
    ]  # fmt: skip
    assert node_tables.describe_lines(OFFLINE_NODE) == ["", "Commands", "- demo.echo"]
    marked = {"commandDetails": [{"name": "demo.echo", "private": "use demo.method"}]}
    private = node_tables.describe_lines({**OFFLINE_NODE, **marked})
    assert private == ["", "Commands", "- demo.echo  (use demo.method)"]


def _device(**changes: Any) -> dict[str, Any]:
    return {**PAIRED_DEVICE, **changes}


REVOKED = {"role": "node", "scopes": [], "createdAtMs": 1, "revokedAtMs": 2}
OPERATOR = {"role": "operator", "scopes": ["operator.read"], "createdAtMs": 1}


@pytest.mark.parametrize(
    ("request_changes", "paired", "kind", "approved"),
    [
        ({}, [], "new-pairing", None),
        ({}, [_device(deviceId=OTHER_ID)], "new-pairing", None),
        ({}, [_device(tokens=[REVOKED])], "role-upgrade", {"roles": [], "scopes": []}),
        ({}, [_device()], "re-approval", {"roles": ["node"], "scopes": []}),
        (
            {"roles": ["operator"], "scopes": ["operator.read", "operator.write"]},
            [_device(tokens=[OPERATOR])],
            "scope-upgrade",
            {"roles": ["operator"], "scopes": ["operator.read"]},
        ),
    ],
)
def test_what_a_request_asks_for(
    request_changes: dict[str, Any], paired: list[dict[str, Any]], kind: str, approved: dict[str, Any] | None
) -> None:
    state = device_tables.approval_state({**PAIR_REQUEST, **request_changes}, paired)
    assert (state["kind"], state["approved"]) == (kind, approved)


def test_device_tables() -> None:
    paired = [_device(tokens=[REVOKED, OPERATOR], scopes=["operator.read"])]
    pending = device_tables.pending_table([PAIR_REQUEST], paired, NOW)
    assert pending.title == "Pending (1)"
    assert pending.rows == ((
        PAIR_REQUEST["requestId"], "Lab", CODE, "roles: node; scopes: none",
        "roles: operator; scopes: operator.read", "just now", "role upgrade, repair",
    ),)  # fmt: skip
    rows = device_tables.paired_table(paired).rows
    assert rows == (("Lab", NODE_ID, "node", "operator.read", "node (revoked), operator", ""),)


def test_device_names_in_order_of_authority() -> None:
    assert device_tables.device_name({"deviceId": NODE_ID}) == NODE_ID[:12]
    assert device_tables.device_name({"deviceId": NODE_ID, "clientId": "c"}) == "c"
    assert device_tables.device_name({"deviceId": NODE_ID, "clientId": "c", "displayName": "d"}) == "d"
    assert device_tables.device_name({"deviceId": NODE_ID, "displayName": "d", "operatorLabel": "o"}) == "o"


def test_a_device_whose_surface_waits_is_named() -> None:
    device = _device(pendingNodeSurface={"requestId": REQUEST_ID})
    note = f"Node approval pending for Lab. Run openclaw nodes approve {REQUEST_ID}"
    assert device_tables.surface_notes([device, PAIRED_DEVICE]) == [note]


def test_the_preview_ends_with_the_exact_command() -> None:
    state = device_tables.approval_state(PAIR_REQUEST, [])
    lines = device_tables.preview_lines(PAIR_REQUEST, state, "openclaw devices approve X")
    assert lines[0] == f"Selected pending device request {PAIR_REQUEST['requestId']}"
    assert lines[1:4] == [
        "  Device: Lab",
        f"  Code on the device: {CODE}",
        "  Requested: roles: node; scopes: none",
    ]
    assert lines[-1] == "Approve this exact request with: openclaw devices approve X"

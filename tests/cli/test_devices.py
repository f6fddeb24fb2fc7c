"""`openclaw devices …` against a gateway that approves nothing by itself."""

from __future__ import annotations

from typing import Any

import pytest

from openclaw_core.testing import FakeDevice, TestGateway, node_params

from .conftest import Cli, Start

pytestmark = pytest.mark.anyio

EXPLICIT = {"nodes.pairing.autoApproveLocal": False}


async def _knock(gateway: TestGateway, device: FakeDevice) -> str:
    """A device asks to come in; the id of its request."""
    wire = await gateway.wire()
    refused: dict[str, Any] = await wire.connect(node_params(["demo.any"]), device)
    assert refused["error"]["code"] == "NOT_PAIRED", refused
    return str(refused["error"]["details"]["requestId"])


async def test_approve_latest_previews_first(start: Start, cli: Cli) -> None:
    gateway, device = await start(EXPLICIT), FakeDevice()
    request_id = await _knock(gateway, device)

    listed = await cli("devices", "list")
    assert listed.out.splitlines()[0] == "Pending (1)"
    assert "roles: node; scopes: none  none " in listed.out
    assert "new pairing" in listed.out

    preview = await cli("devices", "approve", "--latest")
    assert preview.code == 1
    assert preview.out.splitlines()[-1].endswith(f"openclaw devices approve {request_id}")
    answer = await cli("devices", "approve", "--json")
    assert answer.code == 1
    assert answer.json["selected"]["requestId"] == request_id
    assert answer.json["approvalState"]["kind"] == "new-pairing"
    assert len((await cli("devices", "list", "--json")).json["pending"]) == 1

    approved = await cli("devices", "approve", "--latest", "--yes")
    assert approved.out == f"Approved {device.device_id} ({request_id})\n"
    nothing = await cli("devices", "approve", "--latest")
    assert nothing.code == 1
    assert nothing.err.startswith("error: No pending device pairing requests to approve\n")


async def test_approve_by_id_and_reject(start: Start, cli: Cli) -> None:
    gateway, device = await start(EXPLICIT), FakeDevice()
    rejected = await cli("devices", "reject", await _knock(gateway, device))
    assert rejected.out == f"Rejected {device.device_id}\n"
    request_id = await _knock(gateway, device)
    approved = await cli("devices", "approve", request_id, "--json")
    assert approved.json["device"]["deviceId"] == device.device_id
    unknown = await cli("devices", "approve", request_id)
    assert unknown.code == 1
    assert unknown.err.startswith(f"error: No pending device request matches {request_id}.\n")
    both = await cli("devices", "approve", request_id, "--latest")
    assert both.code == 2


async def test_tokens_and_names(start: Start, cli: Cli) -> None:
    gateway = await start()
    _, device_id = await gateway.node(["demo.any"])

    rotated = await cli("devices", "rotate", "--device", device_id[:8], "--role", "node")
    assert rotated.json["tokenDelivery"] == "withheld-cross-device"
    denied = await cli("devices", "rotate", "--device", device_id, "--role", "operator")
    assert denied.code == 1
    assert denied.err.endswith("openclaw devices list\n")

    renamed = await cli("devices", "rename", "--device", device_id, "--name", "Attic")
    assert renamed.out == f"Renamed {device_id} → Attic\n"
    revoked = await cli("devices", "revoke", "--device", "Attic", "--role", "node")
    assert revoked.json["role"] == "node"
    assert f"Attic   {device_id}  node   -       node (revoked)  -" in (await cli("devices", "list")).out

    assert (await cli("devices", "remove", device_id)).out == f"Removed {device_id}\n"
    gone = await cli("devices", "remove", device_id)
    assert gone.code == 1
    assert (await cli("devices", "list")).out == "No device pairing entries.\n"

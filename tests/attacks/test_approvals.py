"""Getting approved, or more than was approved, without a person who may say so (PROTOCOL 6.5, 8)."""

from __future__ import annotations

import pytest

from openclaw_core.testing import FakeDevice, node_params, operator_params
from tests.gateway.invoking import invoke

from .evidence import assert_in_trail, error_of, session_of

pytestmark = pytest.mark.anyio

BY_HAND = {"nodes.pairing.autoApproveLocal": False}
READ, PAIRING = ["operator.read"], ["operator.pairing"]
HEAD = "node command not allowed: "


def lacks(scope, *required):
    return {"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": list(required or (scope,))}


async def assert_lacks(gateway, method, scope, subject, *, actor="client:cli"):
    await assert_in_trail(gateway, method, "MISSING_SCOPE", actor=actor, subject=subject, reason=scope)


async def waiting_device(gateway, params):
    device = FakeDevice()
    refused = await (await gateway.wire()).connect(params, device)
    return device, refused["error"]["details"]["requestId"]


@pytest.mark.parametrize(
    ("scopes", "params", "code", "message", "missing"),
    [
        (READ, node_params(), "FORBIDDEN", "missing scope: operator.pairing", "operator.pairing"),
        (PAIRING, node_params(), "INVALID_REQUEST", "device pairing approval denied", "operator.admin"),
        (
            PAIRING,
            operator_params(READ),
            "INVALID_REQUEST",
            "missing scope: operator.read",
            "operator.read",
        ),
        (
            [*PAIRING, "operator.write"],
            operator_params(["operator.admin"]),
            "INVALID_REQUEST",
            "missing scope: operator.admin",
            "operator.admin",
        ),
    ],
)
async def test_device_approval_by_someone_who_lacks_the_scope(start, scopes, params, code, message, missing):
    gateway = await start(BY_HAND)
    device, request_id = await waiting_device(gateway, params)
    helper = await gateway.operator(scopes)
    refused = await helper.request("device.pair.approve", {"requestId": request_id})
    assert error_of(refused) == (code, message, lacks(missing))
    await assert_lacks(gateway, "device.pair.approve", missing, device.device_id)
    assert device.device_id not in gateway.server.gateway.runtime.registry.devices


async def test_device_that_approves_its_own_request_for_more(start):
    gateway, device = await start(), FakeDevice()
    own = await session_of(gateway, device, [*PAIRING, *READ])
    refused = await (await gateway.wire()).connect(node_params(), device)
    request_id = refused["error"]["details"]["requestId"]
    answer = await own.request("device.pair.approve", {"requestId": request_id})
    assert error_of(answer) == ("INVALID_REQUEST", "device pairing approval denied", lacks("operator.admin"))
    await assert_lacks(
        gateway, "device.pair.approve", "operator.admin", device.device_id, actor=f"device:{device.device_id}"
    )


@pytest.mark.parametrize(
    ("commands", "scopes", "missing"),
    [
        (["demo.any"], PAIRING, "operator.write"),
        (["demo.any", "demo.admin"], [*PAIRING, "operator.write"], "operator.admin"),
    ],
)
async def test_node_approval_by_someone_who_lacks_the_scope(start, commands, scopes, missing):
    gateway = await start()
    _, node_id = await gateway.node(commands, approve=False)
    admin = await gateway.operator()
    (request,) = (await admin.call("node.pair.list"))["pending"]
    helper = await gateway.operator(scopes)
    refused = await helper.request("node.pair.approve", {"requestId": request["requestId"]})
    details = lacks(missing, "operator.pairing", missing)
    assert error_of(refused) == ("FORBIDDEN", f"missing scope: {missing}", details)
    await assert_lacks(gateway, "node.pair.approve", missing, node_id)
    assert (await admin.call("node.describe", {"nodeId": node_id}))["commands"] == []


async def test_node_approval_by_another_device(start):
    gateway, device = await start(), FakeDevice()
    _, node_id = await gateway.node(["demo.any"], approve=False)
    (request,) = (await (await gateway.operator()).call("node.pair.list"))["pending"]
    other = await session_of(gateway, device, [*PAIRING, "operator.write"])
    refused = await other.request("node.pair.approve", {"requestId": request["requestId"]})
    assert error_of(refused) == ("INVALID_REQUEST", "node pairing approval denied", lacks("operator.admin"))
    await assert_lacks(
        gateway, "node.pair.approve", "operator.admin", node_id, actor=f"device:{device.device_id}"
    )


async def test_node_that_approves_itself(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"], approve=False)
    (request,) = (await (await gateway.operator()).call("node.pair.list"))["pending"]
    refused = await node.request("node.pair.approve", {"requestId": request["requestId"]})
    assert error_of(refused) == (
        "INVALID_REQUEST",
        "unauthorized role: node",
        {"code": "UNAUTHORIZED_ROLE"},
    )
    await assert_in_trail(
        gateway, "node.pair.approve", "UNAUTHORIZED_ROLE", actor=f"node:{node_id}", subject=node_id
    )


# A surface that grows


async def assert_not_effective(gateway, node, node_id, command):
    """The new command waits: it is refused, audited, and nothing reaches the node."""
    operator = await gateway.operator()
    row = await operator.call("node.describe", {"nodeId": node_id})
    assert (row["approvalState"], row["commands"]) == ("pending-reapproval", ["demo.echo"])
    (pending,) = (await operator.call("node.pair.list"))["pending"]
    code, message, details = error_of(await invoke(operator, node_id, command))
    assert (code, message) == (
        "INVALID_REQUEST",
        f'{HEAD}the node (platform: linux) does not support "{command}"',
    )
    assert details["pendingRequestId"] == pending["requestId"]
    row = await assert_in_trail(
        gateway, "invoke", "command not declared by node", actor="client:cli", subject=node_id
    )
    assert row["details"]["command"] == command
    await node.call("health")
    assert not [frame for frame in node.events if frame["event"] == "node.invoke.request"]
    told = await operator.call("audit.list", {"kinds": ["surface.request"], "subject": node_id})
    assert command in told["events"][0]["details"]["commands"], "the widening itself is in the trail"


async def test_surface_gained_on_reconnect(start):
    gateway, device = await start(), FakeDevice()
    first, node_id = await gateway.node(["demo.echo"], device=device)
    await first.socket.close()
    node, _ = await gateway.node(["demo.echo", "demo.admin"], device=device, approve=False)
    await assert_not_effective(gateway, node, node_id, "demo.admin")


async def test_surface_gained_without_reconnect(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo"])
    wider = {"surface": "demo", "caps": ["demo"], "commands": ["demo.echo", "demo.admin"]}
    await node.call("node.pluginSurface.refresh", wider)
    await assert_not_effective(gateway, node, node_id, "demo.admin")

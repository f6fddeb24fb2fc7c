"""A node's command surface waits for a person: PROTOCOL 8.1 to 8.4."""

import pytest

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import FakeDevice, node_params, operator_params

from .invoking import failure, finish, invoke, post_invoke, respond

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.pair.list", "node.pair.approve", "node.pair.reject", "node.pair.requested"),
    pytest.mark.covers("node.pair.resolved"),
]

ALL = ["demo.echo", "demo.any"]


async def describe(operator, node_id):
    return await operator.call("node.describe", {"nodeId": node_id})


async def pending_of(operator, node_id):
    rows = (await operator.call("node.pair.list"))["pending"]
    return [row for row in rows if row["nodeId"] == node_id]


async def waiting(start, commands=ALL, **options):
    """A gateway, a node whose surface waits, an operator, and the request."""
    gateway = await start()
    node, node_id = await gateway.node(list(commands), approve=False, **options)
    operator = await gateway.operator()
    (request,) = await pending_of(operator, node_id)
    return gateway, node, node_id, operator, request


async def come_back(gateway, device, commands, **changes):
    """Connect the device anew, as its node host would with what it declares now."""
    wire = await gateway.wire()
    hello = await wire.connect(node_params(commands, **changes), device)
    assert hello["ok"], hello
    return wire


async def audit_kinds(gateway, subject):
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    return [(row.kind, row.actor) for row in rows if row.subject == subject and row.kind != "invoke"]


# First approval


async def test_first_connect_asks(start):
    gateway = await start()
    operator = await gateway.operator()
    _, node_id = await gateway.node(["demo.echo", "demo.any", "demo.risky", "nobody.knows"], approve=False)
    event = await operator.event("node.pair.requested")
    assert isinstance(event["seq"], int)
    (request,) = await pending_of(operator, node_id)
    assert event["payload"] == request
    assert {key: request[key] for key in request if key not in ("requestId", "ts")} == {
        "nodeId": node_id,
        "clientId": "node-host",
        "clientMode": "node",
        "displayName": "Test Node",
        "platform": "linux",
        "version": "1.0.0",
        "deviceFamily": "Linux",
        "caps": ["demo"],
        "commands": ["demo.any", "demo.echo"],  # what policy withholds is dropped without a word
        "requiredApproveScopes": ["operator.pairing", "operator.write"],
        "silent": request["silent"],
        **({"remoteIp": request["remoteIp"]} if "remoteIp" in request else {}),
    }
    entry = await describe(operator, node_id)
    assert (entry["approvalState"], entry["commands"], entry["caps"]) == ("pending-approval", [], [])


async def test_approval_is_in_force_at_once(start):
    gateway, node, node_id, operator, request = await waiting(start, permissions={"mic": True, "cam": False})
    assert (await describe(operator, node_id))["permissions"] == {"cam": False}
    answer = await operator.call("node.pair.approve", {"requestId": request["requestId"]})
    paired = answer["node"]
    assert answer["requestId"] == request["requestId"]
    assert (paired["nodeId"], paired["commands"], paired["caps"]) == (node_id, sorted(ALL), ["demo"])
    assert paired["permissions"] == {"mic": True, "cam": False}
    assert not {"token", "connected", "ts"} & paired.keys()
    resolved = {"requestId": request["requestId"], "nodeId": node_id, "decision": "approved"}
    told = await node.event("node.pair.resolved")
    assert "seq" not in told
    assert {**told["payload"], "ts": 0} == {**resolved, "ts": 0}
    heard = await operator.event("node.pair.resolved")
    assert isinstance(heard["seq"], int)
    assert heard["payload"] == told["payload"]
    entry = await describe(operator, node_id)
    assert (entry["approvalState"], entry["commands"]) == ("approved", sorted(ALL))
    assert entry["permissions"] == {"mic": True, "cam": False}
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id)
    assert (await finish(operator, request_id))["ok"] is True
    kinds = await audit_kinds(gateway, node_id)
    assert ("surface.request", f"device:{node_id}") in kinds
    assert ("surface.approve", "client:cli") in kinds


@pytest.mark.parametrize("method", ["node.pair.approve", "node.pair.reject"])
async def test_request_that_is_unknown_or_decided(start, method):
    _, _, _, operator, request = await waiting(start)
    refused = await operator.request(method, {"requestId": "never"})
    assert failure(refused) == ("INVALID_REQUEST", "unknown requestId", {"requestId": "never"}, None)
    await operator.call("node.pair.approve", {"requestId": request["requestId"]})
    assert failure(await operator.request(method, {"requestId": request["requestId"]}))[1] == (
        "unknown requestId"
    )


# Scopes


@pytest.mark.parametrize(
    ("commands", "scope"),
    [
        ([], None),
        (["nobody.knows"], None),
        (["demo.any"], "operator.write"),
        (["demo.any", "demo.admin"], "operator.admin"),
    ],
)
async def test_scopes_that_an_approval_takes(start, commands, scope):
    gateway, _, _, operator, request = await waiting(start, commands)
    required = ["operator.pairing", *([scope] if scope else [])]
    assert request["requiredApproveScopes"] == required
    approve = ("node.pair.approve", {"requestId": request["requestId"]})
    reader = await gateway.operator(["operator.read", "operator.write"])
    assert failure(await reader.request(*approve))[2]["missingScope"] == "operator.pairing"
    weak = await gateway.operator(
        ["operator.pairing", *(["operator.write"] if scope != "operator.write" else [])]
    )
    if scope is not None:
        assert failure(await weak.request(*approve)) == (
            "FORBIDDEN",
            f"missing scope: {scope}",
            {"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": required},
            None,
        )
        weak = operator
    assert (await weak.request(*approve))["ok"] is True


async def test_device_token_session_reaches_its_own_node_only(start):
    gateway, _, node_id, operator, request = await waiting(start)
    device = FakeDevice()
    first = await gateway.wire()
    scopes = ["operator.read", "operator.write", "operator.pairing"]
    hello = await first.connect(operator_params(scopes), device)
    token = hello["payload"]["auth"]["deviceToken"]
    session = await gateway.wire()
    params = operator_params(scopes, token=None, auth={"deviceToken": token})
    assert (await session.connect(params, device))["ok"] is True
    assert await session.call("node.pair.list") == {"pending": [], "paired": []}
    for method, message in (
        ("node.pair.approve", "node pairing approval denied"),
        ("node.pair.reject", "node pairing rejection denied"),
    ):
        refused = await session.request(method, {"requestId": request["requestId"]})
        assert failure(refused)[:2] == ("INVALID_REQUEST", message)
    refused = await session.request("node.rename", {"nodeId": node_id, "displayName": "mine"})
    assert failure(refused)[:2] == ("INVALID_REQUEST", "node rename denied")
    refused = await session.request("node.pair.remove", {"nodeId": node_id})
    assert failure(refused)[:2] == ("INVALID_REQUEST", "node removal denied")
    assert await pending_of(operator, node_id) == [request]


# What a node declares later


async def test_unchanged_and_waiting_keeps_its_id(start):
    device = FakeDevice()
    gateway, node, node_id, operator, request = await waiting(start, device=device)
    await operator.call("health", {})
    operator.events.clear()
    await come_back(gateway, device, ALL)
    await node.closed()
    (again,) = await pending_of(operator, node_id)
    assert again["requestId"] == request["requestId"]
    assert again["ts"] >= request["ts"]
    assert not [frame for frame in operator.events if frame["event"].startswith("node.pair.")]


async def test_narrower_is_in_force_at_once(start):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(ALL, device=device)
    operator = await gateway.operator()
    await come_back(gateway, device, ["demo.any"])
    entry = await describe(operator, device.device_id)
    assert (entry["approvalState"], entry["commands"]) == ("approved", ["demo.any"])
    # And what was approved once needs no new approval.
    await come_back(gateway, device, ALL)
    entry = await describe(operator, device.device_id)
    assert (entry["approvalState"], entry["commands"]) == ("approved", sorted(ALL))


@pytest.mark.parametrize(
    "wider",
    [
        {"commands": ["demo.any", "demo.linux"]},
        {"caps": ["demo", "light"]},
        {"permissions": {"mic": True}},
    ],
)
async def test_wider_waits_while_the_old_set_stays(start, wider):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(["demo.any"], device=device, permissions={"mic": False})
    operator = await gateway.operator()
    wider = dict(wider)
    commands = wider.pop("commands", ["demo.any"])
    node = await come_back(gateway, device, commands, **{"permissions": {"mic": False}, **wider})
    entry = await describe(operator, device.device_id)
    assert (entry["approvalState"], entry["commands"]) == ("pending-reapproval", ["demo.any"])
    assert entry["caps"] == ["demo"]
    assert entry.get("permissions", {}) in ({}, {"mic": False})
    (request,) = await pending_of(operator, device.device_id)
    assert entry["pendingRequestId"] == request["requestId"]
    request_id = await post_invoke(operator, device.device_id, "demo.any")
    await respond(node, device.device_id)
    assert (await finish(operator, request_id))["ok"] is True
    await operator.call("node.pair.approve", {"requestId": request["requestId"]})
    entry = await describe(operator, device.device_id)
    assert (entry["approvalState"], entry["commands"]) == ("approved", sorted(commands))
    assert entry["caps"] == sorted(wider.get("caps", ["demo"]))
    assert entry["permissions"] == wider.get("permissions", {"mic": False})


async def test_superseded_request_is_announced(start):
    device = FakeDevice()
    gateway, _, node_id, operator, request = await waiting(start, ["demo.any"], device=device)
    await come_back(gateway, device, ALL)
    resolved = (await operator.event("node.pair.resolved"))["payload"]
    assert (resolved["requestId"], resolved["decision"]) == (request["requestId"], "rejected")
    created = (await operator.event("node.pair.requested"))["payload"]
    assert created["requestId"] != request["requestId"]
    assert await pending_of(operator, node_id) == [created]
    assert failure(await operator.request("node.pair.approve", {"requestId": request["requestId"]}))[1] == (
        "unknown requestId"
    )


async def test_dropped_request_is_announced(start):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(["demo.any"], device=device)
    operator = await gateway.operator()
    await come_back(gateway, device, ALL)
    (request,) = await pending_of(operator, device.device_id)
    await come_back(gateway, device, ["demo.any"])
    resolved = (await operator.event("node.pair.resolved"))["payload"]
    assert (resolved["requestId"], resolved["decision"]) == (request["requestId"], "rejected")
    assert await pending_of(operator, device.device_id) == []
    assert (await describe(operator, device.device_id))["approvalState"] == "approved"


async def test_rejected_is_asked_again_at_the_next_connect(start):
    device = FakeDevice()
    gateway, node, node_id, operator, request = await waiting(start, device=device)
    answer = await operator.call("node.pair.reject", {"requestId": request["requestId"]})
    assert answer == {"requestId": request["requestId"], "nodeId": node_id}
    resolved = (await operator.event("node.pair.resolved"))["payload"]
    assert resolved["decision"] == "rejected"
    assert (await node.call("health", {}))["ok"] is True  # its socket stays
    assert not [frame for frame in node.events if frame["event"] == "node.pair.resolved"]
    assert (await describe(operator, node_id))["approvalState"] == "unapproved"
    assert await pending_of(operator, node_id) == []
    await come_back(gateway, device, ALL)
    (again,) = await pending_of(operator, node_id)
    assert again["requestId"] != request["requestId"]


async def test_rejected_reapproval_leaves_the_old_set(start):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(["demo.any"], device=device)
    operator = await gateway.operator()
    await come_back(gateway, device, ALL)
    (request,) = await pending_of(operator, device.device_id)
    await operator.call("node.pair.reject", {"requestId": request["requestId"]})
    entry = await describe(operator, device.device_id)
    assert (entry["approvalState"], entry["commands"]) == ("approved", ["demo.any"])


# Restart


async def test_request_and_approval_survive_a_restart(start, tmp_path):
    device, other = FakeDevice(), FakeDevice()
    gateway, _, node_id, operator, request = await waiting(start, device=device)
    await gateway.node(["demo.any"], device=other)
    await gateway.__aexit__()
    gateway = await start()
    operator = await gateway.operator()
    assert await pending_of(operator, node_id) == [request]
    assert (await describe(operator, other.device_id))["commands"] == ["demo.any"]
    await operator.call("node.pair.approve", {"requestId": request["requestId"]})
    node = await come_back(gateway, device, ALL)
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id)
    assert (await finish(operator, request_id))["ok"] is True
    assert failure(await invoke(operator, other.device_id, "demo.any"))[2]["code"] == "NOT_CONNECTED"

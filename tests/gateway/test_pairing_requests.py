"""The life of a pair request, and who may decide about it: PROTOCOL 6.1, 6.3, 6.5, 6.7."""

from __future__ import annotations

import uuid

import pytest

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import FakeClock, FakeDevice, node_params, operator_params

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("device.pair.list", "device.pair.approve", "device.pair.reject"),
    pytest.mark.covers("device.pair.remove", "device.pair.rename", "device.pair.requested"),
    pytest.mark.covers("device.pair.resolved", "device.pair.changed"),
]

BY_HAND = {"nodes.pairing.autoApproveLocal": False}
READ, WRITE, PAIRING = ["operator.read"], ["operator.write"], ["operator.pairing"]
FIVE_MINUTES = 300_000


async def knock(gateway, params, device):
    """The id of the request that waits now."""
    wire = await gateway.wire()
    response = await wire.connect(params, device)
    return response["error"]["details"]["requestId"]


async def let_in(gateway, params, device):
    """Have it approved by an admin and connected; its wire and device token."""
    admin = await gateway.operator()
    await admin.call("device.pair.approve", {"requestId": await knock(gateway, params, device)})
    wire = await gateway.wire()
    response = await wire.connect(params, device)
    assert response["ok"], response
    return wire, response["payload"]["auth"]["deviceToken"]


async def by_token(gateway, scopes, device=None):
    """An operator that came with its device token; its wire and device."""
    device = device or FakeDevice()
    _, token = await let_in(gateway, operator_params(scopes), device)
    wire = await gateway.wire()
    assert (await wire.connect(operator_params(scopes, auth={"deviceToken": token}), device))["ok"]
    return wire, device


async def test_the_record(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    watcher = await gateway.operator()
    request_id = await knock(gateway, node_params(), device)
    assert uuid.UUID(request_id)
    (listed,) = (await watcher.call("device.pair.list"))["pending"]
    # What it would have with one approval of both is in the list; the published event is closed.
    assert listed.pop("declaredSurface")["caps"] == ["demo"]
    assert listed == (await watcher.event("device.pair.requested"))["payload"]
    assert listed["ts"] <= gateway.server.gateway.runtime.now_ms()
    assert {key: value for key, value in listed.items() if key != "ts"} == {
        "requestId": request_id,
        "deviceId": device.device_id,
        "publicKey": device.public_key,
        "displayName": "Test Node",
        "platform": "linux",
        "deviceFamily": "Linux",
        "clientId": "node-host",
        "clientMode": "node",
        "role": "node",
        "roles": ["node"],
        "scopes": [],
        "silent": False,
        "isRepair": False,
    }


async def test_a_retry_keeps_its_id_without_a_word(start):
    clock = FakeClock()
    gateway, device = await start(BY_HAND, now_ms=clock), FakeDevice()
    watcher = await gateway.operator()
    asked = operator_params(["operator.read", "operator.write"])
    first = await knock(gateway, asked, device)
    await watcher.event("device.pair.requested")
    for params in (asked, operator_params(READ), operator_params([])):
        clock.advance(FIVE_MINUTES - 1)  # each retry starts the five minutes anew
        assert await knock(gateway, params, device) == first
    (listed,) = (await watcher.call("device.pair.list"))["pending"]
    assert listed["ts"] == clock()
    assert not [frame for frame in watcher.events if frame["event"].startswith("device.")]


async def test_another_request_takes_the_place_of_the_first(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    watcher = await gateway.operator()
    first = await knock(gateway, node_params(), device)
    second = await knock(gateway, operator_params(READ), device)
    assert first != second
    names, payloads = [], []
    for _ in range(3):
        frame = await watcher.receive()
        names.append(frame["event"])
        payloads.append(frame["payload"])
    assert names == ["device.pair.requested", "device.pair.resolved", "device.pair.requested"]
    assert (payloads[1]["requestId"], payloads[1]["decision"]) == (first, "rejected")
    merged = payloads[2]
    assert (merged["role"], merged["roles"], merged["scopes"]) == ("operator", ["node", "operator"], READ)
    (listed,) = (await watcher.call("device.pair.list"))["pending"]
    assert listed == {**merged, "declaredSurface": listed["declaredSurface"]}
    gone = await watcher.request("device.pair.approve", {"requestId": first})
    assert gone["error"]["message"] == "unknown requestId"


async def test_approving_a_merged_request_gives_both_roles(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    await knock(gateway, node_params(), device)
    request_id = await knock(gateway, operator_params(READ), device)
    admin = await gateway.operator()
    answer = await admin.call("device.pair.approve", {"requestId": request_id})
    assert answer["requestId"] == request_id
    assert answer["device"]["roles"] == ["node", "operator"]
    assert answer["device"]["approvedVia"] == "owner"
    assert sorted(token["role"] for token in answer["device"]["tokens"]) == ["node", "operator"]
    resolved = (await admin.event("device.pair.resolved"))["payload"]
    assert {**resolved, "ts": 0} == {
        "requestId": request_id,
        "deviceId": device.device_id,
        "decision": "approved",
        "ts": 0,
    }
    for params in (node_params(), operator_params(READ)):
        wire = await gateway.wire()
        assert (await wire.connect(params, device))["ok"]


async def test_a_repair_says_so(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    await let_in(gateway, operator_params(READ), device)
    await knock(gateway, operator_params([*READ, *WRITE]), device)
    admin = await gateway.operator()
    (request,) = (await admin.call("device.pair.list"))["pending"]
    assert request["isRepair"] is True
    assert request["scopes"] == ["operator.read", "operator.write"]


async def test_reject(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    admin = await gateway.operator()
    request_id = await knock(gateway, node_params(), device)
    answer = await admin.call("device.pair.reject", {"requestId": request_id})
    assert answer == {"requestId": request_id, "deviceId": device.device_id}
    resolved = (await admin.event("device.pair.resolved"))["payload"]
    assert (resolved["requestId"], resolved["decision"]) == (request_id, "rejected")
    for method in ("device.pair.reject", "device.pair.approve"):
        again = await admin.request(method, {"requestId": request_id})
        assert again["error"]["code"] == "INVALID_REQUEST"
        assert again["error"]["message"] == "unknown requestId"
    assert await knock(gateway, node_params(), device) != request_id


async def test_expiry(start):
    clock = FakeClock()
    gateway, device = await start(BY_HAND, now_ms=clock), FakeDevice()
    admin = await gateway.operator()
    first = await knock(gateway, node_params(), device)
    clock.advance(FIVE_MINUTES - 1)
    assert len((await admin.call("device.pair.list"))["pending"]) == 1
    clock.advance(1)
    # What was not swept yet is expired all the same.
    refused = await admin.request("device.pair.approve", {"requestId": first})
    assert refused["error"]["message"] == "unknown requestId"
    assert (await admin.call("device.pair.list"))["pending"] == []
    assert await knock(gateway, node_params(), device) != first


async def test_expired_requests_are_swept_and_announced(start):
    clock = FakeClock()
    gateway, device = await start(BY_HAND, now_ms=clock), FakeDevice()
    admin = await gateway.operator()
    request_id = await knock(gateway, node_params(), device)
    clock.advance(FIVE_MINUTES)
    resolved = (await admin.event("device.pair.resolved"))["payload"]
    assert (resolved["requestId"], resolved["decision"]) == (request_id, "rejected")
    assert not gateway.server.gateway.runtime.registry.pair_requests


# Who may decide (6.5)


async def test_nobody_gives_what_he_does_not_hold(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    request_id = await knock(gateway, operator_params(READ), device)
    helper = await gateway.operator(PAIRING)
    refused = await helper.request("device.pair.approve", {"requestId": request_id})
    assert refused["error"]["message"] == "missing scope: operator.read"
    reader = await gateway.operator([*PAIRING, *READ])
    assert (await reader.call("device.pair.approve", {"requestId": request_id}))["device"]["scopes"] == READ


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("device.pair.list", {}),
        ("device.pair.approve", {"requestId": "r"}),
        ("device.pair.reject", {"requestId": "r"}),
        ("device.pair.remove", {"deviceId": "d"}),
        ("device.pair.rename", {"deviceId": "d", "label": "x"}),
        ("device.token.rotate", {"deviceId": "d", "role": "node"}),
        ("device.token.revoke", {"deviceId": "d", "role": "node"}),
    ],
)
async def test_without_the_pairing_scope(start, method, params):
    gateway = await start()
    refused = await (await gateway.operator([*READ, *WRITE])).request(method, params)
    assert refused["error"]["code"] == "FORBIDDEN"
    assert refused["error"]["message"] == "missing scope: operator.pairing"
    assert refused["error"]["details"] == {
        "code": "MISSING_SCOPE",
        "missingScope": "operator.pairing",
        "requiredScopes": ["operator.pairing"],
    }


async def test_a_device_token_session_sees_and_manages_itself_only(start):
    gateway, other = await start(BY_HAND), FakeDevice()
    own, device = await by_token(gateway, PAIRING)
    await let_in(gateway, operator_params(READ), other)
    request_id = await knock(gateway, operator_params([*READ, *WRITE]), other)
    listed = await own.call("device.pair.list")
    assert [row["deviceId"] for row in listed["paired"]] == [device.device_id]
    assert listed["pending"] == []
    for method, params, message in [
        ("device.pair.approve", {"requestId": request_id}, "device pairing approval denied"),
        ("device.pair.reject", {"requestId": request_id}, "device pairing rejection denied"),
        ("device.pair.remove", {"deviceId": other.device_id}, "device pairing removal denied"),
        ("device.pair.rename", {"deviceId": other.device_id, "label": "x"}, "device rename denied"),
    ]:
        refused = await own.request(method, params)
        assert refused["error"]["code"] == "INVALID_REQUEST"
        assert refused["error"]["message"] == message
    renamed = await own.call("device.pair.rename", {"deviceId": device.device_id, "label": "mine"})
    assert renamed == {"deviceId": device.device_id, "label": "mine"}
    assert await own.call("device.pair.remove", {"deviceId": device.device_id})
    assert await own.closed() == (4001, "device removed")


async def test_an_admin_by_device_token_manages_everyone(start):
    gateway, other = await start(BY_HAND), FakeDevice()
    admin, device = await by_token(gateway, ["operator.admin"])
    request_id = await knock(gateway, node_params(), other)
    assert len((await admin.call("device.pair.list"))["pending"]) == 1
    await admin.call("device.pair.approve", {"requestId": request_id})
    listed = (await admin.call("device.pair.list"))["paired"]
    assert [row["deviceId"] for row in listed] == [other.device_id, device.device_id], "newest first"


@pytest.mark.parametrize("scopes", [PAIRING, ["operator.admin"]])
async def test_shared_secret_sessions_rename_and_remove_any_device(start, scopes):
    gateway = await start()
    node, node_id = await gateway.node()
    caller = await gateway.operator(scopes)
    await caller.call("device.pair.rename", {"deviceId": node_id, "label": " Kitchen "})
    assert (await caller.event("device.pair.changed"))["payload"] == {}
    (row,) = (await caller.call("device.pair.list"))["paired"]
    assert row["operatorLabel"] == "Kitchen"
    assert await caller.call("device.pair.remove", {"deviceId": node_id}) == {"deviceId": node_id}
    assert await node.closed() == (4001, "device removed")
    assert (await caller.call("device.pair.list"))["paired"] == []


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("device.pair.rename", {"deviceId": "nobody", "label": "x"}, "unknown deviceId"),
        ("device.pair.remove", {"deviceId": "nobody"}, "unknown deviceId"),
        ("device.pair.approve", {"requestId": "nothing"}, "unknown requestId"),
        ("device.pair.reject", {"requestId": "nothing"}, "unknown requestId"),
        (
            "device.pair.rename",
            {"deviceId": "d", "label": ""},
            "invalid device.pair.rename params: at /label",
        ),
        (
            "device.pair.rename",
            {"deviceId": "d", "label": "x" * 65},
            "invalid device.pair.rename params: at /label",
        ),
        (
            "device.pair.list",
            {"all": True},
            "invalid device.pair.list params: at root: unexpected property 'all'",
        ),
        ("device.pair.approve", None, "invalid device.pair.approve params: must have required property"),
    ],
)
async def test_wrong_params(start, method, params, message):
    gateway = await start()
    refused = await (await gateway.operator()).request(method, params)
    assert refused["error"]["code"] == "INVALID_REQUEST"
    assert refused["error"]["message"].startswith(message)


async def test_who_decided_is_in_the_trail(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    await let_in(gateway, node_params(), device)
    await knock(gateway, operator_params(READ), device)
    admin = await gateway.operator()
    (request,) = (await admin.call("device.pair.list"))["pending"]
    await admin.call("device.pair.reject", {"requestId": request["requestId"]})
    await admin.call("device.pair.rename", {"deviceId": device.device_id, "label": "x"})
    await admin.call("device.pair.remove", {"deviceId": device.device_id})
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    trail = [(row.kind, row.actor) for row in rows if row.kind.startswith("device.")]
    own = f"device:{device.device_id}"
    assert trail == [
        ("device.request", own),
        ("device.approve", "client:cli"),
        ("device.request", own),
        ("device.reject", "client:cli"),
        ("device.rename", "client:cli"),
        ("device.remove", "client:cli"),
    ]

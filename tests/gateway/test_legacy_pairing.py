"""Nodes announced by a helper and verified by token: PROTOCOL 25.1 to 25.4."""

from __future__ import annotations

import pytest

from openclaw_core.services import legacy_pairing
from openclaw_core.store.models import AuditEvent, LegacyNode
from openclaw_core.testing import FakeClock, FakeDevice, TestGateway, node_params, plugins_of

from .conftest import DEMO
from .test_pairing_races import held_still, post_connect, taken

pytestmark = pytest.mark.anyio

FIVE_MINUTES = 300_000
KITCHEN = {
    "nodeId": "kitchen",
    "displayName": "Kitchen",
    "platform": "linux",
    "deviceFamily": "Linux",
    "version": "1.2",
    "caps": ["demo"],
    "commands": ["demo.echo", "nobody.knows"],
}


async def announced(gateway, **changes):
    """An admin and the request of an announced node."""
    admin = await gateway.operator()
    answer = await admin.call("node.pair.request", {**KITCHEN, **changes})
    return admin, answer["request"]


@pytest.mark.covers("node.pair.request")
async def test_one_request_per_node(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    admin = await gateway.operator()
    first = await admin.call("node.pair.request", KITCHEN)
    assert (first["status"], first["created"]) == ("pending", True)
    request = first["request"]
    assert request["ts"] == clock()
    assert KITCHEN.items() <= request.items()
    assert (await admin.event("node.pair.requested"))["payload"] == request
    clock.advance(FIVE_MINUTES - 1)
    again = await admin.call("node.pair.request", {**KITCHEN, "displayName": "Galley"})
    assert again["created"] is False
    assert again["request"]["requestId"] == request["requestId"]
    (listed,) = (await admin.call("node.pair.list"))["pending"]
    assert (listed["displayName"], listed["ts"]) == ("Galley", clock())
    assert not [frame for frame in admin.events if frame["event"] == "node.pair.requested"]


async def test_an_offer_that_grew_is_another_request(start):
    gateway = await start()
    admin, first = await announced(gateway)
    grown = await admin.call("node.pair.request", {**KITCHEN, "commands": ["demo.echo", "demo.any"]})
    assert grown["created"] is True
    assert grown["request"]["requestId"] != first["requestId"]
    refused = await admin.request("node.pair.approve", {"requestId": first["requestId"]})
    assert refused["error"]["message"] == "unknown requestId"


async def test_a_request_expires_without_a_word(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    admin, request = await announced(gateway)
    clock.advance(FIVE_MINUTES)
    assert (await admin.call("node.pair.list"))["pending"] == []
    refused = await admin.request("node.pair.approve", {"requestId": request["requestId"]})
    assert refused["error"]["message"] == "unknown requestId"


async def test_expired_requests_take_nobodys_place(start, monkeypatch):
    monkeypatch.setattr(legacy_pairing, "_MAX_WAITING", 1)
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    admin, _ = await announced(gateway)
    other = {**KITCHEN, "nodeId": "cellar"}
    assert (await admin.request("node.pair.request", other))["ok"] is False
    clock.advance(FIVE_MINUTES)
    await admin.call("events.subscribe", {"events": ["audit.appended"]})
    while not (await admin.request("node.pair.request", other))["ok"]:
        await admin.event("audit.appended")  # the clockwork went round once more
    assert [row["nodeId"] for row in (await admin.call("node.pair.list"))["pending"]] == ["cellar"]


@pytest.mark.covers("node.pair.verify")
async def test_approve_and_verify(start):
    gateway = await start()
    admin, request = await announced(gateway)
    answer = await admin.call("node.pair.approve", {"requestId": request["requestId"]})
    node, token = answer["node"], answer["node"]["token"]
    assert (node["nodeId"], node["commands"]) == ("kitchen", ["demo.echo"]), "the policy holds here too"
    right = await admin.call("node.pair.verify", {"nodeId": "kitchen", "token": token})
    assert right["ok"] is True
    assert "token" not in right["node"]
    for wrong in ({"nodeId": "kitchen", "token": "x"}, {"nodeId": "cellar", "token": token}):
        assert await admin.call("node.pair.verify", wrong) == {"ok": False}
    rows = await gateway.server.gateway.runtime.store.load(LegacyNode)
    assert token not in repr([row.model_dump() for row in rows])
    (paired,) = (await admin.call("node.pair.list"))["paired"]
    assert "token" not in paired
    (shown,) = (await admin.call("node.list"))["nodes"]
    assert (shown["displayName"], shown["connected"], shown["paired"]) == ("Kitchen", False, True)
    trail = [row.kind for row in await gateway.server.gateway.runtime.store.load(AuditEvent)]
    assert trail.count("node.verify") == 2, "each wrong token is in the trail"


async def test_every_approval_mints_a_new_token(start):
    gateway = await start()
    admin, request = await announced(gateway)
    first = (await admin.call("node.pair.approve", {"requestId": request["requestId"]}))["node"]
    repair = (await admin.call("node.pair.request", KITCHEN))["request"]
    assert repair["isRepair"] is True
    second = (await admin.call("node.pair.approve", {"requestId": repair["requestId"]}))["node"]
    assert second["token"] != first["token"]
    assert second["createdAtMs"] == first["createdAtMs"]
    assert await admin.call("node.pair.verify", {"nodeId": "kitchen", "token": first["token"]}) == {
        "ok": False
    }


async def test_reject_and_remove(start):
    gateway = await start()
    admin, request = await announced(gateway)
    answer = await admin.call("node.pair.reject", {"requestId": request["requestId"]})
    assert answer == {"requestId": request["requestId"], "nodeId": "kitchen"}
    assert (await admin.event("node.pair.resolved"))["payload"]["decision"] == "rejected"
    _, request = await announced(gateway)
    node = (await admin.call("node.pair.approve", {"requestId": request["requestId"]}))["node"]
    assert await admin.call("node.pair.remove", {"nodeId": "kitchen"}) == {"nodeId": "kitchen"}
    verdict = await admin.call("node.pair.verify", {"nodeId": "kitchen", "token": node["token"]})
    assert verdict == {"ok": False}
    assert (await admin.call("node.list"))["nodes"] == []


async def test_an_approver_needs_what_the_commands_need(start):
    gateway = await start()
    _, request = await announced(gateway, commands=["demo.admin"])
    helper = await gateway.operator(["operator.pairing", "operator.write"])
    refused = await helper.request("node.pair.approve", {"requestId": request["requestId"]})
    assert refused["error"]["details"]["missingScope"] == "operator.admin"


async def test_the_token_opens_no_connection(start):
    gateway, device = await start({"nodes.pairing.autoApproveLocal": False}), FakeDevice()
    admin, request = await announced(gateway, nodeId=device.device_id)
    token = (await admin.call("node.pair.approve", {"requestId": request["requestId"]}))["node"]["token"]
    wire = await gateway.wire()
    answer = await wire.connect(node_params(auth={"deviceToken": token}), device)
    assert answer["error"]["details"]["code"] == "AUTH_DEVICE_TOKEN_MISMATCH"


async def test_a_removal_that_comes_after_the_pairing_is_of_the_paired_node(start):
    gateway, device = await start(), FakeDevice()
    admin, request = await announced(gateway, nodeId=device.device_id)
    await admin.call("node.pair.approve", {"requestId": request["requestId"]})
    async with held_still(gateway, device):
        node = await post_connect(gateway, node_params(["demo.echo"]), device)
        await admin.post("node.pair.remove", {"nodeId": device.device_id})
        await taken(admin)
    assert (await node.receive())["ok"] is True
    answer = await admin.receive()
    while answer["type"] != "res":
        answer = await admin.receive()
    assert answer["error"]["message"] == "unknown nodeId"
    entry = await admin.call("node.describe", {"nodeId": device.device_id})
    assert (entry["approvalState"], entry["commands"]) == ("approved", ["demo.echo"])


async def test_the_device_that_proves_the_key_takes_the_place(start):
    gateway, device = await start(), FakeDevice()
    admin, request = await announced(gateway, nodeId=device.device_id)
    await admin.call("node.pair.approve", {"requestId": request["requestId"]})
    await gateway.node(["demo.echo", "demo.any"], device=device, approve=False)
    row = await admin.call("node.describe", {"nodeId": device.device_id})
    assert (row["connected"], row["commands"]) == (True, ["demo.echo"])
    live = gateway.server.gateway.runtime.tokens
    token = live.value(live.live(device.device_id, "node"))
    assert (await admin.call("node.pair.verify", {"nodeId": device.device_id, "token": token}))["ok"]
    await admin.call("device.token.revoke", {"deviceId": device.device_id, "role": "node"})
    assert not (await admin.call("node.pair.verify", {"nodeId": device.device_id, "token": token}))["ok"]


async def test_it_survives_a_restart(tmp_path):
    async with TestGateway(tmp_path, plugins_of(DEMO)) as gateway:
        admin, request = await announced(gateway)
        token = (await admin.call("node.pair.approve", {"requestId": request["requestId"]}))["node"]["token"]
        _, waiting = await announced(gateway, nodeId="cellar")
    async with TestGateway(tmp_path, plugins_of(DEMO)) as gateway:
        admin = await gateway.operator()
        assert (await admin.call("node.pair.verify", {"nodeId": "kitchen", "token": token}))["ok"]
        (listed,) = (await admin.call("node.pair.list"))["pending"]
        assert listed["requestId"] == waiting["requestId"]


@pytest.mark.parametrize("method", ["node.pair.request", "node.pair.verify"])
async def test_it_takes_the_pairing_scope(start, method):
    reader = await (await start()).operator(["operator.write"])
    refused = await reader.request(method, {"nodeId": "kitchen", "token": "x"})
    assert refused["error"]["details"]["missingScope"] == "operator.pairing"

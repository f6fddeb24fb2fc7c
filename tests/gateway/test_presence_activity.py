"""Input activity, locked desktops and other events of nodes: PROTOCOL 12.1, 12.3."""

import pytest

from openclaw_core.testing import FakeClock, FakeDevice

from .invoking import failure

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.presence", "node.presence.activity", "node.desktop.availability", "node.list"),
]

ACTIVITY = "node.presence.activity"
DESKTOP = "node.desktop.availability"
MAC = {"id": "openclaw-macos", "platform": "macos", "deviceFamily": "Mac"}


async def tell(node, event, payload):
    answer = await node.call("node.event", {"event": event, "payload": payload})
    assert (answer["ok"], answer["event"]) == (True, event)
    return answer["reason"], answer["handled"]


async def seeing(gateway, **changes):
    """A node that may see its user's input."""
    return await gateway.node(["demo.any"], permissions={"accessibility": True}, **changes)


async def test_activity_makes_a_node_the_active_one(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    operator, blind = await gateway.operator(), await gateway.operator(["operator.pairing"])
    first, first_id = await seeing(gateway)
    second, second_id = await seeing(gateway)
    assert "activeNodeId" not in await operator.call("node.list")
    assert await tell(first, ACTIVITY, {"idleSeconds": 60}) == ("updated", True)
    told = {"nodeId": first_id, "lastActiveAtMs": clock() - 60_000, "presenceUpdatedAtMs": clock()}
    assert (await operator.event("node.presence"))["payload"] == told
    assert await tell(second, ACTIVITY, {"idleSeconds": 5, "saturated": True, "source": "system"}) == (
        "updated",
        True,
    )
    listed = await operator.call("node.list")
    assert listed["activeNodeId"] == second_id
    rows = {row["nodeId"]: row for row in listed["nodes"]}
    assert {node_id: row.get("active") for node_id, row in rows.items()} == {first_id: None, second_id: True}
    assert rows[first_id]["lastActiveAtMs"] == told["lastActiveAtMs"]
    assert (await operator.call("node.describe", {"nodeId": second_id}))["active"] is True
    await second.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    listed = await operator.call("node.list")
    assert listed["activeNodeId"] == first_id  # of those that are here
    assert [row["presenceUpdatedAtMs"] for row in listed["nodes"]] == [clock(), clock()]
    await blind.call("health", {})
    assert not [frame for frame in blind.events if frame["event"] == "node.presence"]


async def test_clear(start):
    gateway = await start()
    operator = await gateway.operator()
    node, node_id = await seeing(gateway)
    assert await tell(node, ACTIVITY, {"action": "clear"}) == ("already_clear", True)
    await tell(node, ACTIVITY, {"idleSeconds": 0})
    await operator.event("node.presence")
    assert await tell(node, ACTIVITY, {"action": "clear"}) == ("cleared", True)
    assert (await operator.event("node.presence"))["payload"] == {
        "nodeId": node_id,
        "lastActiveAtMs": None,
        "presenceUpdatedAtMs": None,
    }
    listed = await operator.call("node.list")
    assert "activeNodeId" not in listed
    assert not {"active", "lastActiveAtMs", "presenceUpdatedAtMs"} & listed["nodes"][0].keys()


async def test_who_may_tell(start):
    gateway = await start()
    for permissions, source, client, reason in (
        ({}, None, {}, "permission_required"),
        ({"accessibility": False}, "system", {}, "permission_required"),
        ({"accessibility": True}, "app", {}, "stale_connection"),
        ({}, "app", {**MAC, "platform": "linux", "deviceFamily": "Linux"}, "stale_connection"),
        ({}, "app", MAC, "updated"),
        ({"accessibility": True}, "system", MAC, "updated"),
    ):
        node, _ = await gateway.node(["demo.any"], permissions=permissions, client=client)
        payload = {"idleSeconds": 1} | ({"source": source} if source else {})
        assert await tell(node, ACTIVITY, payload) == (reason, reason == "updated")


async def test_a_permission_that_nobody_approved_counts_for_nothing(start):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(["demo.any"], device=device, permissions={"accessibility": False})
    node, _ = await seeing(gateway, device=device, approve=False)
    assert await tell(node, ACTIVITY, {"idleSeconds": 1}) == ("permission_required", False)


BAD = (
    None,
    [],
    {},
    {"idleSeconds": -1},
    {"idleSeconds": 2_592_001},
    {"idleSeconds": "1"},
    {"idleSeconds": 1, "source": "dream"},
    {"idleSeconds": 1, "more": 1},
    {"action": "dance"},
    {"action": "clear", "idleSeconds": 1},
)


async def test_activity_that_is_refused(start):
    gateway = await start()
    node, _ = await seeing(gateway)
    answers = [await tell(node, ACTIVITY, payload) for payload in BAD]
    assert answers == [("invalid_payload", False)] * len(BAD)
    assert "activeNodeId" not in await (await gateway.operator()).call("node.list")


async def test_desktop(start):
    gateway = await start()
    operator = await gateway.operator()
    node, node_id = await gateway.node(["demo.any"])
    assert await tell(node, DESKTOP, {"state": "locked"}) == ("updated", True)
    assert await tell(node, DESKTOP, {"state": "locked"}) == ("unchanged", True)
    entry = await operator.call("node.describe", {"nodeId": node_id})
    assert entry["desktopAvailability"] == "locked"
    assert await tell(node, DESKTOP, {"state": "unlocked"}) == ("updated", True)
    for payload in (None, {}, {"state": "ajar"}, {"state": "locked", "more": 1}):
        assert await tell(node, DESKTOP, payload) == ("invalid_payload", False)
    await node.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    entry = await operator.call("node.describe", {"nodeId": node_id})
    assert "desktopAvailability" not in entry  # nobody knows any more


async def test_what_was_told_goes_with_the_node(start):
    gateway = await start()
    operator, device = await gateway.operator(), FakeDevice()
    node, node_id = await seeing(gateway, device=device)
    await tell(node, ACTIVITY, {"idleSeconds": 1})
    await operator.call("node.pair.remove", {"nodeId": node_id})
    await node.closed()
    await seeing(gateway, device=device)
    listed = await operator.call("node.list")
    assert "activeNodeId" not in listed
    assert "lastActiveAtMs" not in listed["nodes"][0]


@pytest.mark.covers("node.runnerInventory.update", "node.runnerInventory.changed")
async def test_runner_inventory_is_announced(start):
    gateway = await start()
    operator = await gateway.operator(["operator.read"])
    node, node_id = await gateway.node(["demo.any"])
    inventory = {"protocolFeatures": ["node-worker-supervisor-v6"], "workerHost": {"enabled": False}}
    await node.call("node.runnerInventory.update", inventory)
    assert (await operator.event("node.runnerInventory.changed"))["payload"] == {"nodeId": node_id}


async def test_not_before_the_approval(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"], approve=False)
    for event in (ACTIVITY, DESKTOP):
        refused = await node.request("node.event", {"event": event, "payload": {}})
        assert failure(refused)[2]["reason"] == "awaiting-approval"

"""What nodes tell of their own accord: PROTOCOL 12."""

import orjson
import pytest

from openclaw_core.testing import FakeClock, FakeDevice

from .invoking import failure

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.event", "node.host.stats", "node.hostStats", "node.presence.alive"),
    pytest.mark.covers("node.pluginTools.update", "node.skills.update", "node.runnerInventory.update"),
]

STATS = {
    "cpuCount": 4,
    "loadAverage": [0.5, 1, 2.25],
    "memoryTotalBytes": 8_000,
    "memoryFreeBytes": 1_000,
    "diskTotalBytes": 100,
    "diskAvailableBytes": 100,
}
ALIVE = "node.presence.alive"


def outcome(event, reason, handled):
    return {"ok": True, "event": event, "handled": handled, "reason": reason}


async def send(node, event, payload, *, as_text=True):
    fields = {"payloadJSON": orjson.dumps(payload).decode()} if as_text else {"payload": payload}
    return await node.call("node.event", {"event": event, **fields})


async def describe(operator, node_id):
    return await operator.call("node.describe", {"nodeId": node_id})


# presence.alive


async def test_alive_is_kept_and_throttled(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    clock.advance(1_000)
    assert await send(node, ALIVE, {"trigger": "silent_push"}) == outcome(ALIVE, "persisted", True)
    seen = await describe(operator, node_id)
    assert (seen["lastSeenAtMs"], seen["lastSeenReason"]) == (clock(), "silent_push")
    clock.advance(59_999)
    assert await send(node, ALIVE, {"trigger": "manual"}) == outcome(ALIVE, "throttled", True)
    assert (await describe(operator, node_id))["lastSeenReason"] == "silent_push"
    clock.advance(1)
    assert await send(node, ALIVE, {"trigger": "manual"}) == outcome(ALIVE, "persisted", True)
    await gateway.__aexit__()
    gateway = await start(now_ms=clock)
    seen = await describe(await gateway.operator(), node_id)
    assert seen["lastSeenReason"] == "manual"


async def test_throttle_is_per_node(start):
    gateway = await start(now_ms=FakeClock())
    for _ in range(2):
        node, _ = await gateway.node(["demo.any"])
        assert (await send(node, ALIVE, {"trigger": "connect"}, as_text=False))["reason"] == "persisted"


async def test_unknown_trigger_counts_as_background(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    await send(node, ALIVE, {"trigger": "full_moon", "sentAtMs": 1, "displayName": "x"})
    assert (await describe(await gateway.operator(), node_id))["lastSeenReason"] == "background"


@pytest.mark.parametrize("payload", [None, {}, {"trigger": ""}, {"trigger": 1}, [], "text"])
async def test_alive_with_a_bad_payload(start, payload):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    assert await send(node, ALIVE, payload) == outcome(ALIVE, "invalid_payload", False)
    not_json = await node.call("node.event", {"event": ALIVE, "payloadJSON": "{oops"})
    assert not_json == outcome(ALIVE, "invalid_payload", False)


# host.stats


async def test_host_stats(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    node, node_id = await gateway.node(["demo.any"])
    operator, reader = await gateway.operator(), await gateway.operator(["operator.read"])
    blind = await gateway.operator(["operator.pairing"])
    assert await send(node, "node.host.stats", STATS) == outcome("node.host.stats", "updated", True)
    shown = {**STATS, "updatedAtMs": clock()}
    for wire in (operator, reader):
        event = await wire.event("node.hostStats")
        assert event["payload"] == {"nodeId": node_id, "hostStats": shown}
        assert isinstance(event["seq"], int)
    for wire in (blind, node):
        await wire.call("health", {})
        assert not [frame for frame in wire.events if frame["event"] == "node.hostStats"]
    assert (await describe(operator, node_id))["hostStats"] == shown
    await node.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    entry = await describe(operator, node_id)
    assert (entry["connected"], entry["hostStats"]) == (False, shown)


@pytest.mark.parametrize(
    "change",
    [
        {"cpuCount": None},
        {"cpuCount": 0},
        {"cpuCount": 1e300},
        {"memoryFreeBytes": 8_001},
        {"memoryTotalBytes": -1},
        {"diskAvailableBytes": 101},
        {"loadAverage": [1, 2]},
        {"unexpected": 1},
    ],
)
async def test_host_stats_that_are_refused(start, change):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    answer = await send(node, "node.host.stats", {**STATS, **change})
    assert answer == outcome("node.host.stats", "invalid_payload", False)
    operator = await gateway.operator()
    assert "hostStats" not in await describe(operator, node_id)


@pytest.mark.parametrize(
    ("method", "key"), [("node.pair.remove", "nodeId"), ("device.pair.remove", "deviceId")]
)
async def test_host_stats_go_with_the_node(start, method, key):
    gateway = await start()
    device = FakeDevice()
    node, node_id = await gateway.node(["demo.any"], device=device)
    operator = await gateway.operator()
    await send(node, "node.host.stats", STATS)
    assert "hostStats" in await describe(operator, node_id)
    await operator.call(method, {key: node_id})
    await node.closed()
    await gateway.node(["demo.any"], device=device)
    assert "hostStats" not in await describe(operator, node_id)


# The others


async def test_unsupported_event(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    assert await send(node, "made.up", {"a": 1}) == outcome("made.up", "unsupported_event", False)


@pytest.mark.parametrize("params", [{}, {"payload": 1}, {"event": ""}, {"event": "x", "extra": 1}])
async def test_event_that_is_malformed(start, params):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    refused = await node.request("node.event", params)
    assert failure(refused)[0] == "INVALID_REQUEST"


@pytest.mark.parametrize("event", [ALIVE, "node.host.stats", "made.up"])
async def test_event_before_the_surface_is_approved(start, event):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"], approve=False)
    operator = await gateway.operator()
    (request,) = (await operator.call("node.pair.list"))["pending"]
    refused = await node.request("node.event", {"event": event, "payload": STATS})
    assert failure(refused) == (
        "UNAVAILABLE",
        f"the node's commands await approval: openclaw nodes approve {request['requestId']}",
        {
            "code": "PAIRING_CHANGED",
            "reason": "awaiting-approval",
            "nodeId": node_id,
            "requestId": request["requestId"],
        },
        True,
    )
    assert "hostStats" not in await describe(operator, node_id)


async def test_plugin_tools(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    tools = [
        {"pluginId": "p", "name": "open", "description": "d"},
        {"pluginId": "p", "name": "any", "description": "d", "command": "demo.any", "parameters": {"x": 1}},
        {"pluginId": "p", "name": "held", "description": "d", "command": "demo.echo"},
        {"pluginId": "p", "name": "mcp", "description": "d", "mcp": {"server": "s", "tool": "t"}},
    ]
    opened = {"type": "object", "properties": {}, "additionalProperties": True}
    kept = [{**tools[0], "parameters": opened}, tools[1], {**tools[3], "parameters": opened}]
    assert await node.call("node.pluginTools.update", {"tools": tools}) == {"nodeId": node_id, "tools": kept}
    operator = await gateway.operator()
    assert (await describe(operator, node_id))["nodePluginTools"] == kept
    assert await node.call("node.pluginTools.update", {"tools": []}) == {"nodeId": node_id, "tools": []}
    assert (await describe(operator, node_id))["nodePluginTools"] == []


@pytest.mark.parametrize("name", ["1st", "has space", "x" * 65, "", "newline\n"])
async def test_plugin_tool_names_that_are_refused(start, name):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    tool = {"pluginId": "p", "name": name, "description": "d"}
    refused = await node.request("node.pluginTools.update", {"tools": [tool]})
    assert failure(refused)[0] == "INVALID_REQUEST"


@pytest.mark.parametrize("levels", [300, 249, 246])
async def test_plugin_tool_too_deep_to_hand_on(start, levels):
    """Stored, it would break every later node.list, which nests it deeper still."""
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    deep = '{"a":' * levels + "1" + "}" * levels
    tool = f'{{"pluginId":"p","name":"t","description":"d","parameters":{deep}}}'
    await node.send(
        f'{{"type":"req","id":"deep","method":"node.pluginTools.update","params":{{"tools":[{tool}]}}}}'
    )
    refused = await node.request("", request_id="deep")
    assert failure(refused)[0] == "INVALID_REQUEST"
    operator = await gateway.operator()
    (entry,) = (await operator.call("node.list"))["nodes"]
    assert (entry["nodeId"], entry["nodePluginTools"]) == (node_id, [])


@pytest.mark.parametrize("approve", [True, False])
async def test_skills_and_runner_inventory(start, approve):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"], approve=approve)
    skill = {"name": "make-tea", "description": "d", "content": "boil"}
    answer = await node.call("node.skills.update", {"skills": [skill]})
    assert answer == {"nodeId": node_id, "skills": [skill]}
    inventory = {"protocolFeatures": ["node-worker-supervisor-v6"], "workerHost": {"enabled": False}}
    assert await node.call("node.runnerInventory.update", inventory) == {"nodeId": node_id}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("node.skills.update", {"skills": [{"name": "Bad Name", "description": "d", "content": "c"}]}),
        ("node.skills.update", {"skills": [{"name": "a", "description": "", "content": "c"}]}),
        ("node.skills.update", {}),
        ("node.runnerInventory.update", {"protocolFeatures": [], "workerHost": {"enabled": True}}),
    ],
)
async def test_updates_that_are_refused(start, method, params):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    assert failure(await node.request(method, params))[0] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "method",
    ["node.event", "node.pluginTools.update", "node.skills.update", "node.runnerInventory.update"],
)
async def test_operators_tell_nothing(start, method):
    gateway = await start()
    refused = await (await gateway.operator()).request(method, {})
    assert failure(refused)[1] == "unauthorized role: operator"

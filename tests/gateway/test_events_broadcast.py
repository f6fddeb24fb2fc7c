"""Who gets which broadcast, and how each connection numbers its own: PROTOCOL 2.2, 15."""

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.covers("presence", "tick", "shutdown", "health")]

READER = ["operator.read"]
PAIRER = ["operator.pairing"]


async def settle(*wires):
    """One answer on each wire: what was broadcast before it has arrived."""
    for wire in wires:
        await wire.call("health", {})


def heard(wire, prefix):
    return [frame for frame in wire.events if frame["event"].startswith(prefix)]


async def test_presence_is_for_readers(start):
    gateway = await start()
    reader, writer = await gateway.operator(READER), await gateway.operator(["operator.write"])
    pairer = await gateway.operator(PAIRER)
    node, node_id = await gateway.node(["demo.any"])
    for wire in (reader, writer):
        event = await wire.event("presence")
        own, *others = event["payload"]["presence"]
        assert (own["mode"], own["reason"]) == ("gateway", "self")
        (row,) = others
        assert (row["deviceId"], row["mode"], row["roles"]) == (node_id, "node", ["node"])
        assert (row["reason"], row["text"]) == ("connect", "Node: Test Node · mode node")
        assert event["stateVersion"]["presence"] >= 1
        assert (await wire.call("system-presence"))[1:] == [row]
    await settle(pairer, node)
    assert heard(pairer, "presence") == []
    assert heard(node, "presence") == []


async def test_presence_tells_who_left(start):
    gateway = await start()
    reader = await gateway.operator(READER)
    node, node_id = await gateway.node(["demo.any"])
    first = await reader.event("presence")
    await node.socket.close()
    second = await reader.event(
        "presence", lambda payload: [row["reason"] for row in payload["presence"]] == ["self", "disconnect"]
    )
    assert second["stateVersion"]["presence"] > first["stateVersion"]["presence"]
    rows = await reader.call("system-presence")
    assert [row.get("deviceId") for row in rows] == [None, node_id]


async def test_pairing_events_are_for_pairers(start):
    gateway = await start()
    reader, pairer = await gateway.operator(READER), await gateway.operator(PAIRER)
    other, _ = await gateway.node(["demo.any"])
    await pairer.event("node.pair.requested")
    node, node_id = await gateway.node(["demo.any"])
    event = await pairer.event("node.pair.requested")
    assert event["payload"]["nodeId"] == node_id
    await pairer.event("node.pair.resolved", lambda payload: payload["nodeId"] == node_id)
    await settle(reader, other, node)
    assert heard(reader, "node.pair.") == []
    # A node hears of its own approval only, and without a number.
    assert [frame["payload"]["nodeId"] for frame in heard(node, "node.pair.")] == [node_id]
    assert node_id not in [frame["payload"]["nodeId"] for frame in heard(other, "node.pair.")]


async def test_each_connection_counts_its_own(start):
    """No gaps: a broadcast that a connection may not see takes none of its numbers."""
    gateway = await start()
    pairer = await gateway.operator(PAIRER)
    await gateway.node(["demo.any"])
    late = await gateway.operator()
    runtime = gateway.server.gateway.runtime
    for number in range(3):
        runtime.events.broadcast("node.hostStats", {"number": number})
        runtime.events.broadcast("tick", {"ts": number})
    await settle(pairer, late)
    for wire, visible in ((pairer, {"tick", "node.pair.requested"}), (late, {"tick", "node.hostStats"})):
        numbers = [frame["seq"] for frame in wire.events if "seq" in frame]
        assert numbers == list(range(1, len(numbers) + 1))
        assert visible <= {frame["event"] for frame in wire.events}
    assert heard(pairer, "node.hostStats") == []
    assert [frame["payload"]["ts"] for frame in heard(late, "tick")] == [0, 1, 2]


async def test_unscoped_events_reach_nodes(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"], approve=False)
    runtime = gateway.server.gateway.runtime
    runtime.events.broadcast("tick", {"ts": 1})
    event = await node.event("tick")
    assert event == {"type": "event", "event": "tick", "payload": {"ts": 1}, "seq": 1}


async def test_shutdown_reaches_everyone(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    pairer = await gateway.operator(PAIRER)
    await gateway.server.stop()
    for wire in (node, pairer):
        assert (await wire.closed())[0] == 1012
        assert [frame["payload"]["reason"] for frame in heard(wire, "shutdown")] == ["gateway stopping"]


async def test_event_nobody_registered_reaches_only_admins(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    everything_else = ["operator.read", "operator.write", "operator.pairing", "operator.approvals"]
    admin, almost = await gateway.operator(), await gateway.operator(everything_else)
    gateway.server.gateway.runtime.events.broadcast("made.up", {})
    assert (await admin.event("made.up"))["payload"] == {}
    await settle(almost, node)
    assert heard(almost, "made.up") == []
    assert heard(node, "made.up") == []

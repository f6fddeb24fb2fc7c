"""`events.subscribe`: a connection chooses its broadcasts; numbers tell of losses: PROTOCOL 2.2, 15.3."""

import pytest

from openclaw_core.protocol import limits

from .invoking import failure

pytestmark = [pytest.mark.anyio, pytest.mark.covers("events.subscribe", "tick", "shutdown")]


async def subscribe(wire, events):
    return await wire.call("events.subscribe", {"events": events})


def heard(wire):
    return [(frame["event"], frame["seq"]) for frame in wire.events if "seq" in frame]


async def test_only_what_was_asked_for(start):
    gateway = await start()
    wire, broadcast = await gateway.operator(), gateway.server.gateway.runtime.events.broadcast
    answer = await subscribe(wire, ["node.pair.*", "health", "health"])
    assert answer == {"events": ["health", "node.pair.*"], "always": ["shutdown", "tick"], "unknown": []}
    for event in (
        "presence",
        "node.pair.requested",
        "node.hostStats",
        "tick",
        "health",
        "node.pair.resolved",
    ):
        broadcast(event, {})
    await wire.call("status", {})
    # What was filtered out took no number: a gap still means that something was lost.
    assert heard(wire) == [
        ("node.pair.requested", 1),
        ("tick", 2),
        ("health", 3),
        ("node.pair.resolved", 4),
    ]


async def test_null_brings_everything_back(start):
    gateway = await start()
    wire, broadcast = await gateway.operator(), gateway.server.gateway.runtime.events.broadcast
    await subscribe(wire, [])
    broadcast("health", {})
    assert await subscribe(wire, None) == {"events": None, "always": ["shutdown", "tick"], "unknown": []}
    broadcast("health", {})
    await wire.call("status", {})
    assert heard(wire) == [("health", 1)]


async def test_a_filter_gives_nothing_that_scopes_withhold(start):
    gateway = await start()
    wire, broadcast = (
        await gateway.operator(["operator.read"]),
        gateway.server.gateway.runtime.events.broadcast,
    )
    assert (await subscribe(wire, ["*"]))["unknown"] == []
    broadcast("node.pair.requested", {})
    broadcast("made.up", {})
    broadcast("node.hostStats", {})
    await wire.call("status", {})
    assert heard(wire) == [("node.hostStats", 1)]


async def test_each_connection_has_its_own(start):
    gateway = await start()
    quiet, other = await gateway.operator(), await gateway.operator()
    await subscribe(quiet, ["health"])
    gateway.server.gateway.runtime.events.broadcast("node.hostStats", {})
    for wire in (quiet, other):
        await wire.call("status", {})
    assert (heard(quiet), heard(other)) == ([], [("node.hostStats", 1)])


async def test_names_nobody_sends_are_pointed_out(start):
    wire = await (await start()).operator()
    answer = await subscribe(wire, ["node.pear.requested", "tick", "lamp.*", "node.*"])
    assert answer["unknown"] == ["lamp.*", "node.pear.requested"]


async def test_what_a_slow_consumer_misses_leaves_a_gap(start, monkeypatch):
    gateway = await start()
    wire, broadcast = await gateway.operator(), gateway.server.gateway.runtime.events.broadcast
    broadcast("presence", {"presence": []})
    monkeypatch.setattr(limits, "MAX_BUFFERED_BYTES", -1)  # as if 50 MiB waited already
    broadcast("presence", {"presence": []})
    monkeypatch.undo()
    broadcast("presence", {"presence": []})
    await wire.call("status", {})
    assert heard(wire) == [("presence", 1), ("presence", 3)]


async def test_a_goodbye_is_for_everyone(start):
    gateway = await start()
    wire = await gateway.operator()
    await subscribe(wire, [])
    await gateway.server.stop()
    await wire.closed()
    assert [name for name, _ in heard(wire)] == ["shutdown"]


async def test_malformed(start):
    wire = await (await start()).operator()
    for params in ({}, {"events": "node.*"}, {"events": [""]}, {"events": ["a"] * 65}):
        assert failure(await wire.request("events.subscribe", params))[0] == "INVALID_REQUEST"


async def test_nodes_have_no_filter(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"])
    assert failure(await node.request("events.subscribe", {"events": []}))[1] == "unauthorized role: node"

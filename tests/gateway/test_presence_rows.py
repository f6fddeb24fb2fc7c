"""Who is listed in `system-presence`, and for how long: PROTOCOL 15.1, 15.2."""

import pytest

from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.connect import ClientInfo
from openclaw_core.services.presence import Guest
from openclaw_core.testing import FakeClock, FakeDevice, node_params, operator_params

from .leftovers import until

pytestmark = [pytest.mark.anyio, pytest.mark.covers("system-presence", "presence", "connect")]

UI = {"id": "openclaw-control-ui", "mode": "ui", "displayName": "Desk", "instanceId": "tab-1"}


async def rows(wire):
    """The rows after the gateway's own."""
    own, *others = await wire.call("system-presence")
    assert own["mode"] == "gateway"
    return others


async def enter(gateway, device=None, **client):
    """An operator's UI."""
    wire = await gateway.wire()
    hello = await wire.connect(operator_params(["operator.read"], client={**UI, **client}), device)
    assert hello["ok"], hello
    return wire


def left(payload):
    return any(row["reason"] == "disconnect" for row in payload["presence"])


async def test_a_ui_is_listed_and_programs_are_not(start):
    gateway = await start()
    watcher = await gateway.operator(["operator.read"])  # the CLI
    await gateway.operator(client={"id": "openclaw-probe", "mode": "probe"})
    await gateway.operator(client={"id": "gateway-client", "mode": "backend"})
    assert await rows(watcher) == []
    device = FakeDevice()
    ui = await enter(gateway, device, timeZone="Europe/Vienna")
    event = await watcher.event("presence", lambda payload: len(payload["presence"]) == 2)
    (row,) = await rows(watcher)
    assert event["payload"]["presence"][1] == row
    told = ("host", "deviceId", "mode", "reason", "roles", "scopes", "instanceId", "timeZone")
    assert {key: row[key] for key in told} == {
        "host": "Desk",
        "deviceId": device.device_id,
        "mode": "ui",
        "reason": "connect",
        "roles": ["operator"],
        "scopes": ["operator.read"],
        "instanceId": "tab-1",
        "timeZone": "Europe/Vienna",
    }
    await ui.socket.close()
    await watcher.event("presence", left)
    assert [row["reason"] for row in await rows(watcher)] == ["disconnect"]


async def test_a_row_of_who_left_lasts_five_minutes(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    watcher = await gateway.operator(["operator.read"])
    node, _ = await gateway.node(["demo.any"])
    ui = await enter(gateway)
    for wire in (node, ui):
        await wire.socket.close()
    await watcher.event(
        "presence", lambda payload: [row["reason"] for row in payload["presence"][1:]] == ["disconnect"] * 2
    )
    clock.advance(5 * 60_000 - 1)
    assert len(await rows(watcher)) == 2
    clock.advance(1)
    assert await rows(watcher) == []


async def test_who_is_here_does_not_expire(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    watcher = await gateway.operator(["operator.read"])
    await gateway.node(["demo.any"])
    await enter(gateway)
    clock.advance(24 * 3_600_000)
    assert [row["reason"] for row in await rows(watcher)] == ["connect", "connect"]


async def test_a_stale_socket_of_a_node_says_nothing_about_it(start):
    """The old socket closes after the new one opened: the node is here all the time."""
    gateway = await start()
    watcher, device = await gateway.operator(["operator.read"]), FakeDevice()
    old, node_id = await gateway.node(["demo.any"], device=device)
    await gateway.node(["demo.any"], device=device)
    assert (await old.closed())[0] == 4001
    await until(lambda: len(gateway.server.gateway.connections) == 2, "the old socket has left")
    # A later change is announced; everything the old socket caused came before it.
    _, other_id = await gateway.node(["demo.any"])
    last = await watcher.event("presence", lambda payload: other_id in str(payload))
    shown = [frame["payload"]["presence"] for frame in watcher.events if frame["event"] == "presence"]
    for presence in [*shown, last["payload"]["presence"]]:
        assert not left({"presence": presence})
    assert [row["reason"] for row in await rows(watcher) if row["deviceId"] == node_id] == ["connect"]
    (entry,) = [row for row in (await watcher.call("node.list"))["nodes"] if row["nodeId"] == node_id]
    assert entry["connected"] is True
    assert "lastDisconnectedAtMs" not in entry


async def test_a_page_that_reloads_is_one_row(start):
    gateway = await start()
    watcher = await gateway.operator(["operator.read"])
    old = await enter(gateway)
    await enter(gateway)
    assert len(await rows(watcher)) == 1
    await old.socket.close()
    await until(lambda: len(gateway.server.gateway.connections) == 2, "the old page has left")
    assert [row["reason"] for row in await rows(watcher)] == ["connect"]


async def test_a_device_that_is_node_and_operator_has_two_rows(start):
    gateway = await start()
    watcher, device = await gateway.operator(), FakeDevice()
    await enter(gateway, device)
    refused = await (await gateway.wire()).connect(node_params(["demo.any"]), device)
    request_id = refused["error"]["details"]["requestId"]
    await watcher.call("device.pair.approve", {"requestId": request_id})
    await gateway.node(["demo.any"], device=device)
    assert [row["roles"] for row in await rows(watcher)] == [["operator"], ["node"]]


async def test_at_most_200_rows_and_the_oldest_go_first(start):
    gateway = await start()
    watcher = await gateway.operator(["operator.read"])
    runtime = gateway.server.gateway.runtime
    for number in range(5):
        await enter(gateway, instanceId=f"tab-{number}")
    for number in range(250):  # tabs that came and went
        client = ClientInfo(id="ui", version="1", platform="web", mode="ui", instance_id=f"gone-{number}")
        caller = Caller(f"conn-{number}", "ui", "ui", None, frozenset())
        runtime.presence.entered(Guest(caller, client, None, runtime.now_ms()))
        runtime.presence.left(caller.conn_id)
    listed = await rows(watcher)
    assert len(listed) == 199
    assert [row["instanceId"] for row in listed[-5:]] == [f"tab-{number}" for number in range(5)]
    assert listed[0]["instanceId"] == "gone-56"

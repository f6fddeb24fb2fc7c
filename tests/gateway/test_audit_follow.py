"""`audit.appended`: who follows the trail hears that it grew, and nobody else does."""

import pytest

from openclaw_core.services.events import AUDIT_APPENDED

from .invoking import failure

pytestmark = [pytest.mark.anyio, pytest.mark.covers("audit.appended", "events.subscribe")]
FOLLOW = {"events": ["*", AUDIT_APPENDED]}


async def appended(wire):
    return (await wire.event(AUDIT_APPENDED))["payload"]["entries"]


async def test_a_follower_fetches_what_is_new_when_it_is_told(start):
    gateway = await start()
    follower, other = await gateway.operator(), await gateway.operator()
    assert (await follower.call("events.subscribe", FOLLOW))["unknown"] == []
    newest = (await follower.call("audit.list", {"limit": 1}))["events"][0]["id"]
    audit = gateway.server.gateway.runtime.audit
    audit.note("lamp.first", "gateway", None)
    audit.note("lamp.second", "gateway", None)
    assert await appended(follower) >= 2
    found = await follower.call("audit.list", {"kinds": ["lamp"], "afterId": newest})
    assert [event["kind"] for event in found["events"]] == ["lamp.second", "lamp.first"]
    await other.call("status", {})
    assert [frame for frame in other.events if frame["event"] == AUDIT_APPENDED] == []


async def test_many_entries_are_one_event(start):
    gateway = await start()
    follower = await gateway.operator()
    await follower.call("events.subscribe", FOLLOW)
    audit = gateway.server.gateway.runtime.audit
    for _ in range(500):
        audit.note("lamp.flood", "gateway", None)
    # What was there before it, if that was not told yet, is told with it.
    assert await appended(follower) >= 500
    assert [frame for frame in follower.events if frame["event"] == AUDIT_APPENDED] == []


@pytest.mark.parametrize("asked", [None, ["*"], ["audit.*"]])
async def test_it_has_to_be_named(start, asked):
    gateway = await start()
    wire, broadcast = await gateway.operator(), gateway.server.gateway.runtime.events.broadcast
    await wire.call("events.subscribe", {"events": asked})
    broadcast(AUDIT_APPENDED, {"entries": 1})
    await wire.call("status", {})
    assert wire.events == []


async def test_it_takes_admin(start):
    gateway = await start()
    reader = await gateway.operator(["operator.read"])
    await reader.call("events.subscribe", FOLLOW)
    gateway.server.gateway.runtime.events.broadcast(AUDIT_APPENDED, {"entries": 1})
    assert failure(await reader.request("audit.list"))[0] == "FORBIDDEN"
    assert [frame for frame in reader.events if frame["event"] == AUDIT_APPENDED] == []

"""The audit trail: who did what to which device, from where; read back over `audit.list`."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from websockets.exceptions import InvalidStatus

from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import RpcMethod
from openclaw_core.store.chain import read_head
from openclaw_core.store.chain_check import check_chain
from openclaw_core.store.models import AuditEvent
from openclaw_core.store.offline import read_database
from openclaw_core.testing import TOKEN, FakeDevice, Wire, node_params, operator_params

pytestmark = [pytest.mark.anyio, pytest.mark.covers("audit.list")]


async def trail(operator, **wanted):
    """The matching events, oldest first."""
    return (await operator.call("audit.list", wanted))["events"][::-1]


def facts(event):
    return event["kind"], event["outcome"], event["actor"], event.get("subject")


async def test_every_change_says_who_and_what(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo"], approve=False)
    operator = await gateway.operator()
    waiting = (await operator.call("node.pair.list"))["pending"][0]["requestId"]
    await operator.call("node.pair.approve", {"requestId": waiting})
    await operator.call("node.rename", {"nodeId": node_id, "displayName": "Oven"})
    await operator.call("device.pair.rename", {"deviceId": node_id, "label": "Mine"})
    await operator.call("device.token.rotate", {"deviceId": node_id, "role": "node"})
    await node.closed()
    await operator.call("device.token.revoke", {"deviceId": node_id, "role": "node"})
    await operator.call("node.pair.remove", {"nodeId": node_id})
    mine = [event for event in await trail(operator, subject=node_id) if event["actor"] == "client:cli"]
    assert [facts(event)[:2] for event in mine] == [
        (kind, "ok")
        for kind in (
            "surface.approve",
            "node.rename",
            "device.rename",
            "token.rotate",
            "token.revoke",
            "node.remove",
        )
    ]
    entered = (await trail(operator, kinds=["connect"], actor="client:cli"))[-1]
    assert {event["connId"] for event in mine} == {entered["connId"]}
    assert entered["details"] == {"role": "operator", "client": "cli", "via": "token"}
    first = await trail(operator, subject=node_id)
    assert facts(first[0]) == ("device.approve", "ok", "rule:silent", node_id)
    assert ("connect", "ok", f"device:{node_id}", node_id) in [facts(event) for event in first]


async def test_invokes_and_their_refusals(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo"])
    operator = await gateway.operator()
    call = {"nodeId": node_id, "command": "demo.echo", "params": {"text": "hi"}, "idempotencyKey": "a"}
    asked = await operator.post("node.invoke", call)
    request = (await node.event("node.invoke.request"))["payload"]
    result = {"id": request["id"], "nodeId": node_id, "ok": True, "payloadJSON": '{"text":"hi"}'}
    await node.call("node.invoke.result", result)
    assert (await operator.request("node.invoke", request_id=asked))["ok"]
    await operator.request("node.invoke", {**call, "command": "demo.nothing", "idempotencyKey": "b"})
    good, refused = await trail(operator, kinds=["invoke"])
    assert facts(good) == ("invoke", "ok", "client:cli", node_id)
    assert good["details"]["command"] == "demo.echo"
    assert facts(refused) == ("invoke", "refused", "client:cli", node_id)
    assert refused["details"]["command"] == "demo.nothing"
    assert refused["details"]["code"]


async def test_a_call_beyond_its_scopes_is_refused_and_audited(start):
    gateway = await start()
    reader = await gateway.operator(["operator.read"])
    refusal = await reader.request("audit.list")
    assert refusal["error"]["details"]["missingScope"] == "operator.admin"
    event = (await trail(await gateway.operator(), kinds=["audit.list"]))[0]
    assert facts(event) == ("audit.list", "refused", "client:cli", None)
    assert event["details"] == {"code": "MISSING_SCOPE", "reason": "operator.admin"}


async def test_a_client_behind_a_proxy_is_named_by_its_own_address(start):
    gateway = await start({"trustedProxies": ["127.0.0.1"]})
    wire = await gateway.wire(additional_headers={"X-Forwarded-For": "203.0.113.9"})
    device = FakeDevice()
    assert not (await wire.connect(node_params(["demo.echo"]), device))["ok"]
    operator = await gateway.operator()
    event = (await trail(operator, kinds=["connect"], outcome="refused"))[0]
    assert facts(event) == ("connect", "refused", "client:node-host", device.device_id)
    assert event["remoteIp"] == "203.0.113.9"
    assert event["details"]["code"] == "PAIRING_REQUIRED"


async def test_refusals_before_the_first_request(start):
    gateway = await start({"handshakeTimeoutMs": 5_000})
    for first in ("no json", [], {"type": "req", "id": "1", "method": "health"}):
        wire = await gateway.wire()
        await wire.send(first)
        await wire.closed()
    for headers in ([("X-Forwarded-For", "203.0.113.9")], [("Origin", "http://a"), ("Origin", "http://b")]):
        with pytest.raises(InvalidStatus):
            await gateway.wire(additional_headers=headers)
    operator = await gateway.operator()
    found = await trail(operator, outcome="refused")
    assert [(event["kind"], event["details"]["code"]) for event in found] == [
        ("connect", "INVALID_JSON"),
        ("connect", "INVALID_FRAME"),
        ("connect", "INVALID_REQUEST"),
        ("upgrade", "HTTP_403"),
        ("upgrade", "HTTP_400"),
    ]
    assert found[3]["remoteIp"] == "127.0.0.1"  # the address that claimed to speak for another


async def test_a_client_that_says_nothing_is_refused_and_audited(start):
    gateway = await start({"handshakeTimeoutMs": 50})
    await (await gateway.wire()).closed()
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    assert [(row.kind, row.outcome, row.details) for row in rows] == [
        ("connect", "refused", '{"code":"HANDSHAKE_TIMEOUT"}')
    ]


async def test_a_flood_of_one_refusal_is_counted_not_stored(start):
    gateway = await start()
    for _ in range(40):
        async with Wire.open(gateway.url) as wire:
            await wire.send("no json")
            await wire.closed()
    operator = await gateway.operator()
    found = await trail(operator, outcome="refused", kinds=["connect"])
    times = [event["details"].get("times", 1) for event in found]
    assert sum(times) == 40
    assert len(times) < 20


async def test_a_flood_of_different_refusals_is_bounded(start):
    gateway = await start()
    runtime = gateway.server.gateway.runtime
    for number in range(1_000):
        runtime.audit.refuse(
            "connect", "X", f"client:{number}", None, ip=f"10.0.{number // 250}.{number % 250}"
        )
    found = await trail(await gateway.operator(), outcome="refused")
    assert len(found) <= 66
    assert sum(event["details"].get("times", 1) for event in found) == 1_000
    assert found[-1]["actor"] == "many"


async def test_pages_and_filters(start):
    gateway = await start()
    audit = gateway.server.gateway.runtime.audit
    for number in range(30):
        audit.note(
            "a.b" if number % 3 else "a.c", "rule:test", f"s{number}", "ok" if number % 2 else "failed"
        )
    operator = await gateway.operator()
    first = await operator.call("audit.list", {"kinds": ["a"], "limit": 20})
    second = await operator.call("audit.list", {"kinds": ["a"], "beforeId": first["nextBeforeId"]})
    events = [*first["events"], *second["events"]]
    assert [event["subject"] for event in events] == [f"s{number}" for number in range(29, -1, -1)]
    assert "nextBeforeId" not in second
    assert len(await trail(operator, kinds=["a.c"])) == 10
    assert len(await trail(operator, kinds=["a.b", "a.c"], outcome="failed")) == 15
    assert len(await trail(operator, actor="rule:t")) == 30
    assert [event["subject"] for event in await trail(operator, subject="s29")] == ["s29"]
    assert len(await trail(operator, kinds=["a"], afterId=events[5]["id"])) == 5
    assert await trail(operator, kinds=["a"], sinceMs=2**50) == []
    assert await trail(operator, kinds=["a%"]) == []


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 501}, {"outcome": "no"}, {"kinds": []}, {"kind": "x"}, {"sinceMs": -1}]
)
async def test_wrong_filters_are_named(start, params):
    operator = await (await start()).operator()
    refusal = await operator.request("audit.list", params)
    assert refusal["error"]["message"].startswith("invalid audit.list params: ")


async def test_the_chain_holds_across_a_restart_and_beside_a_running_gateway(start, tmp_path):
    gateway = await start(directory=tmp_path / "one")
    await gateway.node(["demo.echo"])
    await gateway.server.stop()
    again = await start(directory=tmp_path / "one")
    await again.operator()
    await again.server.gateway.runtime.store.load(AuditEvent)  # what waits is stored now
    key = (tmp_path / "one" / "gateway-audit-key").read_bytes()
    head = read_head(tmp_path / "one" / "gateway-audit-head", key)
    report = read_database(again.settings.database_url, lambda connection: check_chain(connection, key, head))
    assert report.breaks == []
    assert report.rows == head.row_id
    assert report.rows > 3


async def test_no_entry_holds_a_secret(start):
    gateway = await start()
    device = FakeDevice()
    wire = await gateway.wire()
    hello = await wire.connect(node_params(["demo.echo"]), device)
    device_token = hello["payload"]["auth"]["deviceToken"]
    for bad in (device_token + "x", "wrong-secret-1"):
        other = await gateway.wire()
        await other.connect(operator_params(token=bad))
    operator = await gateway.operator()
    await operator.request("nothing.here", {"token": "secret-in-params"})
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    text = "\n".join(str(row.model_dump()) for row in rows)
    assert rows
    for secret in (TOKEN, device_token, "wrong-secret-1", "secret-in-params"):
        assert secret not in text


class Args(BaseModel):
    node_id: str | None = None


class Lamp:
    """A family whose methods change something, and only read."""

    @hookimpl
    def openclaw_family(self):
        return Family("lamp", "Lamp", ())

    @hookimpl
    def openclaw_methods(self):
        return [
            RpcMethod("lamp.light", "operator.write", Args, self.answer),
            RpcMethod("lamp.look", "operator.read", Args, self.answer),
        ]

    async def answer(self, args, context):
        return {}


async def test_what_a_familys_method_changes_is_audited(start):
    operator = await (await start(extra=[Lamp()])).operator()
    for method in ("lamp.look", "lamp.light"):
        await operator.call(method, {"node_id": "n1"})
    (event,) = await trail(operator, kinds=["lamp"])
    assert facts(event) == ("lamp.light", "ok", "client:cli", "n1")


async def test_texts_of_strangers_are_cut(start):
    operator = await (await start()).operator()
    await operator.request("x" * 10_000)
    (event,) = await trail(operator, kinds=["x" * 64])
    assert event["outcome"] == "refused"

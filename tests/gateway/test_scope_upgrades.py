"""A connected operator asks for more scopes, and another one decides: PROTOCOL 6.5."""

from __future__ import annotations

import asyncio

import pytest

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import ADMIN, FakeClock, FakeDevice, TestGateway, operator_params, plugins_of

from .conftest import DEMO

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("device.scopes.requestUpgrade", "device.scopes.waitUpgrade"),
]

BY_HAND = {"nodes.pairing.autoApproveLocal": False}
READ = ["operator.read"]
MORE = ["operator.read", "operator.write"]


async def limited(gateway, device, scopes=READ):
    """An operator that came with the token of its device; its wire and that token."""
    admin, wire = await gateway.operator(), await gateway.wire()
    refused = await wire.connect(operator_params(scopes), device)
    await admin.call("device.pair.approve", {"requestId": refused["error"]["details"]["requestId"]})
    first = await gateway.wire()
    token = (await first.connect(operator_params(scopes), device))["payload"]["auth"]["deviceToken"]
    return await back(gateway, device, token, scopes), token


async def back(gateway, device, token, scopes):
    wire = await gateway.wire()
    answer = await wire.connect(operator_params(scopes, auth={"deviceToken": token}), device)
    assert answer["ok"], answer
    return wire


async def ask(wire, scopes=MORE):
    return (await wire.call("device.scopes.requestUpgrade", {"scopes": scopes}))["requestId"]


async def test_an_approval_brings_the_token_and_cuts_no_connection(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    own, token = await limited(gateway, device)
    admin = await gateway.operator()
    request_id = await ask(own)
    told = (await admin.event("device.pair.requested"))["payload"]
    assert (told["requestId"], told["deviceId"]) == (request_id, device.device_id)
    assert (told["scopes"], told["isRepair"]) == (MORE, True)
    waits = asyncio.ensure_future(own.call("device.scopes.waitUpgrade", {"requestId": request_id}))
    await admin.call("device.pair.approve", {"requestId": request_id})
    answer = await waits
    assert (answer["status"], answer["requestId"], answer["scopes"]) == ("approved", request_id, MORE)
    assert answer["deviceToken"] != token
    # The connection goes on as it was, until it comes anew.
    assert (await own.request("node.pair.list"))["error"]["details"]["missingScope"] == "operator.pairing"
    wide = await back(gateway, device, answer["deviceToken"], MORE)
    assert (await wide.call("node.list"))["nodes"] == []
    refused = await (await gateway.wire()).connect(operator_params(READ, auth={"deviceToken": token}), device)
    assert refused["error"]["details"]["code"] == "AUTH_DEVICE_TOKEN_MISMATCH", "the new one was used"


async def test_a_lost_answer_costs_nothing(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    own, token = await limited(gateway, device)
    request_id = await ask(own)
    await own.socket.close()
    admin = await gateway.operator()
    await admin.call("device.pair.approve", {"requestId": request_id})
    again = await back(gateway, device, token, READ)
    answer = await again.call("device.scopes.waitUpgrade", {"requestId": request_id})
    assert answer["status"] == "approved"
    # Who forgot the id asks anew, and nobody is bothered.
    other = await ask(again)
    told = await again.call("device.scopes.waitUpgrade", {"requestId": other})
    assert (told["status"], told["deviceToken"]) == ("approved", answer["deviceToken"])
    assert (await admin.call("device.pair.list"))["pending"] == []


async def test_a_no_is_told_and_audited(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    own, _ = await limited(gateway, device)
    request_id = await ask(own)
    assert await ask(own) == request_id, "the same again is the same request"
    waits = asyncio.ensure_future(own.call("device.scopes.waitUpgrade", {"requestId": request_id}))
    await (await gateway.operator()).call("device.pair.reject", {"requestId": request_id})
    assert await waits == {"status": "rejected", "requestId": request_id}
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    trail = [row.kind for row in rows if row.subject == device.device_id]
    assert trail[-2:] == ["device.request", "device.reject"]


async def test_nobody_decides(start):
    clock = FakeClock()
    gateway, device = await start(BY_HAND, now_ms=clock), FakeDevice()
    own, _ = await limited(gateway, device)
    request_id = await ask(own)
    clock.advance(600_000)
    answer = await own.call("device.scopes.waitUpgrade", {"requestId": request_id})
    assert answer == {"status": "expired", "requestId": request_id}


async def test_a_request_outlives_a_restart(tmp_path):
    device = FakeDevice()
    async with TestGateway(tmp_path, plugins_of(DEMO), BY_HAND) as gateway:
        own, token = await limited(gateway, device)
        request_id = await ask(own)
    async with TestGateway(tmp_path, plugins_of(DEMO), BY_HAND) as gateway:
        own, admin = await back(gateway, device, token, READ), await gateway.operator()
        waits = await own.post("device.scopes.waitUpgrade", {"requestId": request_id})
        await own.call("health")  # what came before it is under way
        await admin.call("device.pair.approve", {"requestId": request_id})
        answer = (await own.request("", request_id=waits))["payload"]
        assert answer["status"] == "approved"


async def test_it_is_nobody_elses_business(start):
    gateway, device = await start(BY_HAND), FakeDevice()
    own, _ = await limited(gateway, device)
    other, _ = await limited(gateway, FakeDevice())
    refusal = await other.request("device.scopes.waitUpgrade", {"requestId": await ask(own)})
    assert refusal["error"]["message"] == "scope upgrade expired or not found: ask again"


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        (["operator.write"], None),
        (["operator.approvals"], "scopes must contain the current scopes, and lack operator.read: add it"),
        ([], "invalid device.scopes.requestUpgrade params"),
    ],
)
async def test_what_it_has_must_be_among_what_it_wants(start, scopes, message):
    gateway = await start(BY_HAND)
    own, _ = await limited(gateway, FakeDevice())
    answer = await own.request("device.scopes.requestUpgrade", {"scopes": scopes})
    assert answer["ok"] is (message is None), "write implies read"
    assert message is None or answer["error"]["message"].startswith(message)


async def test_who_has_no_key_has_nothing_to_widen(start):
    gateway = await start()
    wire = await gateway.wire()
    await wire.connect(operator_params(READ, client={"id": "cli", "mode": "cli"}))
    refusal = (await wire.request("device.scopes.requestUpgrade", {"scopes": MORE}))["error"]
    assert (refusal["code"], refusal["details"]["code"]) == ("INVALID_REQUEST", "DEVICE_IDENTITY_REQUIRED")


async def test_nodes_may_not_ask(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.echo"])
    refusal = await node.request("device.scopes.requestUpgrade", {"scopes": ADMIN})
    assert refusal["error"]["details"]["code"] == "UNAUTHORIZED_ROLE"

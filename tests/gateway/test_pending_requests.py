"""Status and location requests as the original has them: PROTOCOL 14.1, 14.2, and rows 1-8 of 27."""

import pytest

from openclaw_core.testing import FakeClock, FakeDevice

from .invoking import failure
from .queueing import enqueue, item, leave

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.pending.enqueue", "node.pending.drain")]


async def test_enqueue_answers_the_published_shape(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    node, node_id = await gateway.node(["demo.any"])
    await leave(gateway, node, node_id)
    operator = await gateway.operator(["operator.write"])
    answer = await enqueue(operator, node_id, "status.request")
    queued = answer.pop("queued")
    assert answer == {"nodeId": node_id, "revision": 1, "wakeTriggered": False}
    assert queued.pop("id")
    assert queued == {
        "type": "status.request",
        "priority": "normal",
        "createdAtMs": clock(),
        "expiresAtMs": clock() + 86_400_000,
    }


async def test_enqueue_needs_write_and_an_approved_node(start):
    gateway = await start()
    _, waiting = await gateway.node(["demo.any"], approve=False)
    reader, operator = await gateway.operator(["operator.read"]), await gateway.operator()
    params = {"nodeId": waiting, "type": "status.request"}
    code, _, details, _ = failure(await reader.request("node.pending.enqueue", params))
    assert (code, details["missingScope"]) == ("FORBIDDEN", "operator.write")
    code, message, details, _ = failure(await operator.request("node.pending.enqueue", params))
    assert (code, details["code"], details["reason"]) == (
        "UNAVAILABLE",
        "PAIRING_CHANGED",
        "awaiting-approval",
    )
    assert "openclaw nodes approve" in message
    stranger = {"nodeId": "0" * 64, "type": "status.request"}
    _, _, details, retryable = failure(await operator.request("node.pending.enqueue", stranger))
    assert (details["code"], details["reason"], retryable) == ("PAIRING_CHANGED", "unknown-node", False)


REFUSED = (
    ({"type": "reboot"}, "/type"),
    ({"type": "status.request", "expiresInMs": 999}, "/expiresInMs"),
    ({"type": "status.request", "expiresInMs": 86_400_001}, "/expiresInMs"),
    ({"type": "status.request", "priority": "default"}, "/priority"),
    ({"type": "status.request", "payload": {}}, "payload"),
    ({"type": "status.request", "command": "demo.any"}, "belongs to type node.invoke"),
    ({"type": "node.invoke"}, "needs a command"),
)


async def test_enqueue_refuses_what_the_contract_does_not_know(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    for fields, problem in REFUSED:
        answer = await operator.request("node.pending.enqueue", {"nodeId": node_id, **fields})
        code, message, _, _ = failure(answer)
        assert code == "INVALID_REQUEST"
        assert problem in message


async def test_a_repetition_is_the_same_item_raised_in_place(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    first = await enqueue(operator, node_id, "status.request", expiresInMs=60_000)
    same = await enqueue(operator, node_id, "status.request", expiresInMs=60_000)
    assert same == first
    raised = await enqueue(operator, node_id, "status.request", priority="high", expiresInMs=90_000)
    assert raised["queued"] == {
        **first["queued"],
        "priority": "high",
        "expiresAtMs": clock() + 90_000,
    }
    assert raised["revision"] == first["revision"] + 1
    drained = await node.call("node.pending.drain", {})
    assert [row["id"] for row in drained["items"]] == [first["queued"]["id"]]
    again = await enqueue(operator, node_id, "status.request")
    assert again["queued"]["id"] != first["queued"]["id"]


async def test_drain_takes_high_first_and_adds_the_baseline_only_where_room_is(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await enqueue(operator, node_id, "status.request")
    await enqueue(operator, node_id, "location.request", priority="high")
    first = await node.call("node.pending.drain", {"maxItems": 1})
    assert [row["type"] for row in first["items"]] == ["location.request"]
    assert first["hasMore"] is True
    second = await node.call("node.pending.drain", {})
    assert [(row["type"], row["priority"]) for row in second["items"]] == [("status.request", "normal")]
    assert second["hasMore"] is False
    third = await node.call("node.pending.drain")
    (baseline,) = third["items"]
    assert (baseline["id"], baseline["priority"], baseline["expiresAtMs"]) == (
        "baseline-status",
        "default",
        None,
    )
    await enqueue(operator, node_id, "location.request")
    full = await node.call("node.pending.drain", {"maxItems": 1})
    assert [row["type"] for row in full["items"]] == ["location.request"]


async def test_the_revision_never_counts_backwards(start, tmp_path):
    gateway = await start(directory=tmp_path / "one")
    device = FakeDevice()
    node, node_id = await gateway.node(["demo.any"], device=device)
    operator = await gateway.operator()
    counted = [(await enqueue(operator, node_id, "status.request"))["revision"]]
    counted.append((await node.call("node.pending.drain"))["revision"])
    counted.append((await node.call("node.pending.drain"))["revision"])
    await gateway.__aexit__()
    gateway = await start(directory=tmp_path / "one")
    operator = await gateway.operator()
    counted.append((await enqueue(operator, node_id, "status.request"))["revision"])
    assert counted == [1, 2, 2, 3]


async def test_a_plain_drain_gives_an_item_once_even_over_a_restart(start, tmp_path):
    gateway = await start(directory=tmp_path / "one")
    device = FakeDevice()
    node, node_id = await gateway.node(["demo.any"], device=device)
    operator = await gateway.operator()
    queued = (await enqueue(operator, node_id, "location.request"))["queued"]["id"]
    assert (await node.call("node.pending.drain"))["items"][0]["id"] == queued
    await gateway.__aexit__()
    gateway = await start(directory=tmp_path / "one")
    node, _ = await gateway.node(["demo.any"], device=device)
    assert [row["id"] for row in (await node.call("node.pending.drain"))["items"]] == ["baseline-status"]
    assert (await item(await gateway.operator(), queued))["state"] == "drained"


async def test_a_leased_item_comes_again_until_it_is_acknowledged(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    queued = (await enqueue(operator, node_id, "location.request"))["queued"]["id"]

    async def leased():
        answer = await node.call("node.pending.drain", {"leaseMs": 5_000})
        return [row["id"] for row in answer["items"] if row["id"] != "baseline-status"]

    assert await leased() == [queued]
    assert await leased() == []
    clock.advance(5_000)
    assert await leased() == [queued]
    await node.call("node.pending.ack", {"ids": [queued]})
    clock.advance(5_000)
    assert await leased() == []
    assert (await item(operator, queued))["state"] == "done"


async def test_an_expired_request_vanishes_and_its_end_is_known(start):
    clock = FakeClock()
    gateway = await start(now_ms=clock)
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    queued = (await enqueue(operator, node_id, "location.request", expiresInMs=1_000))["queued"]["id"]
    clock.advance(1_000)
    assert [row["id"] for row in (await node.call("node.pending.drain"))["items"]] == ["baseline-status"]
    assert (await item(operator, queued))["state"] == "expired"


async def test_a_node_before_its_approval_is_told_so(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any"], approve=False)
    for method in ("node.pending.drain", "node.pending.pull"):
        code, _, details, retryable = failure(await node.request(method, {}))
        assert (code, details["code"], retryable) == ("UNAVAILABLE", "PAIRING_CHANGED", True)

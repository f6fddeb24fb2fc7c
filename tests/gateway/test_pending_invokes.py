"""Commands that wait for a node: left, pulled, acknowledged, followed (issue: pending work, durable)."""

import asyncio

import orjson
import pytest

from openclaw_core.errors import StoreError
from openclaw_core.services import backlog
from openclaw_core.store.models import AuditEvent, PendingWork
from openclaw_core.testing import FakeClock, FakeDevice

from .invoking import failure
from .queueing import COMMANDS, Work, acked, enqueue, enqueue_invoke, item, leave, pulled
from .test_pairing_races import taken

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.pending.enqueue", "node.pending.pull", "node.pending.ack"),
    pytest.mark.covers("node.pending.list", "node.pending.get", "node.pending.cancel"),
    pytest.mark.covers("node.pending.available", "node.pending.changed"),
]


@pytest.fixture
def begin(start):
    """Starts a gateway with the work family, a node that offers it all, and an operator."""

    async def make(**options):
        gateway = await start(extra=[Work], **options)
        device = FakeDevice()
        node, node_id = await gateway.node(COMMANDS, device=device)
        return gateway, device, node, node_id, await gateway.operator()

    return make


async def test_a_command_waits_for_a_node_that_is_away_and_its_result_comes_back(begin):
    gateway, device, node, node_id, operator = await begin()
    await leave(gateway, node, node_id)
    queued = await enqueue_invoke(operator, node_id, timeoutMs=5_000, idempotencyKey="k")
    await operator.event("node.pending.changed", lambda told: told["state"] == "queued")
    node, _ = await gateway.node(COMMANDS, device=device)
    assert (await node.event("node.pending.available"))["payload"] == {"count": 1}
    (action,) = await pulled(node)
    assert (action["id"], action["command"]) == (queued, "work.do")
    assert orjson.loads(action["paramsJSON"]) == {"text": "hi"}
    assert (action["timeoutMs"], action["idempotencyKey"], action["priority"]) == (5_000, "k", "normal")
    assert action["expiresAtMs"] - action["enqueuedAtMs"] == 86_400_000
    result = {"id": queued, "ok": True, "payloadJSON": '{"text": "done"}'}
    answer = await acked(node, queued, results=[result])
    assert answer == {"nodeId": node_id, "ackedIds": [queued], "remainingCount": 0}
    told = await operator.event("node.pending.changed", lambda told: told["state"] == "done")
    assert told["payload"]["command"] == "work.do"
    found = await item(operator, queued)
    assert (found["state"], found["payload"], found["params"]) == ("done", {"text": "done"}, {"text": "hi"})


async def test_pull_does_not_remove_and_ack_does_for_ever(begin):
    _, _, node, node_id, operator = await begin()
    queued = await enqueue_invoke(operator, node_id)
    assert [row["id"] for row in await pulled(node)] == [queued]
    assert [row["id"] for row in await pulled(node)] == [queued]
    assert (await item(operator, queued))["state"] == "delivered"
    assert (await acked(node, queued, queued, "never-was")) == {
        "nodeId": node_id,
        "ackedIds": [queued, "never-was"],
        "remainingCount": 0,
        "unknownIds": ["never-was"],
    }
    assert await pulled(node) == []
    assert "unknownIds" not in await acked(node, queued)


async def test_an_acked_item_stays_acked_and_an_open_one_open_over_a_restart(begin, start, tmp_path):
    gateway, device, node, node_id, operator = await begin(directory=tmp_path / "one")
    done, waiting = await enqueue_invoke(operator, node_id), await enqueue_invoke(operator, node_id)
    await pulled(node)
    await acked(node, done)
    await gateway.__aexit__()
    gateway = await start(directory=tmp_path / "one", extra=[Work])
    node, _ = await gateway.node(COMMANDS, device=device)
    assert [row["id"] for row in await pulled(node)] == [waiting]
    assert (await item(await gateway.operator(), done))["state"] == "done"


async def test_priority_comes_before_age(begin):
    _, _, node, node_id, operator = await begin()
    old, new = await enqueue_invoke(operator, node_id), await enqueue_invoke(operator, node_id)
    urgent = await enqueue_invoke(operator, node_id, priority="high")
    assert [row["id"] for row in await pulled(node)] == [urgent, old, new]


async def test_the_same_key_and_request_is_the_same_item_another_request_is_refused(begin):
    _, _, node, node_id, operator = await begin()
    first = await enqueue_invoke(operator, node_id, idempotencyKey="k")
    assert await enqueue_invoke(operator, node_id, idempotencyKey="k") == first
    await pulled(node)
    await acked(node, first)
    assert await enqueue_invoke(operator, node_id, idempotencyKey="k") == first
    other = {"nodeId": node_id, "type": "node.invoke", "command": "work.do", "params": {"text": "other"}}
    refused = await operator.request("node.pending.enqueue", {**other, "idempotencyKey": "k"})
    code, _, details, _ = failure(refused)
    assert (code, details["reason"]) == ("INVALID_REQUEST", "idempotency-key-reused")
    assert await pulled(node) == []


async def test_repetitions_at_once_are_one_item(begin):
    _, _, _, node_id, operator = await begin()
    fields = {"command": "work.do", "params": {"text": "x"}, "idempotencyKey": "k"}
    params = {"nodeId": node_id, "type": "node.invoke", **fields}
    sent = [await operator.post("node.pending.enqueue", params) for _ in range(5)]
    answers = [await operator.request("", request_id=sent[0])]
    while len(answers) < len(sent):
        frame = await operator.receive()
        answers += [frame] if frame["type"] == "res" else []
    assert len({answer["payload"]["queued"]["id"] for answer in answers}) == 1


NOT_QUEUEABLE = (
    ("work.now", {}, "not-queueable"),
    ("no.such", {}, "not-queueable"),
    ("work.hidden", {}, "use work.method"),
    ("work.do", {"params": {"text": 1}}, "at /text: must be string"),
    ("work.do", {"params": {"text": "x" * 300_000}}, "at most 262144"),
)


async def test_what_may_not_wait_is_refused_when_it_is_left(begin):
    _, _, _, node_id, operator = await begin()
    for command, fields, problem in NOT_QUEUEABLE:
        params = {"nodeId": node_id, "type": "node.invoke", "command": command, "params": {"text": "hi"}}
        answer = await operator.request("node.pending.enqueue", {**params, **fields})
        code, message, details, _ = failure(answer)
        assert code == "INVALID_REQUEST"
        assert problem in f"{message} {details}"


async def test_an_admin_command_is_left_and_seen_by_admins_only(begin):
    gateway, _, _, node_id, operator = await begin()
    writer = await gateway.operator(["operator.write"])
    params = {"nodeId": node_id, "type": "node.invoke", "command": "work.root", "params": {"text": "hi"}}
    code, _, details, _ = failure(await writer.request("node.pending.enqueue", params))
    assert (code, details["missingScope"]) == ("FORBIDDEN", "operator.admin")
    queued = (await operator.call("node.pending.enqueue", params))["queued"]["id"]
    for method in ("node.pending.get", "node.pending.cancel"):
        assert failure(await writer.request(method, {"id": queued}))[0] == "FORBIDDEN"


async def test_a_full_queue_says_so_and_what_to_do(begin, monkeypatch):
    monkeypatch.setattr(backlog, "MAX_NODE_ITEMS", 2)
    _, _, node, node_id, operator = await begin()
    first = await enqueue_invoke(operator, node_id)
    await enqueue_invoke(operator, node_id)
    params = {"nodeId": node_id, "type": "node.invoke", "command": "work.do", "params": {"text": "hi"}}
    code, message, details, retryable = failure(await operator.request("node.pending.enqueue", params))
    assert (code, details["code"], details["limit"], retryable) == ("UNAVAILABLE", "QUEUE_FULL", 2, True)
    assert "openclaw nodes queue cancel" in message
    await pulled(node)
    await acked(node, first)
    await enqueue_invoke(operator, node_id)


async def test_a_result_the_command_does_not_declare_is_a_failure(begin):
    _, _, node, node_id, operator = await begin()
    queued = await enqueue_invoke(operator, node_id)
    await acked(node, queued, results=[{"id": queued, "ok": True, "payload": {"text": 7}}])
    found = await item(operator, queued)
    assert (found["state"], found["error"]["code"]) == ("failed", "INVALID_RESULT")


async def test_a_node_says_failed_or_unknown(begin):
    _, _, node, node_id, operator = await begin()
    failed, unknown = await enqueue_invoke(operator, node_id), await enqueue_invoke(operator, node_id)
    errors = {failed: "BROKEN", unknown: "OUTCOME_UNKNOWN"}
    results = [{"id": id_, "ok": False, "error": {"code": code}} for id_, code in errors.items()]
    await acked(node, failed, unknown, results=results)
    assert [(await item(operator, id_))["state"] for id_ in errors] == ["failed", "unknown"]
    refused = await node.request("node.pending.ack", {"ids": ["a"], "results": [{"id": "b", "ok": True}]})
    assert "list it in both" in failure(refused)[1]


async def test_policy_is_asked_again_at_delivery(begin):
    gateway, _, node, node_id, operator = await begin()
    queued = await enqueue_invoke(operator, node_id)
    runtime = gateway.server.gateway.runtime
    denied = runtime.config.nodes.commands.model_copy(update={"deny": frozenset(["work.do"])})
    nodes = runtime.config.nodes.model_copy(update={"commands": denied})
    runtime.reload(runtime.config.model_copy(update={"nodes": nodes}))
    assert await pulled(node) == []
    found = await item(operator, queued)
    assert found["state"] == "failed"
    assert "gateway.nodes.commands.deny" in found["error"]["message"]


async def test_cancelled_work_is_not_delivered(begin):
    _, _, node, node_id, operator = await begin()
    queued, out = await enqueue_invoke(operator, node_id), await enqueue_invoke(operator, node_id)
    answer = await operator.call("node.pending.cancel", {"id": queued})
    assert answer == {"id": queued, "nodeId": node_id, "state": "cancelled", "delivered": False}
    assert [row["id"] for row in await pulled(node)] == [out]
    assert (await operator.call("node.pending.cancel", {"id": out}))["delivered"] is True
    assert await pulled(node) == []
    refused = failure(await operator.request("node.pending.cancel", {"id": queued}))
    assert (refused[0], refused[2]["state"]) == ("INVALID_REQUEST", "cancelled")
    # The node had it already and ran it: that is what is known now.
    await acked(node, out, results=[{"id": out, "ok": True, "payload": {"text": "ran"}}])
    assert (await item(operator, out))["state"] == "done"
    assert "unknown pending item" in failure(await operator.request("node.pending.get", {"id": "nope"}))[1]


async def test_what_was_out_when_its_time_passed_is_unknown_until_the_node_tells(begin):
    clock = FakeClock()
    gateway, _, node, node_id, operator = await begin(now_ms=clock)
    out = await enqueue_invoke(operator, node_id, expiresInMs=1_000)
    await pulled(node)
    late = await enqueue_invoke(operator, node_id, expiresInMs=1_000)
    clock.advance(1_000)
    gateway.server.gateway.runtime.ledger.purge()
    assert [(await item(operator, id_))["state"] for id_ in (out, late)] == ["unknown", "expired"]
    assert await pulled(node) == []
    await acked(node, out, results=[{"id": out, "ok": True, "payload": {"text": "late"}}])
    assert (await item(operator, out))["state"] == "done"


async def test_finished_items_are_forgotten_after_a_day_and_the_revision_is_not(begin):
    clock = FakeClock()
    gateway, _, node, node_id, operator = await begin(now_ms=clock)
    queued = await enqueue_invoke(operator, node_id)
    await acked(node, queued)
    clock.advance(86_400_000)
    runtime = gateway.server.gateway.runtime
    runtime.ledger.purge()
    assert (await operator.call("node.pending.list", {}))["items"] == []
    await runtime.ledger.load()
    answer = await enqueue(operator, node_id, "status.request")
    assert answer["revision"] == 3


async def test_list_filters_and_holds_neither_params_nor_results(begin):
    gateway, _, node, node_id, operator = await begin()
    done, waiting = await enqueue_invoke(operator, node_id), await enqueue_invoke(operator, node_id)
    await acked(node, done, results=[{"id": done, "ok": True, "payload": {"text": "secret"}}])
    reader = await gateway.operator(["operator.read"])
    listed = (await reader.call("node.pending.list", {"nodeId": node_id}))["items"]
    assert {row["id"] for row in listed} == {done, waiting}
    assert not any({"params", "payload", "payloadJSON"} & row.keys() for row in listed)
    queued = (await reader.call("node.pending.list", {"states": ["queued"], "limit": 5}))["items"]
    assert [(row["id"], row["requestedBy"]) for row in queued] == [(waiting, "client:cli")]
    assert (await reader.call("node.pending.list", {"nodeId": "other"}))["items"] == []


@pytest.mark.parametrize("method", ["device.token.revoke", "node.pair.remove", "device.pair.remove"])
async def test_work_goes_with_the_pairing_announced_and_audited(begin, method):
    gateway, _, _, node_id, operator = await begin()
    queued = await enqueue_invoke(operator, node_id)
    params = {"nodeId": node_id} if method.startswith("node.") else {"deviceId": node_id}
    await operator.call(method, params | ({"role": "node"} if "token" in method else {}))
    told = await operator.event("node.pending.changed", lambda told: told["state"] == "dropped")
    assert told["payload"]["id"] == queued
    assert (await item(operator, queued))["error"]["code"] == "PAIRING_CHANGED"
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    (entry,) = [row for row in rows if row.kind == "pending.dropped"]
    assert (entry.actor, entry.subject, entry.outcome) == ("rule:pairing", node_id, "failed")
    refused = {"nodeId": node_id, "type": "status.request"}
    assert failure(await operator.request("node.pending.enqueue", refused))[2]["code"] == "PAIRING_CHANGED"


async def test_what_cannot_be_stored_is_refused_and_leaves_nothing(begin, monkeypatch):
    gateway, _, node, node_id, operator = await begin()
    store = gateway.server.gateway.runtime.store

    async def full(*_changes):
        raise StoreError("storing failed: disk is full; free disk space and try again")

    fields = {"command": "work.do", "params": {"text": "hi"}, "idempotencyKey": "k"}
    params = {"nodeId": node_id, "type": "node.invoke", **fields}
    with monkeypatch.context() as broken:
        broken.setattr(store, "write", full)
        assert failure(await operator.request("node.pending.enqueue", params))[0] == "UNAVAILABLE"
    assert await pulled(node) == []
    queued = await enqueue_invoke(operator, node_id, idempotencyKey="k")
    with monkeypatch.context() as broken:
        broken.setattr(store, "write", full)
        assert failure(await node.request("node.pending.ack", {"ids": [queued]}))[0] == "UNAVAILABLE"
    assert [row["id"] for row in await pulled(node)] == [queued]


async def test_a_crash_right_after_the_revocation_changes_nothing(begin, start, tmp_path):
    gateway, _, _, node_id, operator = await begin(directory=tmp_path / "one")
    queued = await enqueue_invoke(operator, node_id)
    gateway.server.gateway.runtime.registry.on_unpaired = lambda _device_id: None  # it died before it heard
    await operator.call("device.token.revoke", {"deviceId": node_id, "role": "node"})
    await gateway.__aexit__()
    gateway = await start(directory=tmp_path / "one", extra=[Work])
    assert (await item(await gateway.operator(), queued))["state"] == "dropped"


async def test_a_node_may_take_a_few_at_a_time_and_raised_work_keeps_its_age(begin):
    _, _, node, node_id, operator = await begin()
    keys = [f"k{number}" for number in range(4)]
    first, second, third, _ = [await enqueue_invoke(operator, node_id, idempotencyKey=key) for key in keys]
    await enqueue_invoke(operator, node_id, idempotencyKey="k2", priority="high")
    await enqueue_invoke(operator, node_id, idempotencyKey="k1", priority="high")
    answer = await node.call("node.pending.pull", {"maxItems": 3})
    assert [row["id"] for row in answer["actions"]] == [second, third, first]
    assert answer["hasMore"] is True


async def test_a_connected_node_is_told_once_until_it_asks(begin):
    _, _, node, node_id, operator = await begin()
    await enqueue_invoke(operator, node_id)
    await enqueue_invoke(operator, node_id)
    assert len(await pulled(node)) == 2
    await enqueue_invoke(operator, node_id)
    await node.event("node.pending.available", lambda told: told == {"count": 3})
    told = [event for event in node.events if event.get("event") == "node.pending.available"]
    assert [event["payload"]["count"] for event in told] == [1]


async def test_if_offline_queue_answers_where_the_work_waits(begin):
    gateway, device, node, node_id, operator = await begin()
    await leave(gateway, node, node_id)
    params = {"nodeId": node_id, "command": "work.do", "params": {"text": "hi"}, "idempotencyKey": "k" * 999}
    assert failure(await operator.request("node.invoke", params))[2]["code"] == "NOT_CONNECTED"
    params["timeoutMs"] = 2**63
    answer = await operator.call("node.invoke", {**params, "ifOffline": "queue"})
    queued = answer.pop("queuedId")
    assert answer == {"ok": True, "queued": True, "nodeId": node_id, "command": "work.do"}
    (entry,) = (await operator.call("audit.list", {"kinds": ["invoke"], "outcome": "ok"}))["events"]
    assert entry["details"] == {"command": "work.do", "queued": True}
    now = {**params, "command": "work.now", "ifOffline": "queue", "idempotencyKey": "n"}
    assert failure(await operator.request("node.invoke", now))[2]["reason"] == "not-queueable"
    node, _ = await gateway.node(COMMANDS, device=device)
    assert [row["id"] for row in await pulled(node)] == [queued]
    # Back again: the repetition finds its item instead of running it a second time.
    assert (await operator.call("node.invoke", {**params, "ifOffline": "queue"}))["queuedId"] == queued
    await acked(node, queued)
    assert (await operator.call("node.invoke", {**params, "ifOffline": "queue"}))["queuedId"] == queued
    await node.call("health")
    assert not [event for event in node.events if event.get("event") == "node.invoke.request"]


async def test_work_of_a_pairing_that_ends_while_it_is_stored_is_dropped(begin, monkeypatch):
    gateway, _, _, node_id, operator = await begin()
    admin, store, told = await gateway.operator(), gateway.server.gateway.runtime.store, asyncio.Event()
    write = store.write

    async def slowly(*changes):
        await write(*changes)
        if changes[0].model is PendingWork:
            await told.wait()

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", slowly)
        params = {"command": "work.do", "params": {"text": "hi"}}
        await operator.post("node.pending.enqueue", {"nodeId": node_id, "type": "node.invoke", **params})
        await taken(operator)
        await admin.call("device.pair.remove", {"deviceId": node_id})
    told.set()
    change = await admin.event("node.pending.changed", lambda change: change["state"] == "dropped")
    assert (await item(admin, change["payload"]["id"]))["error"]["code"] == "PAIRING_CHANGED"

"""What a node is sent and which results count: PROTOCOL 11.2, 11.3 and the readiness retry of 11.4."""

import pytest

from .invoking import (
    assert_audited,
    assert_settled,
    failure,
    finish,
    invoke,
    post_invoke,
    respond,
)

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.invoke", "node.invoke.request")]

NOT_READY = {"ok": False, "error": {"code": "NODE_NOT_READY", "message": "warming up"}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"timeoutMs": 30_000}),
        ({"timeoutMs": 0}, {"timeoutMs": 0}),
        ({"timeoutMs": 1_234}, {"timeoutMs": 1_234}),
        ({"timeoutMs": 9e15}, {"timeoutMs": 2**31 - 1}),
        ({"params": None}, {"timeoutMs": 30_000, "paramsJSON": "null"}),
        ({"params": {}}, {"timeoutMs": 30_000, "paramsJSON": "{}"}),
        ({"params": {"a": [1, "é"]}}, {"timeoutMs": 30_000, "paramsJSON": '{"a":[1,"é"]}'}),
        ({"sessionKey": "main"}, {"timeoutMs": 30_000, "sessionKey": "main"}),
        (
            {"turnSourceChannel": "c", "turnSourceTo": "t", "turnSourceThreadId": 7},
            {"timeoutMs": 30_000},
        ),
    ],
)
async def test_request_event(start, fields, expected):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any", idempotencyKey="key", **fields)
    frame = await node.event("node.invoke.request")
    request = frame["payload"]
    assert frame == {"type": "event", "event": "node.invoke.request", "payload": request}
    assert request == {
        "id": request["id"],
        "nodeId": node_id,
        "command": "demo.any",
        "idempotencyKey": "key",
        **expected,
    }
    await node.call("node.invoke.result", {"id": request["id"], "nodeId": node_id, "ok": True})
    assert (await finish(operator, request_id))["ok"] is True
    assert_settled(gateway)


async def test_no_deadline_sets_no_timer(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await post_invoke(operator, node_id, "demo.any", timeoutMs=0)
    await node.event("node.invoke.request")
    invokes = gateway.server.gateway.runtime.invokes
    (flight,) = invokes._flights.values()
    assert flight.timer is None
    assert flight.deadline is None


async def test_command_no_family_knows_is_relayed_when_allowed_by_name(start):
    gateway = await start({"nodes.commands.allow": ["foreign.command"]})
    node, node_id = await gateway.node(["foreign.command"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "foreign.command", params=["un", "validated"])
    request = await respond(node, node_id, payloadJSON="[1,2]")
    assert request["paramsJSON"] == '["un","validated"]'
    assert request["timeoutMs"] == 30_000
    assert (await finish(operator, request_id))["payload"]["payload"] == [1, 2]


async def test_duplicate_late_and_unknown_results_are_ignored(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    request = await respond(node, node_id)
    ignored = {"ok": True, "ignored": True}
    again = {"id": request["id"], "nodeId": node_id, "ok": False, "error": {"code": "X"}}
    assert await node.call("node.invoke.result", again) == ignored
    assert await node.call("node.invoke.result", {**again, "id": "never-sent"}) == ignored
    assert (await finish(operator, request_id))["ok"] is True
    assert (await operator.call("health", {}))["ok"] is True  # and no second response came before


async def test_node_id_that_is_not_its_own(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    other, other_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    request = (await node.event("node.invoke.request"))["payload"]
    result = {"id": request["id"], "nodeId": other_id, "ok": True}
    refused = await node.request("node.invoke.result", result)
    assert failure(refused) == ("INVALID_REQUEST", "nodeId mismatch", {"nodeId": other_id}, None)
    # Another node that learned the id cannot answer in its place, under either name.
    assert await other.call("node.invoke.result", result) == {"ok": True, "ignored": True}
    refused = await other.request("node.invoke.result", {**result, "nodeId": node_id})
    assert failure(refused)[1] == "nodeId mismatch"
    assert len(gateway.server.gateway.runtime.invokes) == 1
    await node.call("node.invoke.result", {**result, "nodeId": node_id, "payload": {"real": True}})
    assert (await finish(operator, request_id))["payload"]["payload"] == {"real": True}
    assert_settled(gateway)


async def test_an_operator_cannot_answer(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    request = (await node.event("node.invoke.request"))["payload"]
    result = {"id": request["id"], "nodeId": node_id, "ok": True}
    refused = await (await gateway.operator()).request("node.invoke.result", result)
    assert failure(refused)[1] == "unauthorized role: operator"
    await node.call("node.invoke.result", result)
    assert (await finish(operator, request_id))["ok"] is True


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ok": "yes"}, "at /ok: must be boolean"),
        ({"extra": 1}, "unexpected property 'extra'"),
        ({"payloadJSON": {"a": 1}}, "at /payloadJSON: must be string"),
        ({"error": {"code": 5}}, "at /error/code: must be string"),
    ],
)
async def test_invalid_result_frame_leaves_the_invoke_waiting(start, change, problem):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    request = (await node.event("node.invoke.request"))["payload"]
    good = {"id": request["id"], "nodeId": node_id, "ok": True}
    code, message, _, _ = failure(await node.request("node.invoke.result", {**good, **change}))
    assert code == "INVALID_REQUEST"
    assert problem in message
    await node.call("node.invoke.result", good)
    assert (await finish(operator, request_id))["ok"] is True


# Readiness


async def test_node_that_gets_ready(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any", params={"a": 1}, timeoutMs=5_000)
    first = await respond(node, node_id, **NOT_READY)
    # Its answer is spent: repeating it, or changing it, counts for nothing.
    again = {"id": first["id"], "nodeId": node_id, "ok": True}
    assert await node.call("node.invoke.result", again) == {"ok": True, "ignored": True}
    second = await respond(node, node_id, payload={"ready": True})
    assert second["id"] != first["id"]
    assert 0 < second["timeoutMs"] <= 4_900
    assert {**second, "id": "", "timeoutMs": 0} == {**first, "id": "", "timeoutMs": 0}
    assert (await finish(operator, request_id))["payload"]["payload"] == {"ready": True}
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "demo.any", "ok", None)


async def test_node_that_never_gets_ready(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any", timeoutMs=0)
    seen = [await respond(node, node_id, **NOT_READY) for _ in range(5)]
    assert len({request["id"] for request in seen}) == 5
    assert {request["timeoutMs"] for request in seen} == {0}
    assert failure(await finish(operator, request_id)) == (
        "UNAVAILABLE",
        "NODE_NOT_READY: warming up",
        {"nodeError": NOT_READY["error"], "nodeCommandDispatched": True, "outcome": "failed"},
        True,
    )
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "demo.any", "failed", "NODE_NOT_READY")


async def test_no_retry_beyond_the_budget(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any", timeoutMs=90)
    await respond(node, node_id, **NOT_READY)
    assert failure(await finish(operator, request_id))[1] == "NODE_NOT_READY: warming up"
    assert_settled(gateway)


async def test_node_that_leaves_while_it_gets_ready(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id, **NOT_READY)
    await node.socket.close()
    assert failure(await finish(operator, request_id))[2]["nodeError"]["code"] == "DISCONNECTED"
    assert_settled(gateway)


async def test_caller_that_leaves_is_not_missed(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    leaver, stayer = await gateway.operator(), await gateway.operator()
    await post_invoke(leaver, node_id, "demo.any")
    request = (await node.event("node.invoke.request"))["payload"]
    await leaver.socket.close()
    result = {"id": request["id"], "nodeId": node_id, "ok": True}
    assert await node.call("node.invoke.result", result) == {"ok": True}
    assert (await invoke(stayer, node_id, "demo.any", timeoutMs=20))["ok"] is False
    assert_settled(gateway)

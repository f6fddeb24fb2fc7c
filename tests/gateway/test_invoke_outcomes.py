"""How an invoke ends once it was sent: every row of PROTOCOL 11.4 that this gateway has."""

import orjson
import pytest

from openclaw_core.testing import FakeDevice

from .invoking import (
    assert_audited,
    assert_settled,
    failure,
    finish,
    invoke,
    made_here,
    post_invoke,
    respond,
)

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.invoke.result", "node.invoke.cancel")]

NOT_JSON = "not { json"


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (
            {"payloadJSON": '{"b":1, "a":[1.50,null]}'},
            {"payload": {"b": 1, "a": [1.5, None]}, "payloadJSON": '{"b":1, "a":[1.50,null]}'},
        ),
        (
            {"payloadJSON": NOT_JSON},
            {"payload": {"payloadJSON": NOT_JSON}, "payloadJSON": NOT_JSON},
        ),
        ({"payload": {"x": "é"}}, {"payload": {"x": "é"}, "payloadJSON": None}),
        ({"payload": {"x": 1}, "payloadJSON": None}, {"payload": {"x": 1}, "payloadJSON": None}),
        ({"payload": {"x": 1}, "payloadJSON": '{"y":2}'}, {"payload": {"y": 2}, "payloadJSON": '{"y":2}'}),
        ({}, {"payloadJSON": None}),
    ],
)
async def test_success(start, outcome, expected):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id, **outcome)
    response = await finish(operator, request_id)
    assert response["payload"] == {"ok": True, "nodeId": node_id, "command": "demo.any", **expected}
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "demo.any", "ok", None)


@pytest.mark.parametrize(
    ("error", "message", "retryable", "audited"),
    [
        ({"code": "DISK_FULL", "message": "no room"}, "DISK_FULL: no room", None, "DISK_FULL"),
        ({"message": "no room"}, "no room", None, "UNAVAILABLE"),
        ({"code": "DISK_FULL"}, "DISK_FULL", None, "DISK_FULL"),
        (
            {"code": "NODE_BACKGROUND_UNAVAILABLE", "message": "asleep"},
            "NODE_BACKGROUND_UNAVAILABLE: asleep",
            True,
            "NODE_BACKGROUND_UNAVAILABLE",
        ),
        (None, "node invoke failed", None, "UNAVAILABLE"),
    ],
)
async def test_node_error(start, error, message, retryable, audited):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id, ok=False, error=error, payloadJSON=None)
    details = {"nodeError": error, "nodeCommandDispatched": True, "outcome": "failed"}
    assert failure(await finish(operator, request_id)) == ("UNAVAILABLE", message, details, retryable)
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "demo.any", "failed", audited)


async def test_node_error_left_out(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id, ok=False)
    _, message, details, _ = failure(await finish(operator, request_id))
    assert (message, details["nodeError"]) == ("node invoke failed", None)


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        ({"payloadJSON": '{"text": 7}'}, "at /text: must be string"),
        ({"payloadJSON": NOT_JSON}, "must have required property 'text'"),
        ({"payloadJSON": "null"}, "must have required property 'text'"),
        ({"payload": ["list"]}, "must be object"),
        ({}, "must have required property 'text'"),
    ],
)
async def test_result_that_its_model_refuses(start, outcome, problem):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.echo", params={"text": "x"})
    request = await respond(node, node_id, **outcome)
    code, message, details, retryable = failure(await finish(operator, request_id))
    said = message.removeprefix("INVALID_RESULT: ")
    assert (code, retryable) == ("UNAVAILABLE", None)
    assert said.startswith(f"node {node_id} answered demo.echo with an invalid result: ")
    assert problem in said
    assert request["rejected"] == {"message": message}
    problems = details.pop("problems")
    assert all(item["problem"] in said for item in problems)
    facts = {"code": "INVALID_RESULT", "nodeId": node_id, "command": "demo.echo"}
    assert details == made_here("INVALID_RESULT", said, **facts)
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "demo.echo", "failed", "INVALID_RESULT")


@pytest.mark.parametrize("levels", [253, 254, 255, 400])
async def test_a_result_may_nest_as_deep_as_messages_are_written(start, levels, caplog):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    request = (await node.event("node.invoke.request"))["payload"]
    deep = "[" * levels + "]" * levels
    sent = f'{{"id":"{request["id"]}","nodeId":"{node_id}","ok":true,"payload":{{"x":{deep}}}}}'
    await node.send(f'{{"type":"req","id":"deep","method":"node.invoke.result","params":{sent}}}')
    answer = await finish(operator, request_id)
    if levels < 254:
        assert answer["ok"] is True
    else:
        _, message, details, _ = failure(answer)
        assert details["code"] == "INVALID_RESULT"
        assert "nested too deep" in message
        assert (await node.call("health")) is not None
    assert caplog.records == []


async def test_timeout_cancels_on_the_node(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    response = await invoke(operator, node_id, "demo.any", timeoutMs=500)
    assert failure(response) == (
        "UNAVAILABLE",
        "TIMEOUT: node invoke timed out",
        made_here("TIMEOUT", "node invoke timed out"),
        None,
    )
    request = (await node.event("node.invoke.request"))["payload"]
    cancel = await node.event("node.invoke.cancel")
    assert cancel["payload"] == {"invokeId": request["id"], "nodeId": node_id}
    assert "seq" not in cancel
    late = await node.call("node.invoke.result", {"id": request["id"], "nodeId": node_id, "ok": True})
    assert late == {"ok": True, "ignored": True}
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "demo.any", "failed", "TIMEOUT")


@pytest.mark.parametrize(("command", "retryable"), [("demo.any", None), ("demo.echo", True)])
async def test_socket_lost_in_flight(start, command, retryable):
    """Only a command that does no harm twice is worth a retry."""
    gateway = await start()
    node, node_id = await gateway.node(["demo.any", "demo.echo"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, command, params={"text": "x"})
    await node.event("node.invoke.request")
    await node.socket.close()
    message = f"node disconnected ({command})"
    assert failure(await finish(operator, request_id)) == (
        "UNAVAILABLE",
        f"DISCONNECTED: {message}",
        made_here("DISCONNECTED", message),
        retryable,
    )
    assert_settled(gateway)
    await assert_audited(gateway, node_id, command, "failed", "DISCONNECTED")


async def test_other_nodes_do_not_notice_a_lost_socket(start):
    gateway = await start()
    lost, lost_id = await gateway.node(["demo.any"])
    other, other_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    doomed = await post_invoke(operator, lost_id, "demo.any")
    healthy = await post_invoke(operator, other_id, "demo.any")
    await lost.event("node.invoke.request")
    await lost.socket.close()
    assert failure(await finish(operator, doomed))[2]["nodeError"]["code"] == "DISCONNECTED"
    await respond(other, other_id)
    assert (await finish(operator, healthy))["ok"] is True


@pytest.mark.parametrize(("command", "retryable"), [("demo.any", None), ("demo.echo", True)])
async def test_newer_connection_takes_over(start, command, retryable):
    gateway = await start()
    device, declared = FakeDevice(), ["demo.any", "demo.echo"]
    old, node_id = await gateway.node(declared, device=device)
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, command, params={"text": "x"})
    await old.event("node.invoke.request")
    new, _ = await gateway.node(declared, device=device)
    message = f"the node connected anew while {command} was in flight"
    assert failure(await finish(operator, request_id)) == (
        "UNAVAILABLE",
        f"ROUTE_CHANGED: {message}",
        made_here("ROUTE_CHANGED", message),
        retryable,
    )
    assert await old.closed() == (4001, "replaced by a newer connection of this node")
    assert_settled(gateway)
    await assert_audited(gateway, node_id, command, "failed", "ROUTE_CHANGED")
    # The end of the old socket does not touch what the new one does.
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(new, node_id)
    assert (await finish(operator, request_id))["ok"] is True


async def test_configuration_takes_the_command_away(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any", "demo.echo"])
    operator = await gateway.operator()
    doomed = await post_invoke(operator, node_id, "demo.any")
    healthy = await post_invoke(operator, node_id, "demo.echo", params={"text": "x"})
    request = (await node.event("node.invoke.request", lambda sent: sent["command"] == "demo.any"))["payload"]
    await node.event("node.invoke.request", lambda sent: sent["command"] == "demo.echo")
    deny(gateway, ["demo.any"])
    message = "demo.any is no longer allowed on this node"
    assert failure(await finish(operator, doomed)) == (
        "UNAVAILABLE",
        f"POLICY_CHANGED: {message}",
        made_here("POLICY_CHANGED", message),
        None,
    )
    cancel = (await node.event("node.invoke.cancel"))["payload"]
    assert cancel == {"invokeId": request["id"], "nodeId": node_id}
    await assert_audited(gateway, node_id, "demo.any", "failed", "POLICY_CHANGED")
    refusal = await invoke(operator, node_id, "demo.any")
    assert "is blocked by gateway.nodes.commands.deny" in refusal["error"]["message"]
    assert len(gateway.server.gateway.runtime.invokes) == 1
    await node.socket.close()
    assert failure(await finish(operator, healthy))[2]["nodeError"]["code"] == "DISCONNECTED"
    assert_settled(gateway)


def deny(gateway, commands):
    """Save openclaw.json with a deny list and let the gateway's clock find it."""
    from openclaw_core.gateway.clockwork import Clockwork

    clockwork = Clockwork(gateway.server.gateway)
    document = {"gateway": {"nodes": {"commands": {"deny": commands}}}}
    gateway.settings.config_path.write_bytes(orjson.dumps(document))
    clockwork._reload_changed_config()


async def test_denied_command_comes_back_without_reconnect(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    deny(gateway, ["demo.any"])
    assert (await operator.call("node.describe", {"nodeId": node_id}))["commands"] == []
    deny(gateway, [])
    assert (await operator.call("node.describe", {"nodeId": node_id}))["commands"] == ["demo.any"]
    request_id = await post_invoke(operator, node_id, "demo.any")
    await respond(node, node_id)
    assert (await finish(operator, request_id))["ok"] is True


async def test_send_failure(start):
    """A node whose socket is being closed takes nothing more."""
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    gateway.server.gateway.runtime.nodes.find(node_id).link.closing = True
    assert failure(await invoke(operator, node_id, "demo.any")) == (
        "UNAVAILABLE",
        "failed to send invoke to node",
        made_here("UNAVAILABLE", "failed to send invoke to node", outcome="not-dispatched"),
        True,
    )
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "demo.any", "failed", "UNAVAILABLE")


async def test_gateway_stops_in_flight(start, tmp_path):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    await node.event("node.invoke.request")
    await gateway.server.gateway.stop()
    assert failure(await finish(operator, request_id))[2]["nodeError"]["code"] == "DISCONNECTED"
    assert_settled(gateway)

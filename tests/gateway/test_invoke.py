"""node.invoke over real sockets: PROTOCOL 11."""

import orjson
import pytest

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.invoke", "node.invoke.request", "node.invoke.result"),
]


async def test_round_trip(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo"])
    operator = await gateway.operator()
    await operator.post(
        "node.invoke",
        {"nodeId": node_id, "command": "demo.echo", "params": {"text": "hi"}, "idempotencyKey": "k"},
    )
    request = (await node.event("node.invoke.request"))["payload"]
    assert orjson.loads(request["paramsJSON"]) == {"text": "hi"}
    assert request["idempotencyKey"] == "k"
    assert request["timeoutMs"] == 30_000
    answer = await node.call(
        "node.invoke.result",
        {"id": request["id"], "nodeId": node_id, "ok": True, "payloadJSON": '{"text": "hi"}'},
    )
    assert answer == {"ok": True}
    response = await operator.receive()
    assert response["payload"] == {
        "ok": True,
        "nodeId": node_id,
        "command": "demo.echo",
        "payload": {"text": "hi"},
        "payloadJSON": '{"text": "hi"}',
    }

"""What flows while an invoke runs: PROTOCOL 11.5, chapter 27 row 43."""

import pytest

from openclaw_core.services import progress, streams
from openclaw_core.services.progress import MAX_WAITING
from openclaw_core.testing import FakeDevice, operator_params

from .invoking import assert_settled, failure, finish, invoke, post_invoke
from .leftovers import until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.invoke.progress", "node.invoke.input", "node.invoke.cancel"),
    pytest.mark.covers("node.invoke.list"),
]

KEY = {"idempotencyKey": "live"}
IGNORED = {"ok": True, "ignored": True}
TAKEN = {"ok": True, "ignored": False}
WRITER = ["operator.read", "operator.write"]


class Stage:
    """A node that runs one invoke, and the operator that asked for it."""

    def __init__(self, gateway, node, node_id, operator):
        self.gateway, self.node, self.node_id, self.operator = gateway, node, node_id, operator
        self.request = self.invoke_id = ""

    async def begin(self, command="demo.any", **fields):
        params = {"params": {"text": "x"}, **KEY, **fields}
        self.request = await post_invoke(self.operator, self.node_id, command, **params)
        self.invoke_id = (await self.node.event("node.invoke.request"))["payload"]["id"]

    def chunk(self, seq, text="x", **changes):
        named = {"invokeId": self.invoke_id, "nodeId": self.node_id}
        return {**named, "seq": seq, "chunk": text, **changes}

    async def say(self, seq, text="x", **changes):
        return await self.node.call("node.invoke.progress", self.chunk(seq, text, **changes))

    async def heard(self):
        return (await self.operator.event("node.invoke.progress"))["payload"]

    async def end(self):
        result = {"id": self.invoke_id, "nodeId": self.node_id, "ok": True, "payload": {"text": "x"}}
        await self.node.call("node.invoke.result", result)
        assert (await finish(self.operator, self.request))["ok"] is True
        assert_settled(self.gateway)
        assert not self.gateway.server.gateway.runtime.invokes._listening._by_connection

    def target(self, **fields):
        return {"nodeId": self.node_id, **KEY, **fields}


@pytest.fixture
async def stage(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any", "demo.echo"])
    return Stage(gateway, node, node_id, await gateway.operator())


# Progress


@pytest.mark.parametrize("command", ["demo.any", "demo.echo"])
async def test_progress_reaches_who_asked_and_nobody_else(stage, command):
    bystander = await stage.gateway.operator()
    await stage.begin(command, progress=True)
    assert await stage.say(0, "one") == TAKEN
    assert await stage.say(1, "") == TAKEN
    frame = await stage.operator.event("node.invoke.progress")
    assert frame == {
        "type": "event",
        "event": "node.invoke.progress",
        "payload": {**stage.chunk(0, "one"), "idempotencyKey": "live"},
    }
    assert (await stage.heard())["chunk"] == ""
    await bystander.call("health", {})
    assert [item for item in bystander.events if item["event"] == "node.invoke.progress"] == []
    await stage.end()
    assert await stage.say(2) == IGNORED


@pytest.mark.parametrize("fields", [{}, {"progress": False}])
async def test_nobody_asked(stage, fields):
    await stage.begin(**fields)
    assert await stage.say(0) == IGNORED
    await stage.end()


async def test_chunks_come_in_order_and_once(stage):
    await stage.begin(progress=True)
    later = [await stage.node.post("node.invoke.progress", stage.chunk(seq, str(seq))) for seq in (2, 1)]
    assert await stage.say(2) == IGNORED  # it is held already
    assert await stage.say(0, "0") == TAKEN
    for request in later:
        assert (await finish(stage.node, request))["payload"] == TAKEN
    assert [(await stage.heard())["seq"] for _ in range(3)] == [0, 1, 2]
    assert await stage.say(1) == IGNORED
    await stage.end()


async def test_gap_is_given_up_after_128_chunks(stage):
    await stage.begin(progress=True)
    held = [
        await stage.node.post("node.invoke.progress", stage.chunk(seq)) for seq in range(1, MAX_WAITING + 1)
    ]
    assert await stage.say(MAX_WAITING + 1) == TAKEN
    for request in held:
        assert (await finish(stage.node, request))["payload"] == TAKEN
    assert [(await stage.heard())["seq"] for _ in range(MAX_WAITING + 1)] == [*range(1, MAX_WAITING + 2)]
    await stage.end()


async def test_slow_operator_holds_the_node_back_and_bounds_what_is_held(stage, monkeypatch):
    await stage.begin(progress=True)
    # Every socket counts as full, as one would whose peer reads nothing.
    monkeypatch.setattr(progress, "STREAM_BUFFER_BYTES", -1)
    held = [await stage.node.post("node.invoke.progress", stage.chunk(seq)) for seq in range(MAX_WAITING)]
    assert await stage.say(MAX_WAITING) == {"ok": True, "ignored": True, "dropped": True}
    assert [frame for frame in stage.node.events if frame["type"] == "res"] == []
    monkeypatch.undo()
    for request in held:
        assert (await finish(stage.node, request))["payload"] == TAKEN
    assert [(await stage.heard())["seq"] for _ in range(MAX_WAITING)] == [*range(MAX_WAITING)]
    assert await stage.say(MAX_WAITING + 1) == TAKEN  # the operator sees the gap
    assert (await stage.heard())["seq"] == MAX_WAITING + 1
    await stage.end()


async def test_what_is_held_goes_out_before_the_answer(stage, monkeypatch):
    await stage.begin(progress=True)
    monkeypatch.setattr(progress, "STREAM_BUFFER_BYTES", -1)
    held = await stage.node.post("node.invoke.progress", stage.chunk(0, "last words"))
    await stage.end()
    assert (await finish(stage.node, held))["payload"] == TAKEN
    assert [frame.get("event") for frame in stage.operator.events].count("node.invoke.progress") == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"chunk": "x" * 16_385}, "at /chunk: must not have more than 16384 characters"),
        ({"seq": -1}, "at /seq: must be >= 0"),
        ({"nodeId": "other"}, "nodeId mismatch"),
        ({"extra": 1}, "unexpected property 'extra'"),
    ],
)
async def test_invalid_chunks(stage, change, problem):
    await stage.begin(progress=True)
    refused = await stage.node.request("node.invoke.progress", {**stage.chunk(0), **change})
    code, message, _, _ = failure(refused)
    assert code == "INVALID_REQUEST"
    assert problem in message
    assert await stage.say(0, "x" * 16_384) == TAKEN
    await stage.end()


# Cancel


@pytest.mark.parametrize(("command", "actor"), [("demo.any", "client:cli"), ("demo.echo", "client:cli")])
async def test_cancel_reaches_the_node_and_everybody_who_waits(stage, command, actor):
    await stage.begin(command)
    joined = await stage.gateway.operator()
    repeat = await post_invoke(joined, stage.node_id, command, params={"text": "x"}, **KEY)
    answer = await joined.call("node.invoke.cancel", stage.target())
    assert answer == {"ok": True, **stage.target(), "cancelled": True, "outcome": "unknown"}
    cancel = (await stage.node.event("node.invoke.cancel"))["payload"]
    assert cancel == {"invokeId": stage.invoke_id, "nodeId": stage.node_id}
    for who, request in ((stage.operator, stage.request), (joined, repeat)):
        code, message, details, retryable = failure(await finish(who, request))
        assert (code, retryable) == ("UNAVAILABLE", None)
        assert message == f"CANCELLED: {command} was cancelled by {actor}"
        assert (details["outcome"], details["nodeCommandDispatched"]) == ("unknown", True)
    late = {"id": stage.invoke_id, "nodeId": stage.node_id, "ok": True}
    assert await stage.node.call("node.invoke.result", late) == IGNORED
    # Its key stays cancelled, and there is nothing left to cancel.
    again = failure(await invoke(joined, stage.node_id, command, params={"text": "x"}, **KEY))
    assert again[1] == f"CANCELLED: {command} was cancelled by {actor}"
    assert (await joined.call("node.invoke.cancel", stage.target()))["reason"] == "not-in-flight"
    assert_settled(stage.gateway)


async def test_cancel_while_the_node_gets_ready(stage):
    await stage.begin()
    error = {"code": "NODE_NOT_READY", "message": "warming up"}
    result = {"id": stage.invoke_id, "nodeId": stage.node_id, "ok": False, "error": error}
    await stage.node.call("node.invoke.result", result)
    answer = await stage.operator.call("node.invoke.cancel", stage.target())
    assert (answer["cancelled"], answer["outcome"]) == (True, "failed")
    await stage.node.call("node.event", {"event": "demo.nothing"})
    assert "node.invoke.cancel" not in [frame.get("event") for frame in stage.node.events]
    assert_settled(stage.gateway)


@pytest.mark.parametrize("method", ["node.invoke.cancel", "node.invoke.input"])
async def test_others_need_admin(stage, method):
    await stage.begin()
    stranger = await stage.gateway.operator(WRITER)
    more = {"seq": 0, "payloadJSON": "1"} if method.endswith("input") else {}
    refused = await stranger.request(method, stage.target(**more))
    assert failure(refused)[:2] == ("FORBIDDEN", "missing scope: operator.admin")
    reader = await stage.gateway.operator(["operator.read"])
    assert failure(await reader.request(method, stage.target(**more)))[1] == "missing scope: operator.write"
    assert (await (await stage.gateway.operator()).call(method, stage.target(**more)))["ok"] is True


async def test_own_device_on_another_connection(stage):
    device, wires = FakeDevice(), []
    for _ in range(2):
        wires.append(await stage.gateway.wire())
        assert (await wires[-1].connect(operator_params(WRITER), device))["ok"]
    stage.operator = wires[0]
    await stage.begin()
    assert (await wires[1].call("node.invoke.cancel", stage.target()))["cancelled"] is True


async def test_operator_that_leaves_ends_only_what_streams(stage):
    await stage.begin(progress=True)
    streaming = stage.invoke_id
    await stage.begin(idempotencyKey="plain")
    await stage.operator.socket.close()
    cancel = (await stage.node.event("node.invoke.cancel"))["payload"]
    assert cancel["invokeId"] == streaming
    assert [item.id for item in stage.gateway.server.gateway.runtime.invokes] == [stage.invoke_id]


async def test_stream_goes_on_for_somebody_who_joined(stage):
    await stage.begin(progress=True)
    joined = await stage.gateway.operator()
    repeat = await post_invoke(joined, stage.node_id, "demo.any", params={"text": "x"}, **KEY)
    await joined.call("health", {})
    await stage.operator.socket.close()
    invokes = stage.gateway.server.gateway.runtime.invokes
    await until(lambda: not invokes._listening._by_connection, "the operator is gone")
    assert await stage.say(0) == IGNORED
    await stage.node.call("node.invoke.result", {"id": stage.invoke_id, "nodeId": stage.node_id, "ok": True})
    assert (await finish(joined, repeat))["ok"] is True
    assert_settled(stage.gateway)


# Input


async def test_input_reaches_the_node_in_order_and_once(stage):
    await stage.begin()
    for seq in range(2):
        answer = await stage.operator.call("node.invoke.input", stage.target(seq=seq, payloadJSON=f"[{seq}]"))
        assert answer == {"ok": True, "ignored": False, "nextSeq": seq + 1}
        frame = await stage.node.event("node.invoke.input")
        assert frame == {
            "type": "event",
            "event": "node.invoke.input",
            "payload": {
                "id": stage.invoke_id,
                "nodeId": stage.node_id,
                "seq": seq,
                "payloadJSON": f"[{seq}]",
            },
        }
    again = await stage.operator.call("node.invoke.input", stage.target(seq=0, payloadJSON="0"))
    assert again == {"ok": True, "ignored": True, "nextSeq": 2}
    ahead = await stage.operator.request("node.invoke.input", stage.target(seq=5, payloadJSON="0"))
    assert failure(ahead)[2] == {"code": "INPUT_OUT_OF_ORDER", "nextSeq": 2}
    too_long = stage.target(seq=2, payloadJSON="x" * 16_385)
    assert failure(await stage.operator.request("node.invoke.input", too_long))[0] == "INVALID_REQUEST"
    await stage.end()
    over = failure(await stage.operator.request("node.invoke.input", stage.target(seq=2, payloadJSON="0")))
    assert (over[2]["code"], over[3]) == ("NOT_IN_FLIGHT", False)


async def test_node_that_takes_no_more_pauses_input(stage, monkeypatch):
    await stage.begin()
    monkeypatch.setattr(streams, "STREAM_BUFFER_BYTES", -1)
    refused = await stage.operator.request("node.invoke.input", stage.target(seq=0, payloadJSON="0"))
    _, _, details, retryable = failure(refused)
    assert (details, retryable) == ({"code": "INPUT_PAUSED", "nextSeq": 0}, True)
    assert refused["error"]["retryAfterMs"] == 100
    monkeypatch.undo()
    answer = await stage.operator.call("node.invoke.input", stage.target(seq=0, payloadJSON="0"))
    assert answer["ignored"] is False
    await stage.end()


@pytest.mark.parametrize("told", ["input", "progress"])
async def test_no_second_delivery_of_what_has_begun(stage, told):
    """A new delivery could not go on where the first one was."""
    await stage.begin(progress=True)
    if told == "input":
        await stage.operator.call("node.invoke.input", stage.target(seq=0, payloadJSON="0"))
    else:
        await stage.say(0)
    error = {"code": "NODE_NOT_READY", "message": "after all"}
    result = {"id": stage.invoke_id, "nodeId": stage.node_id, "ok": False, "error": error}
    await stage.node.call("node.invoke.result", result)
    assert failure(await finish(stage.operator, stage.request))[1] == "NODE_NOT_READY: after all"
    assert_settled(stage.gateway)


# List


async def test_list_shows_ones_own_and_admins_everything(stage):
    await stage.begin(progress=True, timeoutMs=9_000)
    writer = await stage.gateway.operator(WRITER)
    assert (await writer.call("node.invoke.list", {}))["invokes"] == []
    await post_invoke(writer, stage.node_id, "demo.any", idempotencyKey="other")
    await stage.node.event("node.invoke.request")
    (own,) = (await writer.call("node.invoke.list"))["invokes"]
    assert own["idempotencyKey"] == "other"
    listed = await stage.operator.call("node.invoke.list", {"nodeId": stage.node_id})
    first = next(row for row in listed["invokes"] if row["idempotencyKey"] == "live")
    assert first == {
        "invokeId": stage.invoke_id,
        "nodeId": stage.node_id,
        "command": "demo.any",
        "idempotencyKey": "live",
        "state": "at-node",
        "startedAtMs": first["startedAtMs"],
        "timeoutMs": 9_000,
        "progress": True,
        "waiting": 1,
        "clientId": "cli",
    }
    assert 0 <= listed["ts"] - first["startedAtMs"] < 60_000
    assert len(listed["invokes"]) == 2
    assert (await stage.operator.call("node.invoke.list", {"nodeId": "other"}))["invokes"] == []

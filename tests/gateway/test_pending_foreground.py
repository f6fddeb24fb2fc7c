"""Actions that need an app in front: PROTOCOL 14.3, and row 9 of chapter 27."""

from functools import partial

import orjson
import pytest

from openclaw_core.services import deferrals
from openclaw_core.testing import FakeClock, FakeDevice

from .invoking import failure, finish, post_invoke, respond
from .queueing import COMMANDS, IPHONE, Work, acked, item, pulled

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.pending.pull", "node.pending.ack")]
BACKGROUND = {"code": "NODE_BACKGROUND_UNAVAILABLE", "message": "bring the app to the front"}


async def attempt(operator, node, node_id, command="work.front", key="k", error=BACKGROUND):
    """Invoke; the node says it is in the background. The response frame."""
    sent = await post_invoke(operator, node_id, command, params={"text": key}, idempotencyKey=key)
    await respond(node, node_id, ok=False, error=error)
    return await finish(operator, sent)


async def test_the_action_waits_until_the_app_is_in_front(start):
    gateway = await start(extra=[Work])
    node, node_id = await gateway.node(COMMANDS, client=IPHONE)
    operator = await gateway.operator()
    code, message, details, retryable = failure(await attempt(operator, node, node_id))
    assert (code, message, retryable) == (
        "UNAVAILABLE",
        "node command queued until iOS returns to foreground",
        True,
    )
    queued = details.pop("queuedActionId")
    assert details == {
        "code": "QUEUED_UNTIL_FOREGROUND",
        "nodeId": node_id,
        "command": "work.front",
        "wake": {"path": "no-registration", "available": False, "throttled": False},
        "nodeError": BACKGROUND,
        "outcome": "failed",
    }
    (action,) = await pulled(node)
    assert (action["id"], action["command"]) == (queued, "work.front")
    assert orjson.loads(action["paramsJSON"]) == {"text": "k"}
    assert (await acked(node, queued))["remainingCount"] == 0
    assert (await item(operator, queued))["state"] == "done"


async def test_its_result_is_kept_for_the_caller(start):
    gateway = await start(extra=[Work])
    node, node_id = await gateway.node(COMMANDS, client=IPHONE)
    operator = await gateway.operator()
    details = failure(await attempt(operator, node, node_id))[2]
    queued = details["queuedActionId"]
    await acked(node, queued, results=[{"id": queued, "ok": True, "payloadJSON": '{"text":"photo"}'}])
    found = await item(operator, queued)
    assert (found["state"], found["foreground"], found["payload"]) == ("done", True, {"text": "photo"})


async def test_a_command_that_no_family_knows_waits_on_the_nodes_word(start):
    gateway = await start({"nodes.commands.allow": ["far.snap"]})
    node, node_id = await gateway.node(["far.snap"], client=IPHONE)
    operator = await gateway.operator()
    refused = failure(await attempt(operator, node, node_id, "far.snap", error={"code": "NO_LENS"}))
    assert "code" not in refused[2], "only the background makes it wait"
    queued = failure(await attempt(operator, node, node_id, "far.snap", key="again"))[2]["queuedActionId"]
    (action,) = await pulled(node)
    assert (action["id"], action["command"]) == (queued, "far.snap")
    await acked(node, queued, results=[{"id": queued, "ok": True, "payloadJSON": '{"any":"thing"}'}])
    assert (await item(operator, queued))["payload"] == {"any": "thing"}


async def test_the_same_key_is_the_same_action_also_after_a_restart(start, tmp_path):
    gateway = await start(extra=[Work], directory=tmp_path / "one")
    device = FakeDevice()
    node, node_id = await gateway.node(COMMANDS, device=device, client=IPHONE)
    operator = await gateway.operator()
    found = [failure(await attempt(operator, node, node_id))[2]["queuedActionId"] for _ in range(2)]
    await gateway.__aexit__()
    gateway = await start(extra=[Work], directory=tmp_path / "one")
    node, _ = await gateway.node(COMMANDS, device=device, client=IPHONE)
    found.append(failure(await attempt(await gateway.operator(), node, node_id))[2]["queuedActionId"])
    assert len(set(found)) == 1
    assert [action["id"] for action in await pulled(node)] == found[:1]


@pytest.mark.parametrize(
    ("client", "command", "error"),
    [
        (IPHONE, "work.now", BACKGROUND),
        (IPHONE, "work.front", {"code": "BUSY", "message": "no"}),
        ({}, "work.front", BACKGROUND),
    ],
)
async def test_other_failures_stay_failures(start, client, command, error):
    gateway = await start(extra=[Work])
    node, node_id = await gateway.node(COMMANDS, client=client)
    operator = await gateway.operator()
    details = failure(await attempt(operator, node, node_id, command, error=error))[2]
    assert details["nodeError"] == error
    assert "queuedActionId" not in details
    assert await pulled(node) == []


async def test_a_message_that_names_the_code_counts(start):
    gateway = await start(extra=[Work])
    node, node_id = await gateway.node(COMMANDS, client=IPHONE)
    error = {"code": "UNAVAILABLE", "message": "CAMERA_BACKGROUND_UNAVAILABLE: no"}
    details = failure(await attempt(await gateway.operator(), node, node_id, error=error))[2]
    assert details["code"] == "QUEUED_UNTIL_FOREGROUND"


async def test_ten_minutes_and_the_newest_of_a_node(start, monkeypatch):
    monkeypatch.setattr(deferrals, "MAX_NODE_ACTIONS", 2)
    clock = FakeClock()
    gateway = await start(extra=[Work], now_ms=clock)
    node, node_id = await gateway.node(COMMANDS, client=IPHONE)
    operator = await gateway.operator()
    attempt_ = partial(attempt, operator, node, node_id)
    ids = [failure(await attempt_(key=key))[2]["queuedActionId"] for key in "abc"]
    assert [action["id"] for action in await pulled(node)] == ids[1:]
    assert (await item(operator, ids[0]))["state"] == "dropped"
    clock.advance(600_000)
    assert await pulled(node) == []
    assert (await item(operator, ids[2]))["state"] == "unknown"


async def test_drain_and_pull_never_meet(start):
    gateway = await start(extra=[Work])
    node, node_id = await gateway.node(COMMANDS, client=IPHONE)
    operator = await gateway.operator()
    await attempt(operator, node, node_id)
    await operator.call("node.pending.enqueue", {"nodeId": node_id, "type": "location.request"})
    drained = await node.call("node.pending.drain", {})
    assert [row["type"] for row in drained["items"]] == ["location.request", "status.request"]
    assert [action["command"] for action in await pulled(node)] == ["work.front"]

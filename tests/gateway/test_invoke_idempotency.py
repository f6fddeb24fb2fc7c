"""One outcome per idempotency key, also over a crash: PROTOCOL 11.4, chapter 27 row 14."""

import asyncio
import shutil
import sqlite3
from contextlib import closing

import orjson
import pytest

from openclaw_core.commands import Family
from openclaw_core.errors import StoreError, UnavailableError
from openclaw_core.hookspecs import hookimpl
from openclaw_core.services import invoke_records
from openclaw_core.store.models import AuditEvent, InvokeRecord
from openclaw_core.testing import FakeClock, FakeDevice

from .invoking import assert_settled, failure, finish, invoke, post_invoke, respond
from .leftovers import until

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.invoke")]

KEY = {"idempotencyKey": "once"}
BOTH = pytest.mark.parametrize("command", ["demo.any", "demo.echo"])
DECLARED = ["demo.any", "demo.echo"]
TEXT = {"params": {"text": "x"}}


async def set_up(start, declared=DECLARED, **options):
    gateway = await start(**options)
    node, node_id = await gateway.node(declared)
    return gateway, node, node_id, await gateway.operator()


def rows_on_disk(directory):
    """What a crash at this instant would leave."""
    with closing(sqlite3.connect(directory / "openclaw.sqlite")) as database:
        return database.execute("SELECT idempotency_key, state FROM invoke_record").fetchall()


async def assert_not_asked(node):
    """Whatever was sent to the node came before this answer."""
    await node.call("node.event", {"event": "demo.nothing"})
    assert [frame for frame in node.events if frame.get("event") == "node.invoke.request"] == []


@BOTH
async def test_repeat_joins_the_one_in_flight(start, command):
    gateway, node, node_id, operator = await set_up(start)
    other = await gateway.operator()
    asked = [(who, await post_invoke(who, node_id, command, **TEXT, **KEY)) for who in (operator, other)]
    await other.call("health", {})
    await respond(node, node_id, payload={"text": "done"})
    answers = [(await finish(who, request))["payload"] for who, request in asked]
    assert answers[0] == answers[1]
    assert answers[0]["payload"] == {"text": "done"}
    await assert_not_asked(node)
    assert_settled(gateway)


@BOTH
async def test_repeat_gets_the_recorded_result(start, command):
    gateway, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, command, params={"text": "x", "a": 1}, **KEY)
    await respond(node, node_id, payloadJSON='{"text":"done"}')
    first = (await finish(operator, request))["payload"]
    await node.socket.close()
    # Also while the node is away, and whatever the order of the params' keys.
    again = await invoke(operator, node_id, command, params={"a": 1, "text": "x"}, timeoutMs=7, **KEY)
    assert again["payload"] == first
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    newest = [orjson.loads(row.details) for row in rows if row.kind == "invoke"][-1]
    assert newest == {"command": command, "repeat": True}


@BOTH
async def test_repeat_gets_the_recorded_failure(start, command):
    _, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, command, **TEXT, **KEY)
    await respond(node, node_id, ok=False, error={"code": "DISK_FULL", "message": "no room"})
    first = failure(await finish(operator, request))
    assert first[2]["outcome"] == "failed"
    assert failure(await invoke(operator, node_id, command, **TEXT, **KEY)) == first
    await assert_not_asked(node)


@BOTH
@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("change", [{"params": {"text": "y"}}, {"command": "demo.linux"}, {"params": None}])
async def test_another_request_under_the_key_is_refused(start, command, finished, change):
    _, node, node_id, operator = await set_up(start, [*DECLARED, "demo.linux"])
    request = await post_invoke(operator, node_id, command, **TEXT, **KEY)
    if finished:
        await respond(node, node_id, payload={"text": "done"})
        await finish(operator, request)
    name = change.get("command", command)
    params = {"params": change.get("params", TEXT["params"])}
    code, message, details, _ = failure(await invoke(operator, node_id, name, **params, **KEY))
    assert (code, details) == ("INVALID_REQUEST", {"code": "IDEMPOTENCY_KEY_REUSED", "command": name})
    assert message == (
        f"idempotencyKey 'once' was used for another request to this node; send {name} with a new key"
    )


async def test_the_key_belongs_to_the_node(start):
    gateway, node, node_id, operator = await set_up(start)
    other, other_id = await gateway.node(DECLARED)
    first = await post_invoke(operator, node_id, "demo.any", **KEY)
    second = await post_invoke(operator, other_id, "demo.any", params={"else": 1}, **KEY)
    await respond(node, node_id, payload={"n": 1})
    await respond(other, other_id, payload={"n": 2})
    answers = [await finish(operator, request) for request in (first, second)]
    assert [answer["payload"]["payload"]["n"] for answer in answers] == [1, 2]
    assert_settled(gateway)


async def test_committed_before_the_node_and_before_the_answer(start, tmp_path):
    _, node, node_id, operator = await set_up(start, directory=tmp_path / "state")
    request = await post_invoke(operator, node_id, "demo.any", **KEY)
    event = (await node.event("node.invoke.request"))["payload"]
    assert rows_on_disk(tmp_path / "state") == [("once", "dispatched")]
    await node.call("node.invoke.result", {"id": event["id"], "nodeId": node_id, "ok": True})
    assert (await finish(operator, request))["ok"] is True
    assert rows_on_disk(tmp_path / "state") == [("once", "ok")]


async def test_what_does_no_harm_twice_is_not_stored(start):
    gateway, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, "demo.echo", **TEXT, **KEY)
    await respond(node, node_id, payload={"text": "done"})
    await finish(operator, request)
    assert await gateway.server.gateway.runtime.store.load(InvokeRecord) == []


@pytest.mark.parametrize("outcome", [{"payload": {"n": 1}}, {"ok": False, "error": {"code": "NO"}}])
async def test_outcomes_survive_a_restart(start, tmp_path, outcome):
    first, node, node_id, operator = await set_up(start, directory=tmp_path / "state")
    request = await post_invoke(operator, node_id, "demo.any", **KEY)
    await respond(node, node_id, **outcome)
    answer = await finish(operator, request)
    await first.server.stop()
    second = await start(directory=tmp_path / "state")
    operator = await second.operator()
    again = await invoke(operator, node_id, "demo.any", **KEY)
    assert {**again, "id": ""} == {**answer, "id": ""}
    refused = await invoke(operator, node_id, "demo.any", params={}, **KEY)
    assert refused["error"]["details"]["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_crash_in_flight_leaves_an_unknown_outcome(start, tmp_path):
    gateway, node, node_id, operator = await set_up(start, directory=tmp_path / "state")
    await post_invoke(operator, node_id, "demo.any", **KEY)
    await node.event("node.invoke.request")
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path / "state", crashed, ignore=shutil.ignore_patterns("openclaw.sqlite*", "*.lock"))
    with (
        closing(sqlite3.connect(tmp_path / "state" / "openclaw.sqlite")) as living,
        closing(sqlite3.connect(crashed / "openclaw.sqlite")) as copy,
    ):
        living.backup(copy)
    del gateway
    operator = await (await start(directory=crashed)).operator()
    code, message, details, retryable = failure(await invoke(operator, node_id, "demo.any", **KEY))
    assert (code, retryable) == ("UNAVAILABLE", None)
    assert message.endswith("see on the node what was done, then use a new idempotency key")
    assert details["outcome"] == "unknown"
    assert details["code"] == details["nodeError"]["code"] == "OUTCOME_UNKNOWN"
    assert details["nodeCommandDispatched"] is True


async def test_unknown_outcome_is_recorded_and_not_run_again(start):
    gateway, node, node_id, operator = await set_up(start)
    first = failure(await invoke(operator, node_id, "demo.any", timeoutMs=300, **KEY))
    assert (first[2]["outcome"], first[3]) == ("unknown", None)
    await node.event("node.invoke.request")
    assert failure(await invoke(operator, node_id, "demo.any", **KEY)) == first
    await assert_not_asked(node)
    (row,) = await gateway.server.gateway.runtime.store.load(InvokeRecord)
    assert row.state == "failed"


async def test_harmless_command_with_an_unknown_outcome_is_a_new_try(start):
    _, node, node_id, operator = await set_up(start)
    code, _, details, retryable = failure(
        await invoke(operator, node_id, "demo.echo", timeoutMs=20, **TEXT, **KEY)
    )
    assert (code, details["outcome"], retryable) == ("UNAVAILABLE", "unknown", True)
    await node.event("node.invoke.request")
    request = await post_invoke(operator, node_id, "demo.echo", **TEXT, **KEY)
    await respond(node, node_id, payload={"text": "done"})
    assert (await finish(operator, request))["ok"] is True


@BOTH
async def test_what_was_not_dispatched_is_a_new_try(start, command):
    gateway, device = await start(), FakeDevice()
    node, node_id = await gateway.node(DECLARED, device=device)
    operator = await gateway.operator()
    await node.socket.close()
    await until(lambda: gateway.server.gateway.runtime.nodes.find(node_id) is None, "the node is gone")
    refused = failure(await invoke(operator, node_id, command, **TEXT, **KEY))
    assert (refused[2]["outcome"], refused[3]) == ("not-dispatched", True)
    node, _ = await gateway.node(DECLARED, device=device)
    request = await post_invoke(operator, node_id, command, **TEXT, **KEY)
    await respond(node, node_id, payload={"text": "done"})
    assert (await finish(operator, request))["ok"] is True


async def test_node_that_was_not_ready_is_a_new_try(start):
    gateway, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, "demo.any", timeoutMs=90, **KEY)
    await respond(node, node_id, ok=False, error={"code": "NODE_NOT_READY", "message": "warming up"})
    refused = failure(await finish(operator, request))
    assert (refused[2]["outcome"], refused[3]) == ("failed", True)
    assert await gateway.server.gateway.runtime.store.load(InvokeRecord) == []
    request = await post_invoke(operator, node_id, "demo.any", timeoutMs=9_000, **KEY)
    await respond(node, node_id)
    assert (await finish(operator, request))["ok"] is True


@pytest.mark.parametrize(
    ("command", "ttl_ms"),
    [("demo.any", invoke_records.RECORD_TTL_MS), ("demo.echo", invoke_records.MEMORY_TTL_MS)],
)
async def test_records_expire(start, command, ttl_ms):
    clock = FakeClock()
    gateway, node, node_id, operator = await set_up(start, now_ms=clock)

    async def ask():
        request = await post_invoke(operator, node_id, command, **TEXT, **KEY)
        await respond(node, node_id, payload={"text": "done"})
        assert (await finish(operator, request))["ok"] is True

    await ask()
    clock.advance(ttl_ms - 1)
    assert (await invoke(operator, node_id, command, **TEXT, **KEY))["ok"] is True
    clock.advance(1)
    gateway.server.gateway.runtime.invoke_records.purge()
    assert await gateway.server.gateway.runtime.store.load(InvokeRecord) == []
    await ask()


async def test_records_are_bounded(start, monkeypatch):
    monkeypatch.setattr(invoke_records, "MOST_RECORDS", 3)
    monkeypatch.setattr(invoke_records, "MOST_REMEMBERED", 2)
    gateway, node, node_id, operator = await set_up(start)
    for command in ("demo.any", "demo.echo"):
        for number in range(6):
            request = await post_invoke(
                operator, node_id, command, **TEXT, idempotencyKey=f"{command}{number}"
            )
            await respond(node, node_id, payload={"text": "done"})
            await finish(operator, request)
    runtime = gateway.server.gateway.runtime
    kept = [row.idempotency_key for row in await runtime.store.load(InvokeRecord)]
    assert kept == ["demo.any3", "demo.any4", "demo.any5"]
    assert len(runtime.invoke_records._by_key) == 5


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"payload": {"text": "x" * 70_000}}, "succeeded"),
        ({"ok": False, "error": {"code": "BIG", "message": "x" * 70_000}}, "failed"),
    ],
)
async def test_large_outcomes_are_not_kept_and_say_so(start, outcome, said):
    _, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, "demo.any", **KEY)
    await respond(node, node_id, **outcome)
    assert (await finish(operator, request))["ok"] is (said == "succeeded")
    code, message, details, _ = failure(await invoke(operator, node_id, "demo.any", **KEY))
    assert (code, details) == (
        "UNAVAILABLE",
        {"code": "RESULT_NOT_KEPT", "command": "demo.any", "outcome": said},
    )
    assert message.endswith("use a new key to run it again")
    await assert_not_asked(node)


async def test_repeat_needs_the_right_to_invoke(start):
    gateway, node, node_id, admin = await set_up(start, ["demo.root"])
    request = await post_invoke(admin, node_id, "demo.root", **KEY)
    await respond(node, node_id, payload={"secret": 1})
    assert (await finish(admin, request))["ok"] is True
    writer = await gateway.operator(["operator.read", "operator.write"])
    assert failure(await invoke(writer, node_id, "demo.root", **KEY))[1] == "missing scope: operator.admin"
    again = await invoke(await gateway.operator(), node_id, "demo.root", **KEY)
    assert again["payload"]["payload"] == {"secret": 1}


async def test_repeat_needs_every_plugins_leave(start):
    denied = []

    class Guard:
        @hookimpl
        def openclaw_family(self):
            return Family("guard", "Guard", ())

        @hookimpl
        def openclaw_authorize_invoke(self, invocation):
            return UnavailableError("closed today", {"code": "CLOSED"}) if denied else None

    _, node, node_id, operator = await set_up(start, extra=[Guard()])
    request = await post_invoke(operator, node_id, "demo.any", **KEY)
    await respond(node, node_id)
    await finish(operator, request)
    denied.append(True)
    refused = failure(await invoke(operator, node_id, "demo.any", **KEY))
    assert refused[2] == {"code": "CLOSED", "outcome": "not-dispatched"}


@pytest.mark.parametrize("key", ["k" * 100_000, "é", "\u0001", "' OR 1=1 --"])
async def test_any_text_is_a_key(start, key):
    _, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, "demo.any", idempotencyKey=key)
    sent = await respond(node, node_id, payload={"n": 1})
    assert sent["idempotencyKey"] == key
    first = await finish(operator, request)
    again = await invoke(operator, node_id, "demo.any", idempotencyKey=key)
    assert {**again, "id": ""} == {**first, "id": ""}
    await assert_not_asked(node)


# A store that fails


async def test_nothing_goes_out_unrecorded(start, monkeypatch):
    gateway, node, node_id, operator = await set_up(start)

    async def fail(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(gateway.server.gateway.runtime.store, "write", fail)
    code, message, details, retryable = failure(await invoke(operator, node_id, "demo.any", **KEY))
    assert (code, retryable) == ("UNAVAILABLE", True)
    assert message == "demo.any was not sent, as its record could not be stored: the disk is full"
    assert details == {"code": "STORE_FAILED", "outcome": "not-dispatched"}
    monkeypatch.undo()
    request = await post_invoke(operator, node_id, "demo.any", **KEY)
    await respond(node, node_id)
    assert (await finish(operator, request))["ok"] is True
    assert_settled(gateway)


async def test_outcome_that_cannot_be_stored_is_answered_and_then_unknown(start, monkeypatch):
    gateway, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, "demo.any", **KEY)
    event = (await node.event("node.invoke.request"))["payload"]

    async def fail(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(gateway.server.gateway.runtime.store, "write", fail)
    await node.call("node.invoke.result", {"id": event["id"], "nodeId": node_id, "ok": True})
    answered = await finish(operator, request)
    monkeypatch.undo()
    again = failure(await invoke(operator, node_id, "demo.any", **KEY))
    assert answered["ok"] is True
    assert again[2]["code"] == "OUTCOME_UNKNOWN"
    await assert_not_asked(node)
    assert_settled(gateway)


async def test_gateway_that_stops_answers_what_it_could_not_store_yet(start, monkeypatch):
    gateway, node, node_id, operator = await set_up(start)
    request = await post_invoke(operator, node_id, "demo.any", **KEY)
    event = (await node.event("node.invoke.request"))["payload"]
    released = asyncio.Event()
    runtime = gateway.server.gateway.runtime
    write = runtime.store.write

    async def hold(*changes):
        await released.wait()
        await write(*changes)

    monkeypatch.setattr(runtime.store, "write", hold)
    result = {"id": event["id"], "nodeId": node_id, "ok": True, "payload": {"n": 1}}
    await node.call("node.invoke.result", result)
    await operator.call("health", {})
    assert not any(frame["type"] == "res" for frame in operator.events)
    await gateway.server.gateway.stop()
    assert (await finish(operator, request))["payload"]["payload"] == {"n": 1}
    released.set()
    await until(lambda: not runtime.invokes._tasks, "the outcome is stored")
    assert [row.state for row in await runtime.store.load(InvokeRecord)] == ["ok"]

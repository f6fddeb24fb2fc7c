"""Running invokes: every outcome of a command as the gateway gets it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from openclaw_core.commands import CommandTable, Family, NodeContext, command
from openclaw_core.errors import CommandError, InvalidRequestError, UnavailableError
from openclaw_core.node_host.contexts import FamilyContexts, NodeFacts
from openclaw_core.node_host.executor import Executor
from openclaw_core.protocol.base import Omittable, Wire

pytestmark = pytest.mark.anyio
WAIT_S = 5.0


class Said(Wire):
    text: str
    loud: Omittable[bool] = None


class Plain(BaseModel):
    count: int = 3


class Empty(Wire):
    pass


class Desk:
    """A family whose commands tell the test what happens to them."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.contexts: list[NodeContext] = []

        @command("demo.say")
        async def say(args: Said, node: NodeContext) -> Said:
            """Say it."""
            self.contexts.append(node)
            return args

        @command("demo.plain")
        async def plain(_args: Empty, _node: NodeContext) -> Plain:
            """Answer with defaults."""
            return Plain()

        @command("demo.hang")
        async def hang(_args: Empty, _node: NodeContext) -> Empty:
            """Never answer."""
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
            return Empty()

        @command("demo.stubborn")
        async def stubborn(_args: Empty, _node: NodeContext) -> Empty:
            """Answer when cancelled."""
            self.started.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return Empty()

        @command("demo.fail")
        async def fail(args: Said, node: NodeContext) -> Said:
            """Fail as told."""
            await node.emit("demo.failing", {"text": args.text})
            if args.text == "bug":
                raise TimeoutError("secret inside")
            raise CommandError("DEMO_DENIED", args.text)

        self.table = CommandTable([Family("demo", "Demo", (say, plain, hang, stubborn, fail))])


class ResultSink:
    """Collects results and events; `refusals` are raised for the next results."""

    def __init__(self) -> None:
        self.results: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.refusals: list[Exception] = []

    async def send(self, params: dict[str, Any]) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.results.put_nowait(params)

    async def publish(self, event: str, payload: Mapping[str, Any]) -> bool:
        self.events.append((event, payload))
        return True

    async def surface_url(self, surface: str, *, fresh: bool) -> str | None:
        raise AssertionError((surface, fresh))

    async def result(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.results.get(), WAIT_S)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def wire() -> ResultSink:
    return ResultSink()


@pytest.fixture
def executor(desk: Desk, wire: ResultSink, tmp_path: Path) -> Executor:
    contexts = FamilyContexts(NodeFacts("n1", "Desk", tmp_path))
    contexts.attach(wire)
    return Executor(desk.table, contexts, wire.send, limit=2)


def invoke(name: str, params: Any = None, **more: Any) -> dict[str, Any]:
    text = None if params is None else orjson.dumps(params).decode()
    return {"id": "i1", "nodeId": "n1", "command": name, "paramsJSON": text, "timeoutMs": 30_000, **more}


async def test_a_result_is_its_json_and_unset_fields_stay_out(executor: Executor, wire: ResultSink) -> None:
    executor.start(invoke("demo.say", {"text": "hi"}))
    assert await wire.result() == {"id": "i1", "nodeId": "n1", "ok": True, "payloadJSON": '{"text":"hi"}'}


async def test_a_plain_model_keeps_its_defaults(executor: Executor, wire: ResultSink) -> None:
    executor.start(invoke("demo.plain"))
    assert (await wire.result())["payloadJSON"] == '{"count":3}'


@pytest.mark.parametrize("text", [None, "", "null", "{}"])
async def test_absent_params_are_an_empty_object(
    executor: Executor, wire: ResultSink, text: str | None
) -> None:
    executor.start(invoke("demo.plain", paramsJSON=text))
    assert (await wire.result())["ok"] is True


async def test_unknown_fields_and_absent_ones_are_fine(executor: Executor, wire: ResultSink) -> None:
    executor.start(
        {"id": "i1", "command": "demo.plain", "timeoutMs": None, "sessionKey": None, "new": {"x": 1}}
    )
    assert (await wire.result())["ok"] is True


async def test_the_context_of_an_invoke(
    executor: Executor, wire: ResultSink, desk: Desk, tmp_path: Path
) -> None:
    executor.start(invoke("demo.say", {"text": "hi"}, idempotencyKey="k", timeoutMs=0))
    await wire.result()
    node = desk.contexts[0]
    assert (node.node_id, node.display_name, node.state_dir) == ("n1", "Desk", tmp_path)
    assert (node.idempotency_key, node.timeout_ms) == ("k", None)


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (invoke("demo.none"), "UNAVAILABLE", "command not supported"),
        (
            invoke("demo.say", {}),
            "INVALID_REQUEST",
            "invalid demo.say params: must have required property 'text'",
        ),
        (
            invoke("demo.say", {"text": 1}),
            "INVALID_REQUEST",
            "invalid demo.say params: at /text: must be string (got 1)",
        ),
        (invoke("demo.fail", {"text": "not now"}), "DEMO_DENIED", "not now"),
        (invoke("demo.fail", {"text": "DEMO_DENIED: twice"}), "DEMO_DENIED", "twice"),
        (
            invoke("demo.fail", {"text": "bug"}),
            "UNAVAILABLE",
            "demo.fail failed unexpectedly (TimeoutError); the node's log has the details",
        ),
        ({"id": "i1", "command": 7}, "INVALID_REQUEST", "invalid invoke: at /command: must be string"),
    ],
)
async def test_failures(
    executor: Executor, wire: ResultSink, request_: dict[str, Any], code: str, message: str
) -> None:
    executor.start(request_)
    result = await wire.result()
    assert result == {"id": "i1", "nodeId": "n1", "ok": False, "error": {"code": code, "message": message}}


async def test_params_that_are_no_json(executor: Executor, wire: ResultSink) -> None:
    executor.start(invoke("demo.say", paramsJSON="{"))
    error = (await wire.result())["error"]
    assert error["code"] == "INVALID_REQUEST"
    assert error["message"] == "invalid demo.say params: paramsJSON is not JSON"


async def test_an_unforeseen_fault_is_logged_whole(
    executor: Executor, wire: ResultSink, caplog: pytest.LogCaptureFixture
) -> None:
    executor.start(invoke("demo.fail", {"text": "bug"}))
    await wire.result()
    assert "secret inside" in caplog.text
    assert wire.events == [("demo.failing", {"text": "bug"})]


async def test_a_deadline_cancels_and_answers_once(executor: Executor, wire: ResultSink, desk: Desk) -> None:
    executor.start(invoke("demo.hang", timeoutMs=10))
    error = (await wire.result())["error"]
    assert error == {"code": "TIMEOUT", "message": "node invoke timed out"}
    assert desk.cancelled.is_set()
    assert wire.results.empty()


async def test_a_cancelled_invoke_stops_and_sends_nothing(
    executor: Executor, wire: ResultSink, desk: Desk
) -> None:
    executor.start(invoke("demo.hang"))
    await asyncio.wait_for(desk.started.wait(), WAIT_S)
    for nonsense in (None, {}, {"invokeId": 7}, {"invokeId": "unknown"}):
        executor.cancel(nonsense)
    assert not desk.cancelled.is_set()
    executor.cancel({"invokeId": "i1", "nodeId": "n1"})
    await asyncio.wait_for(desk.cancelled.wait(), WAIT_S)
    executor.start(invoke("demo.plain", id="i2"))
    assert (await wire.result())["id"] == "i2"
    assert wire.results.empty()


async def test_a_handler_that_answers_its_cancellation_is_not_heard(
    executor: Executor, wire: ResultSink, desk: Desk
) -> None:
    executor.start(invoke("demo.stubborn"))
    await asyncio.wait_for(desk.started.wait(), WAIT_S)
    await executor.close()
    assert wire.results.empty()


async def test_what_comes_while_the_node_stops_is_not_begun(
    executor: Executor, wire: ResultSink, desk: Desk
) -> None:
    executor.start(invoke("demo.hang"))
    await asyncio.wait_for(desk.started.wait(), WAIT_S)
    closing = asyncio.ensure_future(executor.close())
    await asyncio.wait_for(desk.cancelled.wait(), WAIT_S)
    executor.start(invoke("demo.plain", id="late"))
    refused = await wire.result()
    assert (refused["id"], refused["error"]["code"]) == ("late", "UNAVAILABLE")
    assert "node stopping: the command was not begun" in refused["error"]["message"]
    await closing


async def test_invokes_run_side_by_side_up_to_the_limit(executor: Executor, wire: ResultSink) -> None:
    executor.start(invoke("demo.hang", id="a"))
    executor.start(invoke("demo.plain", id="b"))
    assert (await wire.result())["id"] == "b"
    executor.start(invoke("demo.hang", id="c"))
    executor.start(invoke("demo.plain", id="d"))
    refused = await wire.result()
    assert (refused["id"], refused["error"]["code"]) == ("d", "UNAVAILABLE")
    assert "node busy: 2 commands are running" in refused["error"]["message"]
    executor.cancel({"invokeId": "a"})
    await executor.close()


async def test_the_same_delivery_twice_runs_once(executor: Executor, wire: ResultSink) -> None:
    executor.start(invoke("demo.plain"))
    executor.start(invoke("demo.plain"))
    await wire.result()
    await executor.close()
    assert wire.results.empty()


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"id": ""}, {"id": 7, "command": "demo.plain"}])
async def test_an_invoke_without_an_id_is_ignored(
    executor: Executor, wire: ResultSink, payload: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        executor.start(payload)
    assert "ignored" in caplog.text
    assert wire.results.empty()


async def test_a_result_too_large_is_said_so(executor: Executor, wire: ResultSink) -> None:
    wire.refusals.append(InvalidRequestError("weighs 30 bytes, limit 20", {"code": "PAYLOAD_TOO_LARGE"}))
    executor.start(invoke("demo.plain"))
    assert (await wire.result())["error"]["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_result_nobody_takes_is_given_up(
    executor: Executor, wire: ResultSink, caplog: pytest.LogCaptureFixture
) -> None:
    wire.refusals.append(UnavailableError("gone", {"code": "CONNECTION_LOST"}))
    executor.start(invoke("demo.plain", id="first"))
    executor.start(invoke("demo.plain", id="second"))
    assert (await wire.result())["id"] == "second"
    assert "result of invoke first was not taken" in caplog.text


async def test_close_cancels_what_runs(executor: Executor, desk: Desk, wire: ResultSink) -> None:
    executor.start(invoke("demo.hang"))
    await asyncio.wait_for(desk.started.wait(), WAIT_S)
    await executor.close()
    assert desk.cancelled.is_set()
    assert wire.results.empty()

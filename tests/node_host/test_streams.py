"""Progress and input as a command on the node meets them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from openclaw_core.commands import CommandTable, Family, NodeContext, command
from openclaw_core.errors import InvalidRequestError
from openclaw_core.node_host.contexts import FamilyContexts, NodeFacts
from openclaw_core.node_host.executor import Executor
from openclaw_core.node_host.streams import MOST_INPUTS
from openclaw_core.protocol.base import Wire

pytestmark = pytest.mark.anyio
WAIT_S = 5.0


class Numbers(Wire):
    values: list[Any]


class Empty(Wire):
    pass


class Gateway:
    """The gateway's side: takes progress by `answer`, collects results."""

    def __init__(self) -> None:
        self.chunks: list[dict[str, Any]] = []
        self.results: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answer: Callable[[dict[str, Any]], Any] = lambda _: {"ok": True, "ignored": False}

    async def progress(self, params: dict[str, Any]) -> Any:
        self.chunks.append(params)
        return self.answer(params)

    async def result(self, params: dict[str, Any]) -> None:
        self.results.put_nowait(params)

    async def outcome(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.results.get(), WAIT_S)


@command("demo.talk")
async def talk(args: Numbers, node: NodeContext) -> Numbers:
    """Say every value and report who listened."""
    return Numbers(values=[await node.progress(text) for text in args.values])


@command("demo.listen")
async def listen(args: Numbers, node: NodeContext) -> Numbers:
    """Hear as many inputs as asked."""
    heard: list[Any] = []
    async for value in node.inputs():
        heard.append(value)
        if len(heard) == args.values[0]:
            break
    return Numbers(values=heard)


@command("demo.deaf")
async def deaf(_args: Empty, _node: NodeContext) -> Empty:
    """Never read an input."""
    await asyncio.Event().wait()
    return Empty()


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def executor(gateway: Gateway, tmp_path: Path) -> Executor:
    table = CommandTable([Family("demo", "Demo", (talk, listen, deaf))])
    contexts = FamilyContexts(NodeFacts("n1", "Desk", tmp_path))
    return Executor(table, contexts, gateway.result, send_progress=gateway.progress)


def invoke(name: str, *values: Any) -> dict[str, Any]:
    params = orjson.dumps({"values": values} if name != "demo.deaf" else {}).decode()
    return {"id": "i1", "nodeId": "n1", "command": name, "paramsJSON": params}


def give(executor: Executor, seq: int, value: Any, **changes: Any) -> None:
    payload = {"id": "i1", "nodeId": "n1", "seq": seq, "payloadJSON": orjson.dumps(value).decode()}
    executor.input({**payload, **changes})


async def values_of(gateway: Gateway) -> list[Any]:
    outcome = await gateway.outcome()
    assert outcome["ok"], outcome
    found: list[Any] = orjson.loads(outcome["payloadJSON"])["values"]
    return found


async def test_chunks_are_numbered_and_long_ones_cut(executor: Executor, gateway: Gateway) -> None:
    executor.start(invoke("demo.talk", "a", "b" * 20_000, ""))
    assert await values_of(gateway) == [True, True, True]
    assert [(chunk["seq"], len(chunk["chunk"])) for chunk in gateway.chunks] == [
        (0, 1),
        (1, 16_384),
        (2, 3_616),
    ]
    assert gateway.chunks[0] == {"invokeId": "i1", "nodeId": "n1", "seq": 0, "chunk": "a"}


async def test_nothing_more_is_sent_when_nobody_listens(executor: Executor, gateway: Gateway) -> None:
    gateway.answer = lambda _: {"ok": True, "ignored": True}
    executor.start(invoke("demo.talk", "a", "b", "c"))
    assert await values_of(gateway) == [False, False, False]
    assert len(gateway.chunks) == 1


async def test_gateway_without_progress_does_not_fail_the_command(
    executor: Executor, gateway: Gateway
) -> None:
    def refuse(_: Any) -> Any:
        raise InvalidRequestError("unknown method: node.invoke.progress")

    gateway.answer = refuse
    executor.start(invoke("demo.talk", "a", "b"))
    assert await values_of(gateway) == [False, False]
    assert len(gateway.chunks) == 1


async def test_dropped_chunk_does_not_end_the_stream(executor: Executor, gateway: Gateway) -> None:
    gateway.answer = lambda params: {"ok": True, "ignored": params["seq"] == 0, "dropped": True}
    executor.start(invoke("demo.talk", "a", "b"))
    assert await values_of(gateway) == [True, True]


async def test_inputs_come_in_order_and_once(executor: Executor, gateway: Gateway) -> None:
    executor.start(invoke("demo.listen", 3))
    give(executor, 0, {"key": "a"})
    give(executor, 0, "repeated")
    give(executor, 1, None, unknownField=True)
    give(executor, 9, "of another invoke", id="i2")
    executor.input(None)
    give(executor, 2, [2])
    assert await values_of(gateway) == [{"key": "a"}, None, [2]]
    give(executor, 3, "late")


async def test_input_that_is_no_json_is_ignored(
    executor: Executor, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    executor.start(invoke("demo.listen", 1))
    give(executor, 0, 0, payloadJSON="{")
    give(executor, -1, 0)
    give(executor, 1, "good")
    assert await values_of(gateway) == ["good"]
    assert caplog.text.count("an input for invoke i1 is ignored") == 2


async def test_a_command_that_reads_nothing_ends(executor: Executor, gateway: Gateway) -> None:
    executor.start(invoke("demo.deaf"))
    for seq in range(MOST_INPUTS + 2):
        give(executor, seq, seq)
    outcome = await gateway.outcome()
    assert outcome["error"]["code"] == "INPUT_OVERFLOW"
    assert "left 128 inputs unread" in outcome["error"]["message"]


async def test_cancel_wins_over_overflow(
    executor: Executor, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        executor.start(invoke("demo.deaf"))
        for seq in range(MOST_INPUTS + 1):
            give(executor, seq, seq)
        executor.cancel({"invokeId": "i1"})
        await executor.close()
    assert gateway.results.empty()
    assert caplog.text == ""

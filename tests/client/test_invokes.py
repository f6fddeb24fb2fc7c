"""`client.invokes` against a gateway of the test, with a node on a raw socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from openclaw_core import Command, Family
from openclaw_core.client import Connection, ConnectOptions, connect
from openclaw_core.client.invokes import invoke_node, send_input
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.errors import RpcError
from openclaw_core.services import streams
from openclaw_core.testing import TOKEN, TestGateway, Wire, plugins_of

pytestmark = pytest.mark.anyio
WAIT_S = 10.0


class Anything(BaseModel, extra="allow"):
    pass


DEMO = Family(
    "demo",
    "Demo",
    caps=("demo",),
    commands=(Command("demo.any", Anything, Anything, platforms=ALL_PLATFORMS),),
)


class Scene:
    """An operator, a node, and one invoke between them."""

    def __init__(self, connection: Connection, node: Wire, node_id: str) -> None:
        self.connection, self.node, self.node_id = connection, node, node_id
        self.heard: list[str] = []

    def begin(self, key: str = "k", **options: Any) -> asyncio.Task[Any]:
        request = {"nodeId": self.node_id, "command": "demo.any", "idempotencyKey": key}
        return asyncio.create_task(invoke_node(self.connection, request, timeout_ms=20_000, **options))

    async def asked(self) -> dict[str, Any]:
        payload: dict[str, Any] = (await self.node.event("node.invoke.request"))["payload"]
        return payload

    async def say(self, invoke_id: str, seq: int, chunk: str) -> dict[str, Any]:
        params = {"invokeId": invoke_id, "nodeId": self.node_id, "seq": seq, "chunk": chunk}
        answer: dict[str, Any] = await self.node.call("node.invoke.progress", params)
        return answer

    async def answer(self, invoke_id: str) -> None:
        await self.node.call("node.invoke.result", {"id": invoke_id, "nodeId": self.node_id, "ok": True})


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with TestGateway(tmp_path, plugins_of(DEMO)) as gateway:
        node, node_id = await gateway.node(["demo.any"])
        scopes = ("operator.read", "operator.write")
        connection = await connect(ConnectOptions(url=gateway.url, token=TOKEN, scopes=scopes))
        try:
            yield Scene(connection, node, node_id)
        finally:
            await connection.close()


async def test_each_invoke_hears_its_own_output(scene: Scene) -> None:
    other: list[str] = []
    first = scene.begin("one", on_progress=scene.heard.append)
    one = (await scene.asked())["id"]
    second = scene.begin("two", on_progress=other.append)
    two = (await scene.asked())["id"]
    silent = scene.begin("three")
    three = (await scene.asked())["id"]
    await scene.say(one, 0, "a")
    await scene.say(two, 0, "b")
    assert (await scene.say(three, 0, "c"))["ignored"] is True
    for invoke_id in (one, two, three):
        await scene.answer(invoke_id)
    answers = await asyncio.wait_for(asyncio.gather(first, second, silent), WAIT_S)
    assert all(answer["ok"] for answer in answers)
    assert (scene.heard, other) == (["a"], ["b"])


async def test_cancelling_the_call_cancels_the_work(scene: Scene) -> None:
    running = scene.begin()
    request = await scene.asked()
    running.cancel()
    cancel = (await scene.node.event("node.invoke.cancel"))["payload"]
    assert cancel == {"invokeId": request["id"], "nodeId": scene.node_id}
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, WAIT_S)


async def test_input_waits_for_the_nodes_room(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    running = scene.begin()
    request = await scene.asked()
    await send_input(scene.connection, scene.node_id, "k", 0, {"key": "é"})
    assert (await scene.node.event("node.invoke.input"))["payload"]["payloadJSON"] == '{"key":"é"}'
    monkeypatch.setattr(streams, "STREAM_BUFFER_BYTES", -1)
    monkeypatch.setattr(streams, "RETRY_INPUT_MS", 1)
    sending = asyncio.create_task(send_input(scene.connection, scene.node_id, "k", 1, None))
    await scene.connection.request("health")
    monkeypatch.setattr(streams, "STREAM_BUFFER_BYTES", 1_048_576)
    await asyncio.wait_for(sending, WAIT_S)
    assert (await scene.node.event("node.invoke.input"))["payload"]["seq"] == 1
    await scene.answer(request["id"])
    await asyncio.wait_for(running, WAIT_S)
    with pytest.raises(RpcError, match="no invoke is in flight"):
        await send_input(scene.connection, scene.node_id, "k", 2, None)

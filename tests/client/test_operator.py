"""The typed client: its models read what a gateway answers, its waits end with the connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pydantic import BaseModel

from openclaw_core.client import GatewayClient, open_gateway
from openclaw_core.client.handshake import HandshakeRefusedError
from openclaw_core.commands import ALL_PLATFORMS, Command, Family
from openclaw_core.errors import ConfigError, ForbiddenError, UnavailableError
from openclaw_core.testing import PATIENCE_SECONDS, TOKEN, TestGateway, plugins_of

pytestmark = pytest.mark.anyio


class Anything(BaseModel, extra="allow"):
    pass


DEMO = Family(
    "demo",
    "Demo",
    caps=("demo",),
    commands=(
        Command("demo.do", Anything, Anything, platforms=ALL_PLATFORMS, idempotent=True, queueable=True),
    ),
)


PROXIED = {"trustedProxies": ["127.0.0.1"]}


@pytest.fixture
async def gateway(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    overrides = getattr(request, "param", None)
    async with TestGateway(tmp_path / "gateway", plugins_of(DEMO), overrides) as running:
        monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path / "client"))
        monkeypatch.setenv("OPENCLAW_GATEWAY_PORT", str(running.server.port))
        monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        yield running


async def answer_next(node, node_id: str, **outcome) -> None:
    request = (await node.event("node.invoke.request"))["payload"]
    await node.call("node.invoke.result", {"id": request["id"], "nodeId": node_id, "ok": True, **outcome})


async def test_nodes_invokes_and_tools(gateway):
    wire, node_id = await gateway.node(["demo.do"])
    async with open_gateway() as client:
        assert client.scopes == {"operator.read", "operator.write"}
        (node,) = await client.nodes()
        assert (node.node_id, node.display_name, node.connected) == (node_id, "Test Node", True)
        assert node.commands == ("demo.do",)
        assert (await client.describe(node_id))["nodeId"] == node_id
        answering = asyncio.create_task(answer_next(wire, node_id, payload={"n": 1}))
        assert await client.invoke(node_id, "demo.do", {"x": 1}) == {"n": 1}
        await answering
        (tool,) = await client.tools()
        assert (tool.command, tool.node_name, tool.needs_approval) == ("demo.do", "Test Node", False)
        answering = asyncio.create_task(answer_next(wire, node_id, payload={"n": 2}))
        assert (await client.call_tool(tool, {}))["output"] == {"n": 2}
        await answering


async def test_the_queue_and_its_events(gateway):
    wire, node_id = await gateway.node(["demo.do"])
    async with open_gateway() as client, client.events("node.pending.changed") as events:
        work = await client.queue(node_id, "demo.do", {"x": 1}, expires_in_ms=60_000)
        assert (work.node_id, work.state) == (node_id, "queued")
        (item,) = (await wire.call("node.pending.pull"))["actions"]
        results = [{"id": item["id"], "ok": True, "payloadJSON": '{"n":3}'}]
        await wire.call("node.pending.ack", {"ids": [item["id"]], "results": results})
        async with asyncio.timeout(PATIENCE_SECONDS):
            states = [event.payload["state"] async for event in until_done(events)]
        assert states[-1] == "done"
        assert (await client.queued(work.id)).payload == {"n": 3}


async def until_done(events):
    async for event in events:
        yield event
        if event.payload["state"] == "done":
            return


async def test_events_end_with_the_connection(gateway):
    async with open_gateway() as client, client.events() as events:
        await gateway.server.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            names = [event.name async for event in events]
        assert names[-1] == "shutdown"
        with pytest.raises(UnavailableError):
            await client.nodes()


async def test_rights_are_those_that_were_asked_for(gateway):
    async with open_gateway(url=gateway.url, token=TOKEN, scopes=("operator.read",)) as client:
        assert isinstance(client, GatewayClient)
        with pytest.raises(ForbiddenError, match=r"missing scope: operator\.write"):
            await client.invoke("absent", "demo.do")


@asynccontextmanager
async def proxied(port: int):
    """A proxy of this machine, as ngrok or nginx is one; where it listens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        head = await reader.readuntil(b"\r\n\r\n")
        up_writer.write(head[:-2] + b"X-Forwarded-For: 203.0.113.7\r\n\r\n")
        await asyncio.gather(pass_on(reader, up_writer), pass_on(up_reader, writer))

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                sink.write(data)
        sink.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("gateway", [PROXIED], indirect=True)
async def test_behind_a_proxy_of_this_machine_the_device_is_paired(gateway):
    admin = await gateway.operator()
    async with proxied(gateway.server.port) as url:
        with pytest.raises(HandshakeRefusedError) as refused:
            async with open_gateway(url=url, token=TOKEN):
                pass
        assert refused.value.detail_code == "PAIRING_REQUIRED"
        (asked,) = (await admin.call("device.pair.list"))["pending"]
        await admin.call("device.pair.approve", {"requestId": asked["requestId"]})
        async with open_gateway(url=url, token=TOKEN) as client:
            assert client.scopes == {"operator.read", "operator.write"}
            assert await client.nodes() == []


async def test_a_foreign_gateway_needs_its_own_credential(gateway, monkeypatch):
    monkeypatch.delenv("OPENCLAW_GATEWAY_TOKEN")
    with pytest.raises(ConfigError, match="no credential for"):
        async with open_gateway(url="ws://192.0.2.1:1"):
            pass

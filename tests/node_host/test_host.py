"""The node host's life against a peer that speaks the documented frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.client import ReconnectPolicy
from openclaw_core.commands import Family, NodeContext, command
from openclaw_core.node_host import NodeHost, NodeHostOptions, offered_surface
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.protocol.base import Wire
from openclaw_core.protocol.connect import ConnectParams
from openclaw_core.protocol.nodes import NodeEventParams, NodeInvokeResultParams
from tests.client.stub import WAIT_S, Peer, RefusalError, StubGateway, hello

pytestmark = pytest.mark.anyio
HANDLED = {"ok": True, "event": "node.presence.alive", "handled": True, "reason": "persisted"}
PAIRING_CHANGED = {
    "code": "UNAVAILABLE",
    "message": "changed",
    "retryable": True,
    "details": {"code": "PAIRING_CHANGED"},
}


class Empty(Wire):
    pass


class Life:
    """A running node host, what it said and the peer it meets."""

    def __init__(self, gateway: StubGateway, host: NodeHost, lines: asyncio.Queue[str]) -> None:
        self.gateway = gateway
        self.host = host
        self.hung = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.task = asyncio.ensure_future(host.run())
        self._lines = lines

    async def says(self, text: str) -> str:
        """The next line, which contains `text`."""
        line = await asyncio.wait_for(self._lines.get(), WAIT_S)
        assert text in line, line
        return line

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.task, WAIT_S)

    def silent(self) -> bool:
        return self._lines.empty()


@asynccontextmanager
async def living(
    directory: Path, decide: Callable[[dict[str, Any]], dict[str, Any]] = lambda _params: hello(), **more: Any
) -> AsyncIterator[Life]:
    lines: asyncio.Queue[str] = asyncio.Queue()
    life: list[Life] = []

    @command("demo.hang")
    async def hang(_args: Empty, _node: NodeContext) -> Empty:
        """Never answer."""
        life[0].hung.set()
        try:
            await asyncio.Event().wait()
        finally:
            life[0].cancelled.set()
        return Empty()

    surface = offered_surface([Family("demo", "Demo", (hang,), caps=("demo",))])
    policy = ReconnectPolicy(lambda: 0.0, wait_for_pairing=True, pairing_min_ms=0)
    async with StubGateway(decide) as gateway:
        options = NodeHostOptions(
            url=gateway.url, directory=directory, display_name="Desk", token="t", **more
        )
        host = NodeHost(options, surface, Narrator(lines.put_nowait), policy)
        life.append(Life(gateway, host, lines))
        yield life[0]
        host.stop()
        await life[0].exit_code()


async def approve(peer: Peer) -> None:
    request = await peer.receive("node.event")
    NodeEventParams.model_validate(request["params"])
    await peer.reply(request, HANDLED)


async def test_it_connects_declares_and_reports(tmp_path: Path) -> None:
    async with living(tmp_path, instance_id="i-1") as life:
        await life.says("connecting to ws://127.0.0.1")
        peer = await life.gateway.peer()
        params = life.gateway.connects[0]
        ConnectParams.model_validate(params)
        assert (params["role"], params["client"]["id"], params["client"]["mode"]) == (
            "node",
            "node-host",
            "node",
        )
        assert (params["client"]["displayName"], params["client"]["instanceId"]) == ("Desk", "i-1")
        assert (params["commands"], params["caps"], params["auth"]) == (
            ["demo.hang"],
            ["demo"],
            {"token": "t"},
        )
        alive = await peer.receive("node.event")
        assert alive["params"]["event"] == "node.presence.alive"
        await peer.reply(alive, HANDLED)
        await life.says("ready: connected, 1 command offered: demo.hang")
        stats = await peer.receive("node.event")
        assert stats["params"]["event"] == "node.host.stats"


async def test_stopping_cancels_what_runs_and_closes_normally(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        peer = await life.gateway.peer()
        request = {"id": "i1", "nodeId": "n", "command": "demo.hang", "paramsJSON": None}
        await peer.event("node.invoke.request", request)
        await asyncio.wait_for(life.hung.wait(), WAIT_S)
        closed = asyncio.ensure_future(peer.drain())
        life.host.stop()
        assert await life.exit_code() == 0
        assert life.cancelled.is_set()
        assert await closed == (1000, "")


async def test_an_invoke_is_answered_over_the_wire(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        peer = await life.gateway.peer()
        await peer.event("unknown.event", {"x": 1})
        await peer.event(
            "node.invoke.request", {"id": "i1", "nodeId": "n", "command": "demo.none", "extra": 1}
        )
        result = await peer.receive("node.invoke.result")
        NodeInvokeResultParams.model_validate(result["params"])
        assert result["params"]["error"] == {"code": "UNAVAILABLE", "message": "command not supported"}
        assert result["params"]["nodeId"] == life.gateway.connects[0]["device"]["id"]


async def test_it_waits_for_device_approval_and_comes_in_by_itself(tmp_path: Path) -> None:
    answers = iter(["r1", "r1", "r2"])

    def decide(_params: dict[str, Any]) -> dict[str, Any]:
        request_id = next(answers, None)
        if request_id is None:
            return hello()
        details = {"code": "PAIRING_REQUIRED", "reason": "not-paired", "requestId": request_id}
        raise RefusalError("NOT_PAIRED", "pairing required", details)

    async with living(tmp_path, decide) as life:
        await life.says("connecting")
        await life.says("openclaw devices approve r1")
        await life.says("openclaw devices approve r2")
        await approve(await life.gateway.peer())
        await life.says("ready")
        assert len(life.gateway.connects) == 4


async def test_it_waits_for_surface_approval_as_the_original_tells_it(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        peer = await life.gateway.peer()
        await life.says("connecting")
        await peer.refuse(await peer.receive("node.event"), PAIRING_CHANGED)
        hint = {"code": "UNAVAILABLE", "message": "awaiting; run `openclaw nodes approve 40cd-1` please"}
        await peer.refuse(await peer.receive("node.runnerInventory.update"), hint)
        await life.says("run: openclaw nodes approve 40cd-1")
        await peer.event(
            "node.pair.resolved", {"requestId": "40cd-1", "nodeId": "n", "decision": "approved", "ts": 1}
        )
        await life.says("approved")
        await life.says("ready")
        stats = await peer.receive("node.event")
        assert stats["params"]["event"] == "node.host.stats"
        await peer.reply(stats, HANDLED)
        again = await peer.receive("node.event")
        assert again["params"]["event"] == "node.presence.alive"


@pytest.mark.parametrize(
    ("named", "told"), [("s1", "openclaw nodes approve s1"), (None, "openclaw nodes pending")]
)
async def test_it_waits_for_surface_approval_as_we_tell_it(
    tmp_path: Path, named: str | None, told: str
) -> None:
    waiting = {"ok": True, "event": "node.presence.alive", "handled": False, "reason": "awaiting-approval"}
    async with living(tmp_path) as life:
        peer = await life.gateway.peer()
        await life.says("connecting")
        answer = waiting if named is None else {**waiting, "requestId": named}
        await peer.reply(await peer.receive("node.event"), answer)
        if named is None:
            await peer.refuse(
                await peer.receive("node.runnerInventory.update"),
                {"code": "INVALID_REQUEST", "message": "unknown"},
            )
        await life.says(told)
        await peer.reply(await peer.receive("node.event"), waiting)
        await peer.event(
            "node.pair.resolved", {"requestId": "s1", "nodeId": "n", "decision": "rejected", "ts": 1}
        )
        await life.says("rejected its commands")


@pytest.mark.parametrize(
    "answer", [{"ok": True}, {"ok": True, "handled": False, "reason": "unsupported_event"}]
)
async def test_a_gateway_without_these_events_counts_as_ready(tmp_path: Path, answer: dict[str, Any]) -> None:
    async with living(tmp_path) as life:
        peer = await life.gateway.peer()
        await life.says("connecting")
        await peer.reply(await peer.receive("node.event"), answer)
        await life.says("ready")


async def test_a_rotated_token_is_followed_by_the_new_one(tmp_path: Path) -> None:
    issued = iter(["first", "second"])
    async with living(tmp_path, lambda _params: hello(device_token=next(issued))) as life:
        await life.says("connecting")
        peer = await life.gateway.peer()
        await approve(peer)
        await life.says("ready")
        await peer.socket.close(4001, "device removed")
        await life.says("disconnected (4001 device removed); trying again in 0.0 s")
        await approve(await life.gateway.peer())
        await life.says("ready")
    assert "second" in (tmp_path / "device-tokens.json").read_text()


async def test_a_lost_connection_cancels_what_runs(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        peer = await life.gateway.peer()
        await peer.event("node.invoke.request", {"id": "i1", "nodeId": "n", "command": "demo.hang"})
        await asyncio.wait_for(life.hung.wait(), WAIT_S)
        peer.socket.transport.abort()
        await asyncio.wait_for(life.cancelled.wait(), WAIT_S)
        await life.gateway.peer()


def _expect(version: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def decide(params: dict[str, Any]) -> dict[str, Any]:
        if params["maxProtocol"] == version:
            return {**hello(), "protocol": version}
        details = {"code": "PROTOCOL_MISMATCH", "expectedProtocol": version}
        raise RefusalError("INVALID_REQUEST", "protocol mismatch", details, 1002)

    return decide


async def test_an_older_gateway_is_offered_protocol_3(tmp_path: Path) -> None:
    async with living(tmp_path, _expect(3)) as life:
        await approve(await life.gateway.peer())
        offered = [(sent["minProtocol"], sent["maxProtocol"]) for sent in life.gateway.connects]
        assert offered == [(4, 4), (3, 3)]


async def test_a_gateway_of_another_age_ends_it(tmp_path: Path) -> None:
    async with living(tmp_path, _expect(7)) as life:
        assert await life.exit_code() == 1
        assert len(life.gateway.connects) == 1
        await life.says("connecting")
        await life.says("update the gateway or this node")


async def test_a_wrong_token_ends_it_with_the_cure(tmp_path: Path) -> None:
    def decide(_params: dict[str, Any]) -> dict[str, Any]:
        raise RefusalError("INVALID_REQUEST", "gateway token mismatch", {"code": "AUTH_TOKEN_MISMATCH"})

    async with living(tmp_path, decide) as life:
        assert await life.exit_code() == 1
        await life.says("connecting")
        await life.says("gateway token mismatch; give the gateway's token with --token")


async def test_an_unreachable_gateway_is_said_once_and_tried_on(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        await life.says("connecting")
        peer = await life.gateway.peer()
        await approve(peer)
        await life.says("ready")
        server = life.gateway._server
        assert server is not None
        server.close()
        await life.says("disconnected (1001")
        await life.says("no gateway answers at ws://127.0.0.1")
        life.host.stop()
        assert await life.exit_code() == 0
        await life.says("stopped")
        assert life.silent()

"""A node host that offers something else while it is connected."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.client import ReconnectPolicy
from openclaw_core.commands import ALL_PLATFORMS, Family, NodeContext, Probe, command
from openclaw_core.node_host import NodeHost, NodeHostOptions, offered_surface
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.node_host.process import run_until_signalled
from openclaw_core.protocol.base import Wire as WireModel
from openclaw_core.protocol.surfaces import NodeSurfaceRefreshParams
from openclaw_core.testing import TOKEN, TestGateway, Wire, plugins_of
from tests.client.stub import WAIT_S, StubGateway

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.pluginSurface.refresh")]


class Empty(WireModel):
    pass


@command("lamp.on", platforms=ALL_PLATFORMS)
async def on(_args: Empty, _node: NodeContext) -> Empty:
    """Light."""
    return Empty()


@command("lamp.off", platforms=ALL_PLATFORMS)
async def off(_args: Empty, _node: NodeContext) -> Empty:
    """Dark."""
    return Empty()


class Bulb:
    """A family whose second half comes and goes, as a device that is plugged in."""

    def __init__(self) -> None:
        self.reason: str | None = None

    @property
    def families(self) -> tuple[Family, ...]:
        extra = Family(
            "dark", "Dark", (off,), caps=("dark",), probe=lambda _config: Probe(unavailable=self.reason)
        )
        return Family("lamp", "Lamp", (on,), caps=("lamp",)), extra

    def probe(self) -> Any:
        return offered_surface(self.families)


class Host:
    """A running node host and what it says."""

    def __init__(self, url: str, directory: Path, bulb: Bulb) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        options = NodeHostOptions(url=url, directory=directory, display_name="Desk", token=TOKEN)
        policy = ReconnectPolicy(lambda: 0.0, wait_for_pairing=True, pairing_min_ms=0)
        self.node = NodeHost(options, bulb.probe(), Narrator(self.lines.put_nowait), policy)

    async def says(self, text: str) -> str:
        """The next line with this text; others before it are skipped."""
        async with asyncio.timeout(WAIT_S):
            while text not in (line := await self.lines.get()):
                pass
        return line


@asynccontextmanager
async def running(host: Host, bulb: Bulb, interval_s: float = 3600) -> AsyncIterator[None]:
    task = asyncio.create_task(run_until_signalled(host.node, bulb.probe, interval_s=interval_s))
    try:
        yield
    finally:
        host.node.stop()
        assert await asyncio.wait_for(task, WAIT_S) == 0


async def commands_of(operator: Wire) -> list[str]:
    (entry,) = (await operator.call("node.list"))["nodes"]
    found: list[str] = entry["commands"]
    return found


async def approve(operator: Wire) -> None:
    (row,) = (await operator.call("node.pair.list"))["pending"]
    await operator.call("node.pair.approve", {"requestId": row["requestId"]})


async def test_sighup_tells_the_gateway_what_is_left_and_what_is_new(tmp_path: Path) -> None:
    bulb = Bulb()
    async with TestGateway(tmp_path / "gateway", plugins_of(*bulb.families)) as gateway:
        operator = await gateway.operator()
        bulb.reason = "no switch"
        host = Host(gateway.url, tmp_path / "node", bulb)
        async with running(host, bulb):
            await host.says("waiting for approval")
            await approve(operator)
            await host.says("ready")
            (before,) = (await operator.call("node.list"))["nodes"]
            bulb.reason = None
            os.kill(os.getpid(), signal.SIGHUP)
            await host.says("declared anew: lamp.off, lamp.on")
            await host.says("waiting for approval of its commands")
            assert await commands_of(operator) == ["lamp.on"]
            await approve(operator)
            await host.says("ready: connected, 2 commands offered")
            assert await commands_of(operator) == ["lamp.off", "lamp.on"]
            bulb.reason = "unplugged"
            os.kill(os.getpid(), signal.SIGHUP)
            assert await host.says("declared anew") == "declared anew: lamp.on"
            assert await commands_of(operator) == ["lamp.on"]
            (after,) = (await operator.call("node.list"))["nodes"]
            assert after["connectedAtMs"] == before["connectedAtMs"]  # all over one connection


async def test_a_running_node_looks_at_its_machine_again_and_again(tmp_path: Path) -> None:
    bulb = Bulb()
    async with TestGateway(tmp_path / "gateway", plugins_of(*bulb.families)) as gateway:
        host = Host(gateway.url, tmp_path / "node", bulb)
        async with running(host, bulb, interval_s=0.01):
            await host.says("waiting for approval")
            bulb.reason = "unplugged"
            assert await host.says("declared anew") == "declared anew: lamp.on"


async def test_a_gateway_that_knows_nothing_of_it_gets_a_new_connect(tmp_path: Path) -> None:
    bulb = Bulb()
    async with StubGateway() as gateway:
        host = Host(gateway.url, tmp_path, bulb)
        async with running(host, bulb):
            peer = await gateway.peer()
            bulb.reason = "unplugged"
            change = asyncio.create_task(host.node.redeclare(bulb.probe()))
            request = await peer.receive("node.pluginSurface.refresh")
            NodeSurfaceRefreshParams.model_validate(request["params"])
            assert request["params"] == {"caps": ["lamp"], "commands": ["lamp.on"]}
            await peer.refuse(request, {"code": "INVALID_REQUEST", "message": "unexpected property 'caps'"})
            await peer.drain()
            await asyncio.wait_for(change, WAIT_S)
            await gateway.peer()
            assert [sent["commands"] for sent in gateway.connects] == [["lamp.off", "lamp.on"], ["lamp.on"]]


async def test_what_is_gone_is_refused_at_once(tmp_path: Path) -> None:
    bulb = Bulb()
    async with StubGateway() as gateway:
        host = Host(gateway.url, tmp_path, bulb)
        async with running(host, bulb):
            peer = await gateway.peer()
            bulb.reason = "unplugged"
            change = asyncio.create_task(host.node.redeclare(bulb.probe()))
            request = await peer.receive("node.pluginSurface.refresh")
            await peer.event("node.invoke.request", {"id": "i1", "nodeId": "n", "command": "lamp.off"})
            result = await peer.receive("node.invoke.result")
            assert result["params"]["error"]["message"] == "command not supported"
            held = {"command": "lamp.on", "message": "it is denied", "reason": "denied"}
            await peer.reply(request, {"withheld": [held]})
            await asyncio.wait_for(change, WAIT_S)
            await host.says("declared anew: lamp.on; held back: lamp.on (it is denied)")


async def test_the_same_again_says_nothing(tmp_path: Path) -> None:
    bulb = Bulb()
    host = Host("ws://127.0.0.1:9", tmp_path, bulb)
    await host.node.redeclare(bulb.probe())
    assert host.lines.empty()

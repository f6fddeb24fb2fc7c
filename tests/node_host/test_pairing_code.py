"""Our node host and a setup code: in at once, back without it, and what it tells the person."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.node_host import NodeHost, NodeHostOptions, offered_surface
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.protocol.setup import decode_setup_code
from openclaw_core.testing import PATIENCE_SECONDS, TestGateway

pytestmark = pytest.mark.anyio


class Heard:
    """What a node host says, line by line."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    async def until(self, start: str) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (line := await self.lines.get()).startswith(start):
                pass
        return line


def host(gateway: TestGateway, directory: Path, **credentials: str | None) -> tuple[NodeHost, Heard]:
    heard = Heard()
    options = NodeHostOptions(
        url=gateway.url, directory=directory / "node", display_name="Box", **credentials
    )
    return NodeHost(options, offered_surface([]), Narrator(heard.lines.put_nowait)), heard


async def code_of(gateway: TestGateway) -> str:
    admin = await gateway.operator()
    params = {"publicUrl": gateway.url, "bootstrapProfile": "node"}
    answer = await admin.call("device.pair.setupCode", params)
    return decode_setup_code(answer["setupCode"]).bootstrap_token


async def serve(node: NodeHost, heard: Heard, line: str) -> str:
    """Run until the line was said; then stop."""
    running = asyncio.create_task(node.run())
    said = await heard.until(line)
    node.stop()
    assert await running == 0
    return said


async def test_in_with_the_code_and_back_without(tmp_path: Path) -> None:
    async with TestGateway(tmp_path / "gateway") as gateway:
        code = await code_of(gateway)
        await serve(*host(gateway, tmp_path, bootstrap_token=code), "ready: connected")
        # The code is spent; the device token that came with it is enough from now on.
        await serve(*host(gateway, tmp_path), "ready: connected")
        await serve(*host(gateway, tmp_path, bootstrap_token=code), "ready: connected")


async def test_a_removed_node_comes_back_with_a_new_code(tmp_path: Path) -> None:
    async with TestGateway(tmp_path / "gateway") as gateway:
        await serve(*host(gateway, tmp_path, bootstrap_token=await code_of(gateway)), "ready: connected")
        admin = await gateway.operator()
        (row,) = (await admin.call("device.pair.list"))["paired"]
        await admin.call("device.pair.remove", {"deviceId": row["deviceId"]})
        node, heard = host(gateway, tmp_path, bootstrap_token=await code_of(gateway))
        await serve(node, heard, "ready: connected")


async def test_a_spent_code_ends_the_process_with_the_cure(tmp_path: Path) -> None:
    async with TestGateway(tmp_path / "gateway") as gateway:
        code = await code_of(gateway)
        await serve(*host(gateway, tmp_path / "one", bootstrap_token=code), "ready: connected")
        node, heard = host(gateway, tmp_path / "two", bootstrap_token=code)
        assert await node.run() == 1
        assert "openclaw devices setup-code" in await heard.until("the gateway refused")


async def test_a_waiting_node_shows_its_verification_code(tmp_path: Path) -> None:
    by_hand = {"nodes.pairing.autoApproveLocal": False}
    async with TestGateway(tmp_path / "gateway", overrides=by_hand) as gateway:
        token = gateway.config.auth.token
        node, heard = host(gateway, tmp_path, token=token)
        running = asyncio.create_task(node.run())
        said = await heard.until("waiting for device approval")
        admin = await gateway.operator()
        (row,) = (await admin.call("device.pair.list"))["pending"]
        assert said.endswith(f"verification code, to compare there: {verification_code(row['deviceId'])}")
        assert row["requestId"] in said
        await admin.call("device.pair.approve", {"requestId": row["requestId"], "surface": True})
        await heard.until("ready: connected")
        node.stop()
        assert await running == 0

"""Real processes: how a gateway ends, and what survives when it could not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import pytest

from openclaw_core.testing import FakeDevice, Wire, node_params
from tests.gateway.processes import GatewayProcess

pytestmark = pytest.mark.anyio

_GOODBYE = {"reason": "gateway stopping"}


async def _approve(operator: Wire, node_id: str) -> None:
    pending = (await operator.call("node.pair.list"))["pending"]
    for request in pending:
        if request["nodeId"] == node_id:
            await operator.call("node.pair.approve", {"requestId": request["requestId"]})


def _allow_demo(state: Path) -> None:
    state.mkdir(mode=0o700)
    (state / "openclaw.json").write_text('{gateway: {nodes: {commands: {allow: ["demo.any"]}}}}')


@pytest.mark.parametrize("signal", [SIGTERM, SIGINT])
async def test_a_signal_says_shutdown_closes_1012_and_exits_0(
    tmp_path: Path, signal: Signals, record_property: Callable[[str, object], None]
) -> None:
    state = tmp_path / "state"
    async with GatewayProcess.start(state) as gateway:
        operator = await gateway.operator()
        node, _ = await gateway.node(FakeDevice())
        waiting = await gateway.wire()  # has not authenticated
        seconds = await gateway.stop(signal)  # no socket costs uvicorn's patience: see `gone`
        for wire in (operator, node):
            assert (await wire.event("shutdown"))["payload"] == _GOODBYE
            assert await wire.closed() == (1012, "service restart")
        assert await waiting.closed() == (1012, "service restart")
        assert len(gateway.secrets) == 1
    record_property("seconds", seconds)
    print(f"{signal.name}: gone after {seconds * 1000:.0f} ms with three sockets open")


async def test_an_idle_gateway_stops_at_once(tmp_path: Path) -> None:
    async with GatewayProcess.start(tmp_path / "state") as gateway:
        seconds = await gateway.stop()
    print(f"idle: gone after {seconds * 1000:.0f} ms")


async def test_an_invoke_in_flight_is_answered_before_the_close(tmp_path: Path) -> None:
    state, device = tmp_path / "state", FakeDevice()
    _allow_demo(state)
    async with GatewayProcess.start(state) as gateway:
        operator = await gateway.operator()
        node, _ = await gateway.node(device)
        await _approve(operator, device.device_id)
        asked = await operator.post(
            "node.invoke", {"nodeId": device.device_id, "command": "demo.any", "idempotencyKey": "k"}
        )
        await node.event("node.invoke.request")
        await gateway.stop()
        answer = await operator.request("", request_id=asked)
        assert answer["error"]["code"] == "UNAVAILABLE"
        assert answer["error"]["details"]["nodeError"]["code"] == "DISCONNECTED"
        assert await operator.closed() == (1012, "service restart")


async def test_a_killed_gateway_forgets_nothing_it_answered(tmp_path: Path) -> None:
    state, device = tmp_path / "state", FakeDevice()
    _allow_demo(state)
    async with GatewayProcess.start(state) as gateway:
        operator = await gateway.operator()
        _, hello = await gateway.node(device)
        token = hello["auth"]["deviceToken"]
        await _approve(operator, device.device_id)
        await operator.call("node.rename", {"nodeId": device.device_id, "displayName": "Kept"})
        await gateway.kill()
    async with GatewayProcess.start(state) as gateway:
        operator = await gateway.operator()
        _, hello = await gateway.node(device, {"deviceToken": token})
        assert hello["auth"]["deviceToken"] == token
        row = await operator.call("node.describe", {"nodeId": device.device_id})
        assert (row["displayName"], row["paired"], row["connected"]) == ("Kept", True, True)
        assert row["commands"] == ["demo.any"]
        await gateway.stop()


async def test_revocation_survives_a_kill(tmp_path: Path) -> None:
    state, device = tmp_path / "state", FakeDevice()
    async with GatewayProcess.start(state) as gateway:
        operator = await gateway.operator()
        _, hello = await gateway.node(device)
        token = hello["auth"]["deviceToken"]
        await operator.call("device.token.revoke", {"deviceId": device.device_id, "role": "node"})
        await gateway.kill()
    async with GatewayProcess.start(state) as gateway:
        gateway.secrets.add(token)
        wire = await gateway.wire()
        params = {**node_params(["demo.any"]), "auth": {"deviceToken": token}}
        refused = await wire.connect(params, device)
        assert refused["error"]["details"]["code"] == "AUTH_DEVICE_TOKEN_MISMATCH"
        await gateway.stop()

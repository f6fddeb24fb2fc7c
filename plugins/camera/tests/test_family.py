"""The family as core loads it, its policy, and nodes of other makers."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from openclaw_camera import CameraPlugin
from openclaw_camera.config import CameraConfig
from openclaw_camera.family import FAMILY

from openclaw_core.plugins import load_plugins
from openclaw_core.testing import FakeNode, TestGateway, plugins_of
from openclaw_core.testing.conformance import check_package, load_family

COMMANDS = {item.name: item for item in FAMILY.commands}


def test_core_finds_and_loads_the_family() -> None:
    (entry,) = entry_points(group="openclaw.capabilities", name="camera")
    assert entry.load() is CameraPlugin
    plugins = load_plugins()
    assert plugins.table.owner("camera.snap") == "camera", plugins.failed
    assert check_package(*load_family("openclaw_camera.plugin:CameraPlugin")) == []


def test_facts_of_the_commands() -> None:
    assert {name for name, item in COMMANDS.items() if item.dangerous} == {
        "camera.snap",
        "camera.clip",
        "camera.ptz.control",
    }
    assert all(item.foreground for item in COMMANDS.values())
    everywhere = {"ios", "android", "macos", "windows", "linux", "unknown"}
    assert COMMANDS["camera.list"].platforms == everywhere
    assert COMMANDS["camera.ptz.status"].platforms == {"macos"}
    assert [name for name, item in COMMANDS.items() if item.handler is None] == [
        "camera.ptz.status",
        "camera.ptz.control",
    ]


def test_the_gateways_half_imports_nothing_heavy() -> None:
    code = (
        "import sys, openclaw_camera as p; p.CameraPlugin().openclaw_family();"
        "bad = [m for m in sys.modules if m.startswith(('openclaw_camera.node', 'av', 'PIL'))];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_machine_without_a_camera_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openclaw_camera.node.probe._DEVICES", tmp_path)
    monkeypatch.setattr("openclaw_camera.node.devices.enumerate_input_devices", lambda _driver: [])
    found = FAMILY.probe(CameraConfig())
    assert found.unavailable is not None
    assert "no camera is connected; plug one in" in found.unavailable
    assert found.permissions == {"camera": False}


@pytest.mark.anyio
async def test_a_phone_in_the_background_takes_the_photo_later(tmp_path: Path) -> None:
    overrides = {"nodes.commands.allow": ["camera.snap"]}
    async with TestGateway(tmp_path, plugins_of(FAMILY), overrides) as gateway:
        ios = {"id": "openclaw-ios", "platform": "iOS 18.4.0", "deviceFamily": "iPhone"}
        phone, node_id = await gateway.node(["camera.snap"], client=ios)
        operator = await gateway.operator()
        request = {"nodeId": node_id, "command": "camera.snap", "idempotencyKey": "k", "params": {}}
        asked = await operator.post("node.invoke", request)
        invoke = (await phone.event("node.invoke.request"))["payload"]
        error = {"code": "NODE_BACKGROUND_UNAVAILABLE", "message": "bring the app to the foreground"}
        await phone.call(
            "node.invoke.result", {"id": invoke["id"], "nodeId": node_id, "ok": False, "error": error}
        )
        refused = (await operator.request("", request_id=asked))["error"]
        assert refused["details"]["code"] == "QUEUED_UNTIL_FOREGROUND"
        (action,) = (await phone.call("node.pending.pull", {}))["actions"]
        assert (action["command"], action["paramsJSON"]) == ("camera.snap", "{}")


@pytest.mark.anyio
async def test_apps_that_move_cameras_are_understood(tmp_path: Path) -> None:
    state: dict[str, Any] = {"axes": {}, "canHome": False}
    answers = {"camera.ptz.control": {"state": state, "adjusted": []}}
    overrides = {"nodes.commands.allow": ["camera.ptz.control"]}
    async with (
        TestGateway(tmp_path, plugins_of(FAMILY), overrides) as gateway,
        FakeNode(gateway, FAMILY, answers=answers, config={"camera": {"synthetic": True}}) as mac,
    ):
        home = {"deviceId": "c", "operation": "home"}
        assert await mac.invoke("camera.ptz.control", home) == answers["camera.ptz.control"]
        bad = await mac.attempt("camera.ptz.control", {**home, "operation": "set"})
        assert "set takes target, move takes delta, home takes neither" in bad["error"]["message"]


@pytest.mark.anyio
async def test_the_largest_photo_reaches_the_operator(tmp_path: Path) -> None:
    budget = CameraConfig(max_payload_bytes=25_000_000).max_payload_bytes
    photo = {"format": "jpg", "base64": "A" * budget, "width": 16_384, "height": 12_288}
    overrides = {"nodes.commands.allow": ["camera.snap"]}
    async with (
        TestGateway(tmp_path, plugins_of(FAMILY), overrides) as gateway,
        FakeNode(
            gateway, FAMILY, answers={"camera.snap": photo}, config={"camera": {"synthetic": True}}
        ) as node,
    ):
        assert await node.invoke("camera.snap") == photo

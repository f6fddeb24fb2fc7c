"""Each failure of the contract in the situation that names it (PROTOCOL 18.3)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openclaw_camera.config import CameraConfig
from openclaw_camera.node.devices import Camera, choose
from openclaw_camera.node.sound import Microphone, recorder_for

from openclaw_core import CommandError

REFUSED = """\
import os, sys
from openclaw_camera.config import CameraConfig
from openclaw_camera.node.devices import Camera
from openclaw_camera.node.sound import recorder_for
import openclaw_camera.node.sound as sound
from pathlib import Path
config = CameraConfig()
os.setgid(65534) if os.getuid() == 0 else None
os.setuid(65534) if os.getuid() == 0 else None
sound._CARDS = Path(sys.argv[1])
try:
    if sys.argv[2] == "camera":
        Camera("v", "v", sys.argv[1] + "/video0", "v4l2").open()
    else:
        recorder_for(Camera("v", "v", "v", "v4l2"), config)
except Exception as error:
    print(error)
"""


@pytest.mark.anyio
@pytest.mark.parametrize("command", ["camera.list", "camera.snap", "camera.clip"])
async def test_a_camera_that_is_switched_off_says_who_can_switch_it_on(
    camera_node: Any, command: str
) -> None:
    async with camera_node(enabled=False, synthetic=True) as node:
        error = (await node.attempt(command, {}))["error"]
        assert error["message"].startswith(
            "CAMERA_DISABLED: the camera is switched off at the node; enable it"
        )
        assert "plugins.entries.camera.config.enabled" in error["message"]
        assert error["details"]["nodeError"]["code"] == "CAMERA_DISABLED"


@pytest.mark.anyio
async def test_an_unknown_device_is_named_beside_those_there_are(camera_node: Any) -> None:
    async with camera_node(synthetic=True) as node:
        for command in ("camera.snap", "camera.clip"):
            error = (await node.attempt(command, {"deviceId": "/dev/nope"}))["error"]
            assert error["details"]["nodeError"]["code"] == "INVALID_REQUEST"
            assert "unknown deviceId '/dev/nope'; the node has: " in error["message"]
            assert "synthetic" in error["message"]


def test_no_camera_and_one_that_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openclaw_camera.node.devices.enumerate_input_devices", lambda _driver: [])
    with pytest.raises(CommandError, match="CAMERA_UNAVAILABLE: no camera is connected"):
        choose(CameraConfig(), None)
    with pytest.raises(CommandError, match=r"CAMERA_UNAVAILABLE: \S+ does not open \(No such file"):
        Camera("v", "v", str(tmp_path / "video0"), "v4l2").open()
    (tmp_path / "video0").write_text("no device")
    with pytest.raises(CommandError, match=r"CAMERA_UNAVAILABLE: .* does not open .*does no other program"):
        Camera("v", "v", str(tmp_path / "video0"), "v4l2").open()


@pytest.mark.parametrize(
    ("what", "name", "code"),
    [
        ("camera", "video0", "CAMERA_PERMISSION_REQUIRED: the node's user may not open"),
        ("microphone", "pcmC0D0c", "MIC_PERMISSION_REQUIRED: the node's user may not open"),
    ],
)
def test_what_the_user_may_not_open(tmp_path: Path, what: str, name: str, code: str) -> None:
    (tmp_path / name).touch(mode=0o000)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if os.getuid() == 0 and folder.stat().st_uid == 0 and folder != Path("/tmp"):
            folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, str(tmp_path), what],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    assert done.stdout.startswith(code), done


def test_without_a_microphone_a_clip_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openclaw_camera.node.sound._CARDS", tmp_path)
    device = Camera("v", "v", "v", "v4l2")
    assert recorder_for(device, CameraConfig()) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert recorder_for(device, CameraConfig(microphone="hw:1")) is None  # arecord is not there
    (tmp_path / "arecord").write_text("#!/bin/sh\n")
    (tmp_path / "arecord").chmod(0o755)
    assert isinstance(recorder_for(device, CameraConfig(microphone="hw:1")), Microphone)

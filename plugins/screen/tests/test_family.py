"""The family as core loads it, what apps send and answer, and machines without a screen."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_screen import ScreenPlugin
from openclaw_screen.config import ScreenConfig
from openclaw_screen.family import FAMILY
from openclaw_screen.models import Recording, RecordParams, Snapshot, SnapshotParams
from openclaw_screen.node.movie import to_frame
from openclaw_screen.node.screens import Picture, parse_ppm
from openclaw_screen.node.session import Session, find_session
from pydantic import ValidationError

from openclaw_core import CommandError
from openclaw_core.plugins import load_plugins
from openclaw_core.testing import TestGateway, plugins_of
from openclaw_core.testing.conformance import check_package, load_family

COMMANDS = {item.name: item for item in FAMILY.commands}


def test_core_finds_and_loads_the_family() -> None:
    (entry,) = entry_points(group="openclaw.capabilities", name="screen")
    assert entry.load() is ScreenPlugin
    plugins = load_plugins()
    assert plugins.table.owner("screen.record") == "screen", plugins.failed
    assert check_package(*load_family("openclaw_screen.plugin:ScreenPlugin")) == []


def test_facts_of_the_commands() -> None:
    snapshot, record = COMMANDS["screen.snapshot"], COMMANDS["screen.record"]
    assert snapshot.platforms == {"macos", "windows", "linux"}
    assert (snapshot.admin_approval, snapshot.dangerous) == (True, False)
    assert (record.admin_approval, record.dangerous, record.platforms) == (False, True, frozenset())
    assert snapshot.foreground
    assert record.foreground


def test_the_gateways_half_imports_nothing_heavy() -> None:
    code = (
        "import sys, openclaw_screen as p; p.ScreenPlugin().openclaw_family();"
        "bad = [m for m in sys.modules if m.startswith(('openclaw_screen.node', 'av', 'PIL', 'mss'))];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (Recording, {"format": "mp4", "base64": "AAAA"}),
        (Recording, {"format": "mp4", "base64": "AAAA", "durationMs": 9987.5, "fps": 10, "screenIndex": 0,
                     "hasAudio": True, "codec": {"name": "hevc"}}),
        (Snapshot, {"format": "jpeg", "base64": "/9j/"}),
        (Snapshot, {"format": "png", "base64": "iVBO", "width": 1280, "height": 720, "displayFrameId": "f-1",
                    "screenIndex": 0, "capturedAtMs": 1795604471489, "scale": 2}),
    ],
)  # fmt: skip
def test_answers_of_real_apps_pass_whole(model: Any, answer: dict[str, Any]) -> None:
    assert model.model_validate(answer).model_dump(mode="json") == answer


def test_params_have_the_contracts_defaults() -> None:
    record = RecordParams.model_validate({"screenIndex": None})
    assert (record.duration_ms, record.screen_index, record.fps, record.format) == (10_000, 0, 10, "mp4")
    shot = SnapshotParams.model_validate({"executionId": "0b9c", "screenIndex": 1.0})
    assert (shot.screen_index, shot.max_width, shot.format) == (1, None, "jpeg")
    for wrong in ({"fps": 0}, {"fps": 61}, {"durationMs": 199}, {"format": "gif"}, {"screenIndex": -1}):
        with pytest.raises(ValidationError):
            RecordParams.model_validate(wrong)


def test_the_session_is_the_settings_or_the_environments(tmp_path: Path) -> None:
    grim = tmp_path / "grim"
    grim.write_text("#!/bin/sh\n")
    grim.chmod(0o755)
    wayland = {"WAYLAND_DISPLAY": "wayland-1", "DISPLAY": ":0", "PATH": str(tmp_path)}
    plain = ScreenConfig()
    assert find_session(plain, wayland, "linux") == Session(grim=str(grim))
    assert find_session(ScreenConfig(display=":4"), wayland, "linux") == Session(display=":4")
    assert find_session(plain, {"DISPLAY": "desk:1.0"}, "linux") == Session(display="desk:1.0")
    assert find_session(plain, {}, "darwin") == Session()
    with pytest.raises(CommandError, match="install the package grim"):
        find_session(plain, {**wayland, "PATH": str(tmp_path / "none")}, "linux")
    with pytest.raises(CommandError, match="neither DISPLAY nor WAYLAND_DISPLAY is set"):
        find_session(plain, {}, "linux")


def test_a_machine_without_a_screen_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    found = FAMILY.probe(ScreenConfig())
    assert found.unavailable is not None
    assert "start the node inside the desktop session, or set plugins.entries.screen" in found.unavailable
    assert found.permissions == {"screen": False}


@given(
    st.integers(1, 40).flatmap(
        lambda width: st.tuples(st.just(width), st.binary(min_size=width * 3, max_size=width * 3))
    )
)
def test_pictures_keep_every_pixel(case: tuple[int, bytes]) -> None:
    width, row = case
    picture = parse_ppm(b"P6\n%d 2\n255\n" % width + row + row[::-1])
    assert picture == Picture(width, 2, "rgb24", row + row[::-1])
    frame = to_frame(picture)
    plane = bytes(frame.planes[0])
    stride = frame.planes[0].line_size
    assert (plane[: width * 3], plane[stride : stride + width * 3]) == (row, row[::-1])


@pytest.mark.parametrize(
    "data", [b"", b"P5 1 1 255 x", b"P6 1 1 65535 xxxxxx", b"P6 9 9 255 x", b"P6 a b c", b"P6 0 4 255 "]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(CommandError, match="UNAVAILABLE: grim gave no PPM picture"):
        parse_ppm(data)


@pytest.mark.anyio
async def test_a_phone_in_the_background_records_later(tmp_path: Path) -> None:
    async with TestGateway(
        tmp_path, plugins_of(FAMILY), {"nodes.commands.allow": ["screen.record"]}
    ) as gateway:
        ipad = {"id": "openclaw-ios", "platform": "iPadOS 18.4", "deviceFamily": "iPad"}
        app, node_id = await gateway.node(["screen.record"], client=ipad)
        operator = await gateway.operator()
        asked = await operator.post(
            "node.invoke", {"nodeId": node_id, "command": "screen.record", "idempotencyKey": "k"}
        )
        invoke = (await app.event("node.invoke.request"))["payload"]
        error = {"code": "NODE_BACKGROUND_UNAVAILABLE", "message": "the app is not in front"}
        await app.call(
            "node.invoke.result", {"id": invoke["id"], "nodeId": node_id, "ok": False, "error": error}
        )
        refused = (await operator.request("", request_id=asked))["error"]
        assert refused["details"]["code"] == "QUEUED_UNTIL_FOREGROUND"

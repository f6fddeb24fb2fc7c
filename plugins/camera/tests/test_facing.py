"""`facing` on a machine whose cameras do not say where they look, and what a person is told (18.3)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openclaw_camera.config import CameraConfig
from openclaw_camera.family import FAMILY
from openclaw_camera.node.devices import Camera, choose

from openclaw_core import CommandError
from openclaw_core.testing import TOKEN, FakeNode, TestGateway, plugins_of
from tests.cli.conftest import Result
from tests.cli.inprocess import run_here

pytestmark = pytest.mark.anyio
CAMERAS = [Camera(name, name, name, "v4l2") for name in ("desk", "door", "yard")]


@pytest.mark.parametrize(
    ("positions", "facing", "chosen"),
    [
        ({}, None, "desk"),
        ({}, "back", "desk"),
        ({"door": "back"}, "back", "door"),
        ({"door": "back"}, "front", "desk"),
        ({"desk": "back", "door": "back"}, "front", "yard"),
        ({"door": "front", "gone": "back"}, None, "desk"),
    ],
)
def test_the_one_that_looks_there_else_one_that_may(
    monkeypatch: pytest.MonkeyPatch, positions: dict[str, Any], facing: Any, chosen: str
) -> None:
    def of(config: CameraConfig) -> list[Camera]:
        return [
            Camera(item.id, item.name, item.source, item.driver, config.positions.get(item.id, "unknown"))
            for item in CAMERAS
        ]

    monkeypatch.setattr("openclaw_camera.node.devices.cameras", of)
    assert choose(CameraConfig(positions=positions), None, facing).id == chosen
    assert choose(CameraConfig(positions=positions), "yard", facing).id == "yard"


async def test_a_photo_and_a_clip_tell_who_took_them(camera_node: Any) -> None:
    async with camera_node(synthetic=True) as node:
        photo = await node.invoke("camera.snap", {"facing": "back", "maxWidth": 32})
        assert (photo["facing"], photo["deviceId"]) == ("unknown", "synthetic")
    async with camera_node(synthetic=True, positions={"synthetic": "front"}) as node:
        (device,) = (await node.invoke("camera.list"))["devices"]
        assert device["position"] == "front"
        clip = await node.invoke("camera.clip", {"facing": "front", "durationMs": 200, "includeAudio": False})
        assert (clip["facing"], clip["deviceId"]) == ("front", "synthetic")
        for command in ("camera.snap", "camera.clip"):
            error = (await node.attempt(command, {"facing": "back"}))["error"]
            assert error["message"].startswith("CAMERA_UNAVAILABLE: no camera of the node looks to the back")
            assert "synthetic (front)" in error["message"]


def test_an_unknown_camera_is_refused_before_where_it_looks() -> None:
    with pytest.raises(CommandError, match="unknown deviceId"):
        choose(CameraConfig(synthetic=True), "nope", "back")


@asynccontextmanager
async def _camera(tmp_path: Path, **settings: Any) -> AsyncIterator[Callable[..., Awaitable[Result]]]:
    """Runs `nodes camera …` on a node with these settings; what it saves lands in `tmp_path`."""
    overrides = {"nodes.commands.allow": ["camera.snap", "camera.clip"]}
    async with (
        TestGateway(tmp_path / "gateway", plugins_of(FAMILY), overrides) as gateway,
        FakeNode(gateway, FAMILY, config={"camera": settings}) as node,
    ):
        env = {
            **os.environ,
            "HOME": str(tmp_path),
            "OPENCLAW_STATE_DIR": str(tmp_path / "client"),
            "OPENCLAW_GATEWAY_PORT": str(gateway.server.port),
            "OPENCLAW_GATEWAY_TOKEN": TOKEN,
        }
        common = ("--node", node.node_id, "--json", "--out", f"{tmp_path}/")
        yield lambda *words: run_here(env, "nodes", "camera", *words, *common)


async def test_the_command_line_says_what_it_could_not_do(tmp_path: Path) -> None:
    async with _camera(tmp_path, synthetic=True) as camera:
        asked = await camera("snap", "--facing", "back", "--max-width", "32")
        (file,) = asked.json["files"]
        assert file["facing"] == "unknown"
        assert "does not know a camera that looks to the back" in asked.err
        assert '"synthetic"' in asked.err
        both = await camera("snap", "--facing", "both", "--max-width", "32")
        assert len(both.json["files"]) == 1
        assert "one photo is taken" in both.err
        plain = await camera("snap", "--max-width", "32")
        assert (plain.code, plain.err) == (0, "")
        clip = await camera("clip", "--facing", "front", "--duration", "200", "--no-audio")
        assert clip.json["file"]["facing"] == "unknown"
        assert "looks to the front" in clip.err


async def test_a_camera_whose_place_is_known_is_taken_at_its_word(tmp_path: Path) -> None:
    async with _camera(tmp_path, synthetic=True, positions={"synthetic": "front"}) as camera:
        asked = await camera("snap", "--facing", "front", "--max-width", "32")
        (file,) = asked.json["files"]
        assert (file["facing"], asked.err) == ("front", "")
        assert Path(file["path"]).name.startswith("camera-snap-front-")
        refused = await camera("snap", "--facing", "back")
        assert refused.code == 1
        assert "nodes camera snap failed: CAMERA_UNAVAILABLE: no camera" in refused.err

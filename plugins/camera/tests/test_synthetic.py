"""The test picture through a real node host: photos and clips that others can read."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import uuid
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from openclaw_camera.config import CameraConfig
from openclaw_camera.models import ClipParams
from openclaw_camera.node.clip import record_clip

pytestmark = pytest.mark.anyio


def colours(picture: Any) -> set[tuple[int, int, int]]:
    """The corners of the colour cube that a picture comes near to."""
    small = picture.convert("RGB").resize((64, 36))
    pixels = zip(*[iter(small.tobytes())] * 3, strict=True)
    near = ((tuple(round(part / 255) for part in pixel), pixel) for pixel in pixels)
    return {
        corner
        for corner, pixel in near
        if all(abs(part - 255 * side) < 70 for part, side in zip(pixel, corner, strict=True))
    }


def recordings(folder: Path) -> list[Path]:
    """Temporary directories of clips in the making."""
    return list(folder.glob("openclaw-clip-*"))


async def test_a_photo(camera_node: Any, media: Any) -> None:
    async with camera_node(synthetic=True) as node:
        (device,) = (await node.invoke("camera.list"))["devices"]
        assert device == {
            "id": "synthetic", "name": "Test picture", "position": "unknown", "deviceType": "synthetic"
        }  # fmt: skip
        photo = await node.invoke("camera.snap")
        assert (photo["format"], photo["width"], photo["height"]) == ("jpg", 1600, 900)
        picture = media(photo).picture()
        assert picture.size == (1600, 900)
        # testsrc2 shows bars of every strong colour.
        assert {(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)} <= colours(picture)
        small = await node.invoke("camera.snap", {"maxWidth": 320, "quality": 0.3, "deviceId": "synthetic"})
        assert media(small).picture().size == (small["width"], small["height"]) == (320, 180)
        whole = await node.invoke("camera.snap", {"maxWidth": 4000, "format": "jpeg"})
        assert media(whole).picture().size == (1920, 1080)  # never enlarged


async def test_a_delay_gives_a_later_picture(camera_node: Any, media: Any) -> None:
    async with camera_node(synthetic=True) as node:
        now = await node.invoke("camera.snap", {"maxWidth": 320})
        again = await node.invoke("camera.snap", {"maxWidth": 320, "delayMs": 0})
        later = await node.invoke("camera.snap", {"maxWidth": 320, "delayMs": 1000})
        assert now["base64"] == again["base64"] != later["base64"]


async def test_a_clip_has_its_length_and_a_tone(camera_node: Any, media: Any) -> None:
    async with camera_node(synthetic=True) as node:
        clip = await node.invoke("camera.clip", {"durationMs": 1400})
        assert (clip["format"], clip["durationMs"], clip["hasAudio"]) == ("mp4", 1400, True)
        pictures, length, sound = media(clip).film()
        assert (len(pictures), pictures[0].width, pictures[0].height) == (21, 1280, 720)
        assert abs(length - 1.4) < 0.03
        assert pictures[0].to_image().tobytes() != pictures[20].to_image().tobytes()  # it moves
        assert {(1, 0, 0), (0, 1, 0), (0, 0, 1)} <= colours(pictures[0].to_image())
        planes = [(frame.samples, memoryview(frame.planes[0]).cast("B").cast("f")) for frame in sound]
        samples = [value for count, plane in planes for value in plane[:count]]  # the rest is padding
        signs = [value > 0 for value in samples[4800:52800]]  # a second of it
        changes = sum(one is not other for one, other in pairwise(signs))
        assert abs(changes - 880) < 20  # 440 Hz
        assert media(clip).data.index(b"moov") < media(clip).data.index(b"mdat")  # plays while it loads
        silent = await node.invoke("camera.clip", {"durationMs": 400, "includeAudio": False})
        assert silent["hasAudio"] is False
        assert media(silent).film()[2] == []


async def test_what_is_too_large_is_compressed_or_refused(camera_node: Any, media: Any) -> None:
    async with camera_node(synthetic=True, maxPayloadBytes=40_000) as node:
        photo = await node.invoke("camera.snap", {"quality": 1})
        assert 20_000 < len(photo["base64"]) <= 40_000
        assert media(photo).picture().size == (photo["width"], photo["height"])
        assert photo["width"] < 1600
        clip = await node.invoke("camera.clip", {"durationMs": 600, "includeAudio": False})
        assert len(clip["base64"]) <= 40_000
        refused = await node.attempt("camera.clip", {"durationMs": 60_000})
        assert refused["error"]["message"].startswith("PAYLOAD_TOO_LARGE: a clip of 60000 ms does not fit")
    async with camera_node(synthetic=True, maxPayloadBytes=1_000) as node:
        refused = await node.attempt("camera.snap")
        assert refused["error"]["message"].startswith("PAYLOAD_TOO_LARGE: a picture")


async def test_a_cancelled_clip_lets_go(camera_node: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    task = asyncio.create_task(record_clip(ClipParams(duration_ms=60_000), CameraConfig(synthetic=True)))
    async with asyncio.timeout(20):
        while not recordings(tmp_path):  # noqa: ASYNC110 — files tell nobody
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recordings(tmp_path) == []
    for thread in [item for item in threading.enumerate() if item.name == "command"]:
        thread.join(10)  # it has let go; its last steps are its own
        assert not thread.is_alive()


async def test_a_clip_the_caller_cancels_gives_no_result(camera_node: Any) -> None:
    async with camera_node(synthetic=True) as node:
        key = str(uuid.uuid4())
        request = {"nodeId": node.node_id, "command": "camera.clip", "params": {"durationMs": 60_000}}
        asked = await node.operator.post("node.invoke", {**request, "idempotencyKey": key})
        target = {"nodeId": node.node_id, "idempotencyKey": key}
        assert (await node.operator.call("node.invoke.cancel", target))["cancelled"] is True
        said = [*node.operator.events]
        frame = next((item for item in said if item.get("id") == asked), None)
        frame = frame or await node.operator.request("", request_id=asked)
        assert frame["error"]["details"]["nodeError"]["code"] == "CANCELLED"

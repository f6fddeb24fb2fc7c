"""A real X server with two screens through a real node host: pictures and recordings show it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from openclaw_screen.config import ScreenConfig
from openclaw_screen.family import FAMILY
from openclaw_screen.models import RecordParams, SnapshotParams
from openclaw_screen.node.movie import Movie
from openclaw_screen.node.recording import record_screen
from openclaw_screen.node.snapshot import take_snapshot

from openclaw_core import CommandError

pytestmark = [pytest.mark.anyio, pytest.mark.families]
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 128, 0)


def is_near(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 24 for one, other in zip(pixel, colour, strict=True))


async def test_snapshots_show_the_screen_that_was_asked_for(
    two_screens: Any, screen_node: Any, look: Any
) -> None:
    async with screen_node(display=two_screens.display) as node:
        for index, width, colour in ((0, 403, RED), (1, 400, BLUE)):
            shot = await node.invoke("screen.snapshot", {"screenIndex": index, "format": "png"})
            assert (shot["format"], shot["width"], shot["height"]) == ("png", width, 600)
            assert shot["screenIndex"] == index
            assert look(shot).size == (width, 600)
            # Every pixel, the last of each row too: rows are longer in memory than on the screen.
            assert look(shot).getcolors() == [(width * 600, colour)]
        small = await node.invoke("screen.snapshot", {"maxWidth": 100, "quality": 0.5})
        assert look(small).size == (small["width"], small["height"]) == (100, 149)
        assert is_near(look(small).getpixel((50, 70)), RED)
        other = await node.invoke("screen.snapshot")
        assert other["displayFrameId"] != small["displayFrameId"]
        assert other["capturedAtMs"] >= small["capturedAtMs"]
        error = (await node.attempt("screen.snapshot", {"screenIndex": 2}))["error"]
        assert error["details"]["nodeError"] == {
            "code": "INVALID_REQUEST",
            "message": "screenIndex 2 is not there: the node has 2 screens, 0 to 1",
        }


@pytest.fixture
async def halfway(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a recording has its eighth picture."""
    loop, reached, add = asyncio.get_running_loop(), asyncio.Event(), Movie.add

    def spy(movie: Movie, picture: Any, number: int) -> None:
        add(movie, picture, number)
        if number >= 7:
            loop.call_soon_threadsafe(reached.set)

    monkeypatch.setattr(Movie, "add", spy)
    return reached


async def test_a_recording_is_on_time_and_shows_what_changed(
    two_screens: Any, screen_node: Any, watch: Any, halfway: asyncio.Event
) -> None:
    async with screen_node(display=two_screens.display) as node, asyncio.timeout(40):
        params = {"durationMs": 2000, "fps": 8, "screenIndex": 1}
        key = {"nodeId": node.node_id, "command": "screen.record", "idempotencyKey": "r1"}
        asked = await node.operator.post("node.invoke", {**key, "params": params})
        await halfway.wait()
        await asyncio.to_thread(two_screens.paint, "#008000")
        answer = await node.operator.request("", request_id=asked)
        assert answer["ok"], answer
        result = answer["payload"]["payload"]
        facts = {name: value for name, value in result.items() if name != "base64"}
        assert facts == {
            "format": "mp4", "durationMs": 2000, "fps": 8, "screenIndex": 1, "hasAudio": False
        }  # fmt: skip
        pictures, length = watch(result)
        assert abs(length - 2.0) < 0.13
        assert (pictures[0].width, pictures[0].height) == (400, 600)
        places = [picture.time * 8 for picture in pictures]
        assert places[0] == 0
        assert places[-1] == 15
        assert all(abs(place - round(place)) < 0.01 for place in places)  # on schedule, or left out
        assert is_near(pictures[0].to_image().getpixel((200, 300)), BLUE)
        assert is_near(pictures[-1].to_image().getpixel((200, 300)), GREEN)


async def test_an_odd_screen_and_a_slow_recording(two_screens: Any, screen_node: Any, watch: Any) -> None:
    async with screen_node(display=two_screens.display) as node:
        result = await node.invoke("screen.record", {"durationMs": 1000, "fps": 0.5})
        pictures, length = watch(result)
        assert [(item.width, item.height) for item in pictures] == [(402, 600)]  # H.264 has even sizes
        assert abs(length - 2.0) < 0.01  # one picture at that rate
        assert is_near(pictures[0].to_image().getpixel((401, 300)), RED)


async def test_what_does_not_fit(two_screens: Any, screen_node: Any) -> None:
    async with screen_node(display=two_screens.display, maxPayloadBytes=10_000) as node:
        error = (await node.attempt("screen.record", {"durationMs": 60_000}))["error"]
        assert error["message"].startswith("PAYLOAD_TOO_LARGE: a recording of 60000 ms does not fit")
        assert (await node.invoke("screen.snapshot"))["width"] > 100
    config = ScreenConfig(display=two_screens.display, max_payload_bytes=1_000)
    with pytest.raises(CommandError, match="PAYLOAD_TOO_LARGE: a picture"):
        await take_snapshot(SnapshotParams(), config)


async def test_a_cancelled_recording_lets_go(two_screens: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    config = ScreenConfig(display=two_screens.display)
    task = asyncio.create_task(record_screen(RecordParams(duration_ms=60_000), config))
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


def recordings(folder: Path) -> list[Path]:
    """Recordings in the making."""
    return list(folder.glob("openclaw-screen-*"))


async def test_a_server_that_refuses_is_no_missing_server(
    x_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies = tmp_path / "cookies"
    cookies.write_bytes(b"\xff\xff\x00\x00\x00\x010\x00\x12MIT-MAGIC-COOKIE-1\x00\x10" + b"k" * 16)
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "none"))
    config = ScreenConfig(display=x_server("-auth", str(cookies)).display)
    for refused in (take_snapshot(SnapshotParams(), config), record_screen(RecordParams(), config)):
        with pytest.raises(CommandError, match="SCREEN_RECORDING_PERMISSION_REQUIRED: the X server of"):
            await refused
    found = FAMILY.probe(config)
    assert found.unavailable is not None
    assert "refuses the node's user; start the node with the session's XAUTHORITY" in found.unavailable
    assert found.permissions == {"screen": False}


async def test_a_display_that_goes_away(two_screens: Any) -> None:
    config = ScreenConfig(display=two_screens.display)
    assert FAMILY.probe(config).unavailable is None
    two_screens.process.terminate()
    two_screens.process.wait(30)
    assert "no X server answers at" in str(FAMILY.probe(config).unavailable)
    with pytest.raises(CommandError, match="UNAVAILABLE: no X server answers at"):
        await take_snapshot(SnapshotParams(), config)

"""The canvas's window on a real X server, and the canvas through our own programs."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from openclaw_core.testing import TOKEN

pytestmark = [pytest.mark.anyio, pytest.mark.families]

OPENCLAW = (sys.executable, "-m", "openclaw_core")
BOARD = "<!doctype html><title>Board</title><body style='background:#d01020'>"


@asynccontextmanager
async def process(*words: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that is ended when the test is."""
    started = await asyncio.create_subprocess_exec(*words, **options)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await asyncio.wait_for(started.wait(), 60)


@asynccontextmanager
async def x_server() -> AsyncIterator[str]:
    """A screen of 1024×768 on a display number that was free; its name."""
    receive, send = os.pipe()
    words = ("Xvfb", "-displayfd", str(send), "-screen", "0", "1024x768x24", "-nolisten", "tcp")
    async with process(*words, pass_fds=(send,), stderr=asyncio.subprocess.DEVNULL):
        os.close(send)
        with os.fdopen(receive) as told:
            number = await asyncio.wait_for(asyncio.to_thread(told.readline), 60)
        yield f":{number.strip()}"


def windows(display: str) -> list[tuple[int, int, int, int]]:
    """The board's windows that the X server shows on its screen: width, height, x, y."""
    tree = _ask_x(display, "-root", "-tree")
    found = []
    row = r'(0x[0-9a-f]+) "Board[^"]*":.* (\d+)x(\d+)\+-?\d+\+-?\d+ +\+(-?\d+)\+(-?\d+)'
    for number, *numbers in re.findall(row, tree):
        width, height, x, y = map(int, numbers)
        if "IsViewable" in _ask_x(display, "-id", number) and x + width > 0:
            found.append((width, height, x, y))
    return found


def _ask_x(display: str, *words: str) -> str:
    command = ["xwininfo", "-display", display, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def test_the_window_is_where_it_was_put(
    house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with x_server() as display, house() as here:
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        await here.put("board", index__html=BOARD)
        async with here.node(tmp_path / "node", display="auto", width=600, height=400) as desk:
            place = {"x": 40, "y": 60, "width": 700, "height": 500}
            url = "/__openclaw__/canvas/documents/board/"
            await desk.do("present", url=url, placement=place)
            assert windows(display) == [(700, 500, 40, 60)]
            await desk.do("present", placement={"x": 10})
            assert windows(display) == [(700, 500, 10, 60)]
            picture = await desk.picture(maxWidth=100)
            assert picture.getpixel((50, 20)) == (208, 16, 32)
            await desk.eval("globalThis.kept = 1")
            for _ in range(2):
                await desk.do("hide")
                assert windows(display) == []
                assert (await desk.picture()).getpixel((350, 150)) == (208, 16, 32)
            await desk.do("present")
            assert windows(display) == [(700, 500, 10, 60)]
            assert await desk.eval("kept") == 1


async def test_our_own_programs_show_a_document_and_take_its_picture(house: Any, tmp_path: Path) -> None:
    async with house() as here:
        port = str(here.gateway.server.port)
        await here.put("board", index__html=BOARD)
        (tmp_path / "node").mkdir()
        settings = {"plugins": {"entries": {"canvas": {"config": {"display": "headless", "width": 640}}}}}
        (tmp_path / "node" / "openclaw.json").write_text(json.dumps(settings))
        env = {**os.environ, "HOME": str(tmp_path), "OPENCLAW_STATE_DIR": str(tmp_path / "node")}
        env |= {"OPENCLAW_GATEWAY_TOKEN": TOKEN, "OPENCLAW_GATEWAY_URL": here.gateway.url}
        run = (*OPENCLAW, "node", "run", "--host", "127.0.0.1", "--port", port, "--display-name", "easel")
        async with process(*run, env=env, stdout=asyncio.subprocess.DEVNULL):
            asked = (await here.operator.event("node.pair.requested"))["payload"]
            await here.operator.call("node.pair.approve", {"requestId": asked["requestId"]})

            async def invoke(command: str, **params: Any) -> Any:
                words = ("nodes", "invoke", "--node", "easel", "--command", command, "--json")
                more = ("--params", json.dumps(params), "--invoke-timeout", "90000", "--timeout", "100000")
                async with process(
                    *OPENCLAW, *words, *more, "--url", here.gateway.url, env=env, stdout=subprocess.PIPE
                ) as cli:
                    out, _ = await cli.communicate()
                assert cli.returncode == 0, out
                return json.loads(out)["payload"]

            url = "/__openclaw__/canvas/documents/board/"
            assert (await invoke("canvas.navigate", url=url))["ok"] is True
            assert (await invoke("canvas.eval", javaScript="document.title"))["result"] == "Board"
            taken = await invoke("canvas.snapshot", format="jpeg", maxWidth=320)
            picture = Image.open(io.BytesIO(base64.b64decode(taken["base64"])))
            assert (picture.format, picture.size) == ("JPEG", (320, 400))
            red, green, blue = picture.convert("RGB").getpixel((160, 200))  # type: ignore[misc]
            assert abs(red - 208) + abs(green - 16) + abs(blue - 32) < 20

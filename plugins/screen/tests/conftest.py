"""A real X server with a picture that tests know, and a node that sees it."""

from __future__ import annotations

import base64
import io
import os
import select
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
from openclaw_screen.family import FAMILY
from PIL import Image

from openclaw_core.testing import FakeNode, TestGateway, plugins_of

PATIENCE_S = 30.0
XServer = Callable[..., "Server"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Server:
    """An X server. `display` is its name, e.g. `:7`."""

    display: str
    process: subprocess.Popen[bytes]

    def run(self, *argv: str) -> None:
        """An X client, to its end."""
        env = {**os.environ, "DISPLAY": self.display}
        subprocess.run(argv, env=env, check=True, timeout=PATIENCE_S, capture_output=True)

    def paint(self, colour: str) -> None:
        """The whole background in one colour."""
        self.run("xsetroot", "-solid", colour)


@pytest.fixture
def x_server() -> Iterator[XServer]:
    """Starts X servers on free display numbers; `x_server("-auth", FILE)` adds options."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> Server:
        reader, writer = os.pipe()
        argv = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "803x600x24", "-noreset", *options]
        process = subprocess.Popen(argv, pass_fds=(writer,), stderr=subprocess.DEVNULL)
        started.append(process)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            assert select.select([pipe], [], [], PATIENCE_S)[0], "Xvfb did not start in time"
            number = pipe.readline().decode().strip()
        assert number, "Xvfb ended; is it installed?"
        return Server(f":{number}", process)

    yield start
    for process in started:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture
def two_screens(x_server: XServer, tmp_path: Path) -> Server:
    """A red screen of 403 px and right of it one of 400 px that is blue."""
    server = x_server()
    server.run("xrandr", "--setmonitor", "left", "403/100x600/100+0+0", "screen")
    server.run("xrandr", "--setmonitor", "right", "400/100x600/100+403+0", "none")
    tile = tmp_path / "tile.xbm"
    row = [0xFF] * 50 + [0x07] + [0x00] * 50  # 403 set bits, then 405 that are not
    bits = ",\n".join(f"0x{byte:02x}" for byte in row)
    tile.write_text(f"#define t_width 803\n#define t_height 1\nstatic char t_bits[] = {{\n{bits}}};\n")
    server.run("xsetroot", "-bitmap", str(tile), "-fg", "#ff0000", "-bg", "#0000ff")
    return server


@pytest.fixture
def screen_node(tmp_path: Path) -> Any:
    """Opens a gateway that allows screen.record, and a node with these settings on it."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[FakeNode]:
        overrides = {"nodes.commands.allow": ["screen.record"]}
        async with (
            TestGateway(tmp_path / "gateway", plugins_of(FAMILY), overrides) as gateway,
            FakeNode(gateway, FAMILY, config={"screen": settings}) as node,
        ):
            yield node

    return opened


def picture_of(result: dict[str, Any]) -> Image.Image:
    """A snapshot, decoded."""
    picture = Image.open(io.BytesIO(base64.b64decode(result["base64"], validate=True)))
    picture.load()
    return picture.convert("RGB")


def film_of(result: dict[str, Any]) -> tuple[list[av.VideoFrame], float]:
    """A recording's pictures and its length in seconds."""
    with av.open(io.BytesIO(base64.b64decode(result["base64"], validate=True))) as file:
        assert "mp4" in file.format.name
        assert file.duration is not None
        return list(file.decode(video=0)), file.duration / av.time_base


@pytest.fixture
def look() -> Callable[[dict[str, Any]], Image.Image]:
    return picture_of


@pytest.fixture
def watch() -> Callable[[dict[str, Any]], tuple[list[av.VideoFrame], float]]:
    return film_of

"""A real Wayland compositor, looked at through grim."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openclaw_screen.config import ScreenConfig
from openclaw_screen.family import FAMILY
from openclaw_screen.models import SnapshotParams
from openclaw_screen.node.snapshot import take_snapshot

from openclaw_core import CommandError

pytestmark = [pytest.mark.anyio, pytest.mark.families]

NOBODY = 65534
ORANGE = (255, 128, 0)
SWAY = """\
output * resolution 641x480 bg #ff8000 solid_color
exec echo $WAYLAND_DISPLAY > {ready}
"""


@pytest.fixture
def compositor(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """Sway without a screen of its own, all orange; it refuses to run as root."""
    place = Path(tempfile.mkdtemp(prefix="openclaw-sway-"))
    ready = place / "ready"
    os.mkfifo(ready)
    (place / "config").write_text(SWAY.format(ready=ready))
    argv = ["sway", "-c", str(place / "config")]
    if os.geteuid() == 0:
        for path in (place, ready):
            os.chown(path, NOBODY, NOBODY)
        argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]
    env = {"PATH": os.environ["PATH"], "HOME": str(place), "XDG_RUNTIME_DIR": str(place)}
    env |= {"WLR_BACKENDS": "headless", "WLR_LIBINPUT_NO_DEVICES": "1", "WLR_RENDERER": "pixman"}
    process = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL)
    pipe = os.open(ready, os.O_RDWR)
    try:
        assert select.select([pipe], [], [], 30)[0], "sway did not start in time"
        monkeypatch.setenv("WAYLAND_DISPLAY", os.read(pipe, 100).decode().strip())
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
        yield process
    finally:
        process.kill()  # one that has just begun does not hear SIGTERM
        process.wait(30)
        os.close(pipe)
        shutil.rmtree(place)


async def background(node: Any, look: Any) -> Any:
    """A snapshot as soon as the compositor has drawn its background."""
    async with asyncio.timeout(30):
        while True:
            shot = await node.invoke("screen.snapshot", {"format": "png"})
            if look(shot).getpixel((5, 5)) != (0, 0, 0):
                return shot


async def test_pictures_and_recordings_show_the_desktop(
    compositor: Any, screen_node: Any, look: Any, watch: Any
) -> None:
    async with screen_node() as node:
        shot = await background(node, look)
        assert (shot["width"], shot["height"]) == (641, 480)
        assert look(shot).getcolors() == [(641 * 480, ORANGE)]
        film = await node.invoke("screen.record", {"durationMs": 600, "fps": 5})
        pictures, length = watch(film)
        assert abs(length - 0.6) < 0.01
        pixel = pictures[0].to_image().getpixel((300, 200))
        assert all(abs(one - other) < 16 for one, other in zip(pixel, ORANGE, strict=True))
        error = (await node.attempt("screen.snapshot", {"screenIndex": 1}))["error"]
        assert "screenIndex 1 is not there: the node has 1 screen, number 0" in error["message"]


async def test_a_compositor_that_is_gone(compositor: Any) -> None:
    assert FAMILY.probe(ScreenConfig()).unavailable is None
    compositor.kill()
    compositor.wait(30)
    with pytest.raises(CommandError, match="UNAVAILABLE: grim gives no picture"):
        await take_snapshot(SnapshotParams(), ScreenConfig())

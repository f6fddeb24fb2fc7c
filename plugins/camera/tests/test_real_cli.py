"""The original CLI with our gateway and our node: it saves what the camera saw (issue 4, show 6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests.interop.peers import Cli, OurGateway, OurNodeHost, our_cli, real_cli
from tests.interop.process import free_port
from tests.interop.watch import surface_request

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]
TOKEN = "camera-token-0123456789"
ALLOWED = {"nodes": {"commands": {"allow": ["camera.snap", "camera.clip"]}}}


def configure(state_dir: Path, **settings: Any) -> Path:
    """A node's state directory with settings of the family."""
    state_dir.mkdir()
    entries = {"camera": {"config": settings}}
    (state_dir / "openclaw.json").write_text(json.dumps({"plugins": {"entries": entries}}))
    return state_dir


@contextmanager
def lens(tmp_path: Path, **settings: Any) -> Iterator[tuple[Cli, Cli]]:
    """A gateway and an approved node called lens; the original CLI and ours."""
    with OurGateway(tmp_path / "gateway", free_port(), TOKEN, ALLOWED) as gateway:
        ours = our_cli(gateway.port, TOKEN, tmp_path / "ours")
        state_dir = configure(tmp_path / "node", **settings)
        with OurNodeHost(gateway.port, TOKEN, "lens", state_dir) as node:
            request = surface_request(ours, node)
            assert {"camera.list", "camera.snap", "camera.clip"} <= set(request["commands"])
            ours.ok("nodes", "approve", request["requestId"])
            yield real_cli(gateway.port, TOKEN, tmp_path / "real"), ours


def saved(real: Cli, *words: str) -> Path:
    """The file whose path the original CLI printed."""
    out = real.ok("nodes", "camera", *words, "--node", "lens").strip()
    return Path(out.replace("~", str(real.state_dir / "home"), 1) if out.startswith("~") else out)


def test_the_original_cli_saves_photos_and_clips(tmp_path: Path) -> None:
    with lens(tmp_path, synthetic=True) as (real, _):
        listed = real.ok("nodes", "camera", "list", "--node", "lens")
        assert "Test picture" in listed
        assert "synthetic" in listed
        photo = saved(real, "snap", "--max-width", "640")
        with Image.open(photo) as picture:
            assert (picture.format, picture.size) == ("JPEG", (640, 360))
        both = real.json("nodes", "camera", "snap", "--node", "lens", "--facing", "both")["files"]
        assert [(item["width"], item["height"]) for item in both] == [(1600, 900)]  # Linux: one photo
        clip = saved(real, "clip", "--duration", "1s")
        with av.open(str(clip)) as film:
            assert film.duration is not None
            assert abs(film.duration / av.time_base - 1) < 0.05
            assert len(film.streams.audio) == 1
            assert len(list(film.decode(video=0))) == 15
        silent = real.json("nodes", "camera", "clip", "--node", "lens", "--duration", "500", "--no-audio")
        assert silent["file"]["hasAudio"] is False
        unknown = real("nodes", "camera", "snap", "--node", "lens", "--device-id", "nope")
        assert unknown.code == 1
        assert "unknown deviceId 'nope'; the node has: " in unknown.out + unknown.err


def test_both_clis_tell_of_a_camera_that_is_switched_off(tmp_path: Path) -> None:
    with lens(tmp_path, enabled=False) as (real, ours):
        refused = real("nodes", "camera", "snap", "--node", "lens")
        assert refused.code == 1
        text = "CAMERA_DISABLED: the camera is switched off at the node; enable it"
        assert text in refused.out + refused.err
        said = ours("nodes", "invoke", "--node", "lens", "--command", "camera.snap")
        assert said.code != 0
        assert "CAMERA_DISABLED" in said.out + said.err

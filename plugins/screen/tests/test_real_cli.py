"""The original CLI with our gateway and our node: it saves what the screen showed (issue 4, show 6)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import pytest

from tests.interop.peers import OurGateway, OurNodeHost, our_cli, real_cli
from tests.interop.process import free_port
from tests.interop.watch import surface_request

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]
TOKEN = "screen-token-0123456789"
ALLOWED = {"nodes": {"commands": {"allow": ["screen.record"]}}}


def test_the_original_cli_saves_a_recording(tmp_path: Path, two_screens: Any) -> None:
    state_dir = tmp_path / "node"
    state_dir.mkdir()
    entries = {"screen": {"config": {"display": two_screens.display}}}
    (state_dir / "openclaw.json").write_text(json.dumps({"plugins": {"entries": entries}}))
    with OurGateway(tmp_path / "gateway", free_port(), TOKEN, ALLOWED) as gateway:
        ours = our_cli(gateway.port, TOKEN, tmp_path / "ours")
        real = real_cli(gateway.port, TOKEN, tmp_path / "real")
        with OurNodeHost(gateway.port, TOKEN, "desk", state_dir) as node:
            request = surface_request(ours, node)
            assert {"screen.snapshot", "screen.record"} <= set(request["commands"])
            ours.ok("nodes", "approve", request["requestId"])
            out = tmp_path / "saved.mp4"
            record = ("nodes", "screen", "record", "--node", "desk", "--screen", "1", "--fps", "5")
            made = real.json(*record, "--duration", "1s", "--out", str(out))["file"]
            facts = (made["durationMs"], made["fps"], made["screenIndex"], made["hasAudio"])
            assert facts == (1000, 5, 1, False)
            with av.open(str(out)) as film:
                assert film.duration is not None
                assert abs(film.duration / av.time_base - 1) < 0.05
                picture = next(film.decode(video=0))
                assert (picture.width, picture.height) == (400, 600)
                red, green, blue = picture.to_image().getpixel((200, 300))
                assert (red < 24, green < 24, blue > 231) == (True, True, True)
            missing = real("nodes", "screen", "record", "--node", "desk", "--screen", "7")
            assert missing.code == 1
            assert "the node has 2 screens, 0 to 1" in missing.out + missing.err
            invoke = ("nodes", "invoke", "--node", "desk", "--command", "screen.snapshot")
            shot = ours.json(*invoke, "--params", '{"maxWidth": 64}')["payload"]
            assert (shot["width"], shot["format"]) == (64, "jpeg")

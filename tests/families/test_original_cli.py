"""The original's CLI with our gateway and our node, every family installed (issue 4, show 6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.peers import Cli, real_cli

from .machine import Machine, machine

pytestmark = [pytest.mark.families, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("machine")) as desk:
        yield desk


@pytest.fixture(scope="module")
def original(desk: Machine, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    token = (Path(desk.env["OPENCLAW_STATE_DIR"]) / "gateway-token").read_text().strip()
    return real_cli(int(desk.env["OPENCLAW_GATEWAY_PORT"]), token, tmp_path_factory.mktemp("original"))


def test_it_shows_a_page_on_the_canvas(desk: Machine, original: Cli) -> None:
    original.ok("nodes", "canvas", "present", "--node", "desk", "--target", desk.page)
    assert desk.ask("canvas.eval", {"javaScript": "document.title"})["result"] == "Form"


def test_it_notifies(desk: Machine, original: Cli) -> None:
    original.ok("nodes", "notify", "--node", "desk", "--title", "Coffee", "--body", "is ready")
    desk.run("dunstctl", "close-all")  # what was shown is history then
    assert "Coffee" in desk.run("dunstctl", "history")


def test_it_saves_a_photo_and_a_recording(original: Cli, tmp_path: Path) -> None:
    original.ok("nodes", "camera", "snap", "--node", "desk")
    out = tmp_path / "screen.mp4"
    original.ok("nodes", "screen", "record", "--node", "desk", "--duration", "1s", "--out", str(out))
    assert out.read_bytes()[4:8] == b"ftyp"


def test_it_asks_where_the_node_is(original: Cli) -> None:
    said = original.ok("nodes", "location", "get", "--node", "desk")
    assert "48.2" in said
    assert "16.37" in said

"""The original CLI's own words for what a node does, against this gateway and this node host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .peers import Cli, OurGateway, OurNodeHost, our_cli, real_cli
from .process import free_port
from .watch import sees_node, surface_request

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300, func_only=True), pytest.mark.usefixtures("peers")]

TOKEN = "interop-token-0123456789"
NAME = "Shelf"
HERE = {"lat": 52.52, "lon": 13.405, "accuracyMeters": 30}
SOURCES = {"gpsd": {"enabled": False}, "geoclue": {"enabled": False}, "fixed": HERE}


@pytest.fixture(scope="module")
def cli(place: Path) -> Iterator[Cli]:
    """The original CLI; a node with a configured position is approved on this gateway."""
    node_dir, port = place / "node", free_port()
    node_dir.mkdir()
    settings = {"plugins": {"entries": {"location": {"config": SOURCES}}}}
    (node_dir / "openclaw.json").write_text(json.dumps(settings))
    with (
        OurGateway(place / "gateway", port, TOKEN) as _,
        OurNodeHost(port, TOKEN, NAME, node_dir) as node,
    ):
        person = our_cli(port, TOKEN, place / "person")
        request = surface_request(person, node)
        assert {"location.get", "system.notify"} <= set(request["commands"]), node.tail()
        person.ok("nodes", "approve", request["requestId"])
        sees_node(person, request["nodeId"], node, connected=True, approvalState="approved")
        yield real_cli(port, TOKEN, place / "cli")


def test_location_get(cli: Cli) -> None:
    words = ("nodes", "location", "get", "--node", NAME)
    payload = cli.json(*words, "--accuracy", "precise", "--max-age", "1000")
    answer = payload.get("payload", payload)
    assert (answer["lat"], answer["lon"], answer["accuracyMeters"]) == (52.52, 13.405, 30)
    assert "52.52" in cli.ok(*words)


def test_notify_without_a_desktop_tells_the_cure(cli: Cli) -> None:
    answer = cli("nodes", "notify", "--node", NAME, "--title", "Door", "--body", "open")
    assert answer.code == 1
    assert "nodes notify failed" in answer.out + answer.err
    assert "session bus" in answer.out + answer.err

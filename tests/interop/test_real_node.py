"""The original node host, started with host, port and token only, lives on this gateway."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .peers import Cli, OurGateway, RealNodeHost, our_cli
from .process import await_value, free_port
from .recorder import Recorder
from .scenario import EXPLICIT_PAIRING
from .schema import Schema
from .watch import device_request, returned, sees_node, surface_request

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900, func_only=True), pytest.mark.usefixtures("peers")]

TOKEN = "interop-token-0123456789"


def which_sh(cli: Cli, node: str) -> str:
    """What `system.which` on that node says about sh; the person types the node's name or id."""
    words = ("--node", node, "--command", "system.which", "--params", '{"bins":["sh"]}')
    return str(cli.json("nodes", "invoke", *words)["payload"]["bins"]["sh"])


def test_paired_approved_invoked_and_back_after_a_crash(place: Path) -> None:
    port = free_port()
    cli = our_cli(port, TOKEN, place / "cli")
    with (
        OurGateway(place / "gateway", port, TOKEN) as gateway,
        RealNodeHost(port, TOKEN, None, place / "node") as node,
    ):
        request = surface_request(cli, node)
        node_id = request["nodeId"]
        assert {"system.which", "system.run"} <= set(request["commands"])
        cli.ok("nodes", "approve", request["requestId"])
        listed = cli.json("nodes", "list")
        assert [row["nodeId"] for row in listed["paired"]] == [node_id]
        assert listed["pending"] == []
        assert which_sh(cli, request["displayName"]) == shutil.which("sh", path=node.env["PATH"])

        before = sees_node(cli, node_id, node, connected=True)
        gateway.kill()
        gateway.start()
        after = returned(cli, before, node)
        assert after["commands"] == before["commands"]
        assert which_sh(cli, node_id) == shutil.which("sh", path=node.env["PATH"])
        assert node.alive


def test_waits_for_the_person_and_comes_in_by_itself(place: Path, schema: Schema) -> None:
    with (
        OurGateway(place / "strict", free_port(), TOKEN, EXPLICIT_PAIRING) as gateway,
        Recorder(gateway.port) as recorder,
        RealNodeHost(recorder.port, TOKEN, "Patient Node", place / "patient") as node,
    ):
        cli = our_cli(recorder.port, TOKEN, place / "person")
        cli.ok("devices", "approve", device_request(cli, node))
        request = surface_request(cli, node)
        cli.ok("nodes", "approve", request["requestId"])
        sees_node(cli, request["nodeId"], node, connected=True, approvalState="approved")
        assert which_sh(cli, "Patient Node")
        assert node.output().count("advertised commands") == 1, "the host was started again"

        cli.ok("devices", "rotate", "--device", request["nodeId"], "--role", "node")
        await_value(lambda: closed_with(4001, recorder), "the node's socket closed 4001")
        sees_node(cli, request["nodeId"], node, connected=True, approvalState="approved")
        assert which_sh(cli, "Patient Node")
        await_value(lambda: ticked(recorder), "a tick while the node stays connected", within_s=50)
        assert schema.faults(recorder.links) == []


def closed_with(code: int, recorder: Recorder) -> bool:
    return any(link.close_code == code for link in recorder.links)


def ticked(recorder: Recorder) -> bool:
    """True when a link that is still open got a tick."""
    live = (link for link in recorder.links if link.close_code is None)
    return any(body.get("event") == "tick" for link in live for body in link.sent_by("gateway"))

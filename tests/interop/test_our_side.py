"""This node host and this CLI against the original gateway: the same life, the other way round."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .hand_clients import HandNode, RefusedError
from .peers import Cli, OurNodeHost, RealGateway, our_cli
from .process import await_value, free_port
from .scenario import EXPLICIT_PAIRING, SEED
from .watch import device_request, node_row, returned, sees_node, surface_request

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900, func_only=True), pytest.mark.usefixtures("peers")]

TOKEN = "interop-token-0123456789"


@pytest.fixture(scope="module")
def gateway(peers: object, place: Path) -> Iterator[RealGateway]:
    """An original gateway on which even local devices wait for a person."""
    with RealGateway(place / "gateway", free_port(), TOKEN, EXPLICIT_PAIRING) as running:
        yield running


@pytest.fixture(scope="module")
def cli(gateway: RealGateway, place: Path) -> Cli:
    return our_cli(gateway.port, TOKEN, place / "cli")


def test_our_node_host_lives_on_the_original_gateway(gateway: RealGateway, cli: Cli, place: Path) -> None:
    with OurNodeHost(gateway.port, TOKEN, "Our Node", place / "node") as node:
        cli.ok("devices", "approve", device_request(cli, node))
        request = surface_request(cli, node)
        node_id = request["nodeId"]
        cli.ok("nodes", "approve", request["requestId"])
        first = sees_node(cli, node_id, node, connected=True, approvalState="approved")
        assert which_sh(cli, "Our Node") == shutil.which("sh", path=node.env["PATH"])

        cli.ok("devices", "rotate", "--device", node_id, "--role", "node")
        second = returned(cli, first, node)
        gateway.kill()
        gateway.start()
        returned(cli, second, node)
        assert which_sh(cli, "Our Node") == shutil.which("sh", path=node.env["PATH"])
        assert node.alive
    sees_node(cli, node_id, node, connected=False)
    cli.ok("nodes", "remove", "--node", "Our Node")
    assert node_row(cli, node_id) is None


def test_our_node_host_comes_in_with_a_code_of_the_original(
    gateway: RealGateway, cli: Cli, place: Path
) -> None:
    def code() -> str:
        answer = cli.json("devices", "setup-code", "--no-qr", "--public-url", gateway.address)
        assert answer["access"] == "node"
        return str(answer["setupCode"])

    def start(spent: str) -> OurNodeHost:
        return OurNodeHost(None, None, "Coded Node", place / "coded", "--pair", spent)

    first = code()
    with start(first) as node:
        node_id = await_value(lambda: coded(cli), "the node with the code", evidence=node.tail)["nodeId"]
        before = sees_node(cli, node_id, node, connected=True, approvalState="approved")
        assert which_sh(cli, "Coded Node") == shutil.which("sh", path=node.env["PATH"])
        with OurNodeHost(None, None, "Late Node", place / "late", "--pair", first) as late:
            await_value(lambda: not late.alive, "the end of a node with a spent code", evidence=late.tail)
            assert "setup-code" in late.output(), "the cure must be named"
        gateway.kill()
        gateway.start()
        returned(cli, before, node)
        cli.ok("devices", "rotate", "--device", node_id, "--role", "node")
        await_value(lambda: not node.alive, "the end of a node without a valid token", evidence=node.tail)
    with start(code()) as node:
        sees_node(cli, node_id, node, connected=True, approvalState="approved")
        cli.ok("nodes", "remove", "--node", node_id)
        await_value(lambda: not node.alive, "the end of a removed node", evidence=node.tail)
    with start(code()) as node:
        sees_node(cli, node_id, node, connected=True, approvalState="approved")
        assert which_sh(cli, "Coded Node") == shutil.which("sh", path=node.env["PATH"])


def coded(cli: Cli) -> dict[str, Any] | None:
    rows = cli.json("nodes", "status")["nodes"]
    return next((row for row in rows if row.get("displayName") == "Coded Node"), None)


def which_sh(cli: Cli, node: str) -> str:
    words = ("--node", node, "--command", "system.which", "--params", '{"bins":["sh"]}')
    return str(cli.json("nodes", "invoke", *words)["payload"]["bins"]["sh"])


@pytest.fixture
def hand_node(gateway: RealGateway, cli: Cli) -> Iterator[HandNode]:
    """A node of another make, connected to the original gateway, its surface still waiting."""
    with HandNode(gateway.port, TOKEN, SEED) as node:
        try:
            node.connect()
        except RefusedError as refused:
            cli.ok("devices", "approve", refused.error["details"]["requestId"])
            node.connect()
        yield node


def test_our_cli_pairs_looks_uses_and_removes(hand_node: HandNode, cli: Cli) -> None:
    (request,) = cli.json("nodes", "pending")
    assert (request["nodeId"], request["displayName"]) == (hand_node.id, "Hand Node")
    assert "pending" in cli.ok("nodes", "status").lower()
    assert "system.which" in cli.ok("nodes", "describe", "--node", "Hand Node")
    assert cli("nodes", "approve", "no-such-request").code == 1
    cli.ok("nodes", "approve", request["requestId"])
    cli.ok("nodes", "rename", "--node", hand_node.id[:8], "--name", "Renamed")
    described = cli.json("nodes", "describe", "--node", "renamed")
    assert (described["displayName"], described["approvalState"]) == ("Renamed", "approved")
    assert which_sh(cli, "Renamed") == "/bin/sh"
    assert hand_node.invokes[-1]["command"] == "system.which"

    refused = cli("nodes", "invoke", "--node", "Renamed", "--command", "no.such")
    assert refused.code == 1
    assert "no.such" in refused.err + refused.out
    assert cli("nodes", "invoke", "--node", "Nobody", "--command", "system.which").code == 1

    rotated = cli.json("devices", "rotate", "--device", hand_node.id, "--role", "node")
    assert (rotated["deviceId"], rotated["role"]) == (hand_node.id, "node")
    assert hand_node.closed() == 4001
    hand_node.connect()
    assert hand_node.id in cli.ok("devices", "list")
    assert "Renamed" in cli.ok("nodes", "list")
    cli.ok("nodes", "remove", "--node", "Renamed")
    assert hand_node.closed() == 4001
    assert hand_node.id not in [row["deviceId"] for row in cli.json("devices", "list")["paired"]]


def test_our_cli_rejects_renames_and_revokes_devices(gateway: RealGateway, cli: Cli) -> None:
    with HandNode(gateway.port, TOKEN, bytes(32)) as node:
        first = knock(node)
        cli.ok("devices", "reject", first)
        second = knock(node)
        assert second != first, "a rejected request came back under its old id"
        cli.ok("devices", "approve", second)
        node.connect()
        cli.ok("devices", "rename", "--device", node.id, "--name", "Shelf")
        cli.ok("devices", "revoke", "--device", node.id, "--role", "node")
        assert node.closed() == 4001
        devices = {row["deviceId"]: row for row in cli.json("devices", "list")["paired"]}
        assert devices[node.id]["operatorLabel"] == "Shelf"
        assert devices[node.id]["tokens"][0]["revokedAtMs"]
        cli.ok("devices", "remove", node.id)
        assert node.id not in [row["deviceId"] for row in cli.json("devices", "list")["paired"]]


def knock(node: HandNode) -> str:
    """Ask to come in; the id of the request that now waits."""
    with pytest.raises(RefusedError) as refused:
        node.connect()
    assert refused.value.error["details"]["code"] == "PAIRING_REQUIRED"
    return str(refused.value.error["details"]["requestId"])

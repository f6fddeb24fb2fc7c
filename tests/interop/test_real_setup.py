"""The original node host, given a setup code or a join link of this gateway, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .peers import Cli, NodeHost, OurGateway, RealConnect, RealNodeHost, our_cli, real_cli
from .process import await_value, free_port
from .recorder import Recorder
from .scenario import EXPLICIT_PAIRING
from .schema import Schema
from .watch import node_row, returned, sees_node

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900, func_only=True), pytest.mark.usefixtures("peers")]

TOKEN = "interop-token-0123456789"


@dataclass(frozen=True)
class House:
    """This gateway on which local devices wait, a recorder before it, and a person with either CLI."""

    gateway: OurGateway
    recorder: Recorder
    ours: Cli
    real: Cli

    def code(self) -> str:
        """A setup code for a node that leads through the recorder."""
        there = f"ws://127.0.0.1:{self.recorder.port}"
        return str(self.ours.json("devices", "setup-code", "--no-qr", "--public-url", there)["setupCode"])


@pytest.fixture(scope="module")
def house(place: Path) -> Iterator[House]:
    port = free_port()
    with Recorder(port) as recorder:
        known_as = {"remote": {"url": f"ws://127.0.0.1:{recorder.port}"}}
        with OurGateway(place / "gateway", port, TOKEN, EXPLICIT_PAIRING | known_as) as gateway:
            through = (recorder.port, TOKEN)
            yield House(
                gateway, recorder, our_cli(*through, place / "ours"), real_cli(*through, place / "real")
            )


def enters(house: House, node: NodeHost, name: str) -> str:
    """The node is in with its commands although nobody was asked; its id."""

    def look() -> str | None:
        rows = house.ours.json("nodes", "status")["nodes"]
        return next((row["nodeId"] for row in rows if row.get("displayName") == name), None)

    node_id = await_value(look, f"a node named {name}", evidence=node.tail)
    row = sees_node(house.ours, node_id, node, connected=True, approvalState="approved")
    assert {"system.run", "system.which"} <= set(row["commands"])
    assert house.real.json("nodes", "invoke", "--node", name, *WHICH)["payload"]["bins"]["sh"]
    return node_id


WHICH = ("--command", "system.which", "--params", '{"bins":["sh"]}')


def test_in_with_a_code_and_back_without_it(house: House, place: Path) -> None:
    code = house.code()
    with RealNodeHost(None, None, "Coded Node", place / "coded", "--pair", f"oc-pair://{code}") as node:
        node_id = enters(house, node, "Coded Node")
        before = sees_node(house.ours, node_id, node, connected=True)
        house.gateway.kill()
        house.gateway.start()
        returned(house.ours, before, node)
        with RealNodeHost(None, None, "Second Node", place / "second", "--pair", code) as second:
            await_value(
                lambda: not second.alive, "the end of the node with a spent code", evidence=second.tail
            )
            assert "AUTH_BOOTSTRAP_TOKEN_INVALID" in second.output(), second.tail()

        house.real.ok("devices", "rotate", "--device", node_id, "--role", "node")
        said = "AUTH_DEVICE_TOKEN_MISMATCH; waiting for operator action"
        await_value(lambda: said in node.output(), "word of the replaced token", evidence=node.tail)
    with RealNodeHost(None, None, "Coded Node", place / "coded", "--pair", house.code()) as node:
        enters(house, node, "Coded Node")
        house.real.ok("nodes", "remove", "--node", node_id)
        await_value(lambda: node_row(house.ours, node_id) is None, "the node gone", evidence=node.tail)
    with RealNodeHost(None, None, "Coded Node", place / "coded", "--pair", house.code()) as node:
        assert enters(house, node, "Coded Node") == node_id
    assert not house.ours.json("devices", "list")["pending"]


def test_in_with_the_command_that_the_original_cli_prints(house: House, place: Path) -> None:
    offer = house.real.json("devices", "join-code")
    link = offer["joinUrl"]
    assert link.startswith(f"http://127.0.0.1:{house.recorder.port}/j/")
    with RealConnect(None, None, "Linked Node", place / "linked", link) as node:
        enters(house, node, "Linked Node")
        with RealConnect(None, None, "Late Node", place / "late", link) as late:
            await_value(lambda: not late.alive, "the end of the second one", evidence=late.tail)
            assert "not found or has expired" in late.output(), late.tail()


def test_every_frame_obeyed_the_published_schema(house: House, schema: Schema) -> None:
    told = [
        body["event"] for link in house.recorder.links for body in link.sent_by("gateway") if "event" in body
    ]
    assert "node.invoke.request" in told
    assert schema.faults(house.recorder.links) == []

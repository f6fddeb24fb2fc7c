"""One process of the original node host through everything that pairing can do to it on this gateway.

It waits for a person, comes in by itself, and survives the gateway's end in each of these states. The
person types with either CLI; nobody ever starts the node again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .hand_clients import HandOperator
from .peers import Cli, OurGateway, RealNodeHost, our_cli, real_cli
from .process import await_value, free_port
from .recorder import Recorder
from .scenario import EXPLICIT_PAIRING
from .schema import Schema
from .watch import device_request, node_row, returned, sees_node, surface_request

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900, func_only=True), pytest.mark.usefixtures("peers")]

TOKEN = "interop-token-0123456789"
APPROVED = {"connected": True, "approvalState": "approved"}


@dataclass
class Life:
    """The gateway, its recorder, both CLIs, the one node process, and its id once it is known."""

    gateway: OurGateway
    recorder: Recorder
    ours: Cli
    real: Cli
    node: RealNodeHost
    node_id: str = ""

    def crash(self) -> None:
        """End the gateway with kill -9 and start it again."""
        self.gateway.kill()
        self.gateway.start()

    def is_in(self) -> dict[str, object]:
        """Wait until the node is connected and approved; it then does what it is asked."""
        row = sees_node(self.ours, self.node_id, self.node, **APPROVED)
        words = ("--node", self.node_id, "--command", "system.which", "--params", '{"bins":["sh"]}')
        assert self.ours.json("nodes", "invoke", *words)["payload"]["bins"]["sh"]
        return row

    def waits(self) -> str:
        """Wait until the node asks to come in; the id of its request, which a crash of the gateway keeps."""
        request = device_request(self.ours, self.node)
        self.crash()
        assert device_request(self.ours, self.node) == request
        return request


@pytest.fixture(scope="module")
def life(place: Path) -> Iterator[Life]:
    port = free_port()
    with (
        OurGateway(place / "gateway", port, TOKEN, EXPLICIT_PAIRING) as gateway,
        Recorder(port) as recorder,
        RealNodeHost(recorder.port, TOKEN, "Patient Node", place / "node") as node,
    ):
        through = (recorder.port, TOKEN)
        yield Life(
            gateway, recorder, our_cli(*through, place / "ours"), real_cli(*through, place / "real"), node
        )
        assert node.output().count("advertised commands") == 1, "the host was started again"


def test_one_approval_of_ours_lets_the_waiting_node_in(life: Life) -> None:
    said = life.ours.ok("nodes", "approve", life.waits())
    assert "system.run" in said
    life.node_id = life.ours.json("nodes", "status")["nodes"][0]["nodeId"]
    life.is_in()


def test_a_crash_of_the_gateway_costs_nothing(life: Life) -> None:
    before = life.is_in()
    life.crash()
    after = returned(life.ours, before, life.node)
    assert after["commands"] == before["commands"]


def test_events_that_it_does_not_know_do_not_disturb_it(life: Life) -> None:
    with HandOperator(life.gateway.port, TOKEN) as operator:
        operator.connect()
        queued = operator.ask("node.pending.enqueue", {"nodeId": life.node_id, "type": "status.request"})
        assert queued["ok"], queued
    await_value(lambda: told(life.recorder, "node.pending.available"), "a word of the work that waits")
    life.is_in()


def test_rotated_by_the_original_cli_it_comes_back_with_the_new_token(life: Life) -> None:
    before = life.is_in()
    answer = life.real.json("devices", "rotate", "--device", life.node_id, "--role", "node")
    assert answer["tokenDelivery"] == "withheld-cross-device"
    returned(life.ours, before, life.node)
    tokens = hello_tokens(life.recorder)
    assert tokens[-1] != tokens[-2]


def test_revoked_by_the_original_cli_it_waits_and_gets_its_commands_back(life: Life) -> None:
    life.real.ok("devices", "revoke", "--device", life.node_id, "--role", "node")
    request = life.waits()
    (listed,) = life.real.json("devices", "list")["pending"]
    assert (listed["requestId"], listed["isRepair"]) == (request, True)
    life.real.ok("devices", "approve", request)
    life.is_in()


def test_removed_as_a_node_and_approved_in_two_steps_by_the_original_cli(life: Life) -> None:
    life.real.ok("nodes", "remove", "--node", "Patient Node")
    request = life.waits()
    assert node_row(life.ours, life.node_id) is None
    life.real.ok("devices", "approve", request)
    surface = surface_request(life.ours, life.node)
    before = sees_node(life.ours, life.node_id, life.node, connected=True, approvalState="pending-approval")
    life.crash()
    await_value(lambda: is_newer(life, before), "the node back, still waiting", evidence=life.node.tail)
    assert surface_request(life.ours, life.node)["requestId"] == surface["requestId"]
    life.real.ok("nodes", "approve", surface["requestId"])
    life.is_in()


def test_removed_as_a_device_and_paired_anew(life: Life) -> None:
    life.real.ok("devices", "remove", life.node_id)
    life.ours.ok("nodes", "approve", life.waits())
    life.is_in()


def test_every_frame_obeyed_the_published_schema(life: Life, schema: Schema) -> None:
    assert not told_nodes(life.recorder, "device.pair.requested"), "only operators hear of requests"
    assert told(life.recorder, "node.invoke.request")
    assert schema.faults(life.recorder.links) == []


def is_newer(life: Life, before: dict[str, object]) -> bool:
    row = node_row(life.ours, life.node_id)
    return bool(row and row["connected"] and row["connectedAtMs"] > before["connectedAtMs"])


def told(recorder: Recorder, event: str) -> bool:
    """True when the gateway sent such an event."""
    sent = (body for link in recorder.links for body in link.sent_by("gateway"))
    return any(body.get("event") == event for body in sent)


def told_nodes(recorder: Recorder, event: str) -> bool:
    """True when the gateway sent such an event over a connection that it had admitted as a node."""
    for link in recorder.links:
        sent = list(link.sent_by("gateway"))
        roles = [(body.get("payload") or {}).get("auth", {}).get("role") for body in sent if "ok" in body]
        if "node" in roles and any(body.get("event") == event for body in sent):
            return True
    return False


def hello_tokens(recorder: Recorder) -> list[str]:
    """The node tokens that hello-ok frames carried, in order."""
    sent = (body.get("payload") or {} for link in recorder.links for body in link.sent_by("gateway"))
    offers = (payload["auth"] for payload in sent if payload.get("type") == "hello-ok")
    return [auth["deviceToken"] for auth in offers if auth["role"] == "node"]

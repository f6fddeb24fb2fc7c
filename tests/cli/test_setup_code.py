"""`openclaw devices setup-code`, and approvals of device and surface together."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.cli.joint_approval import approve_device_and_surface
from openclaw_core.cli.qr import qr_text, setup_lines
from openclaw_core.cli.setup_offer import read_offer
from openclaw_core.errors import ConfigError, GatewayUnreachableError, InvalidRequestError
from openclaw_core.protocol.setup import SetupPayload, decode_setup_code, encode_setup_code
from openclaw_core.testing import FakeDevice, node_params, operator_params

from .conftest import Cli, Start

pytestmark = pytest.mark.anyio

URL = "ws://127.0.0.1:9"
BY_HAND = {"nodes.pairing.autoApproveLocal": False}


async def test_a_code_for_a_node_as_text_and_qr(start: Start, cli: Cli) -> None:
    gateway = await start()
    shown = await cli("devices", "setup-code", "--public-url", gateway.url, "--link")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    code = lines[1].strip()
    assert lines[0] == "Setup code for a node: its device and the commands it offers"
    assert lines[2] == "It gives: role node, no scopes; what the device offers now is approved with it"
    assert re.fullmatch(rf"It works once, within 10m, until \d\d:\d\d, at {gateway.url}", lines[3])
    assert lines[5].strip() == f"openclaw node run --pair {code}"
    assert "█" in lines[-1] or "▀" in lines[-1]
    offer = await asyncio.to_thread(read_offer, lines[7].strip())
    assert offer.bootstrap_token == decode_setup_code(code).bootstrap_token
    with pytest.raises(ConfigError, match="works once"):
        await asyncio.to_thread(read_offer, lines[7].strip())


async def test_a_link_for_a_node_and_what_to_type_there(start: Start, cli: Cli) -> None:
    gateway = await start()
    shown = await cli("devices", "join-code", "--public-url", gateway.url)
    link, command, gives, works = shown.out.splitlines()
    assert gives.startswith("It gives: role node")
    assert works.startswith("It works once, within 10m, until ")
    assert command == f"openclaw node run --pair {link}"
    assert (await asyncio.to_thread(read_offer, link)).url == gateway.url
    nowhere = await cli("devices", "join-code")
    assert nowhere.code == 1
    assert "gateway.bind" in nowhere.err


async def test_a_qr_for_a_phone(start: Start, cli: Cli) -> None:
    gateway = await start()
    drawn = await cli("qr", "--public-url", gateway.url)
    assert drawn.code == 0, drawn.err
    assert drawn.out.startswith("Setup code for an operator with every right, admin included")
    assert "▀" in drawn.out
    bare = await cli("qr", "--limited", "--setup-code-only", "--public-url", gateway.url)
    assert decode_setup_code(bare.out).url == gateway.url


async def test_an_operators_code_for_a_plain_connection(start: Start, cli: Cli) -> None:
    await start()
    shown = await cli(
        "devices", "setup-code", "--profile", "full", "--public-url", "ws://192.0.2.7", "--no-qr"
    )
    assert shown.out.startswith("Setup code for an operator that reads, writes and answers approvals")
    assert "not encrypted" in shown.out


async def test_json_and_the_other_profiles(start: Start, cli: Cli) -> None:
    gateway = await start()
    answer = await cli("devices", "setup-code", "--profile", "full", "--public-url", gateway.url, "--json")
    assert answer.json["access"] == "full"
    assert answer.json["qrDataUrl"].startswith("data:image/png;base64,")
    wrong = await cli("devices", "setup-code", "--profile", "king")
    assert wrong.code == 2
    assert "node, limited, full" in wrong.err


@pytest.mark.parametrize(("access", "last"), [("limited", "Scan it"), ("full", "Scan it")])
def test_what_a_person_does_with_an_operators_code(access: str, last: str) -> None:
    answer = {"setupCode": "abc", "access": access, "gatewayUrl": URL, "expiresAtMs": 600_000}
    lines = setup_lines(answer, 0)
    assert "operator" in lines[0]
    assert lines[2].startswith("It gives: role operator with operator.a")
    assert ("operator.admin" in lines[2]) is (access == "full")
    assert "becomes a node, too; its commands wait for your approval" in lines[3]
    assert lines[-1].startswith(last)


def test_a_drawn_code_is_square_and_quiet_at_the_border() -> None:
    drawn = qr_text("x" * 180)
    assert len({len(line) for line in drawn}) == 1
    assert abs(len(drawn[0]) - 2 * len(drawn)) <= 1


def test_a_code_is_read_as_it_was_written() -> None:
    payload = SetupPayload.model_validate({"url": URL, "bootstrapToken": "t", "tlsFingerprint": "ab" * 32})
    code = encode_setup_code(payload)
    assert decode_setup_code(f" {code[:9]}\n {code[9:]} ") == payload
    assert decode_setup_code(f"oc-pair://{code}") == read_offer(f"OC-PAIR://{code}") == payload


@pytest.mark.parametrize("text", ["", "hello", "e30", "WzFd", "ä", "eyJ1cmwiOiJ3czovL3gifQ"])
def test_what_is_no_code(text: str) -> None:
    with pytest.raises(ConfigError, match="no setup code"):
        read_offer(text)


def test_a_link_to_nowhere() -> None:
    with pytest.raises(GatewayUnreachableError, match=r"http://127.0.0.1:9/j/…"):
        read_offer("http://127.0.0.1:9/j/secret-ticket")


async def knock(gateway: Any, params: dict[str, Any], device: FakeDevice) -> str:
    wire = await gateway.wire()
    answer = await wire.connect(params, device)
    return str(answer["error"]["details"]["requestId"])


async def test_nodes_approve_takes_a_device_request_and_does_both(start: Start, cli: Cli) -> None:
    gateway, device = await start(BY_HAND), FakeDevice()
    request_id = await knock(gateway, node_params(["demo.any"]), device)
    listed = await cli("devices", "list")
    assert str(verification_code(device.device_id)) in listed.out
    approved = await cli("nodes", "approve", request_id)
    assert approved.out.splitlines() == [
        f"Approved the device of Test Node (verification code {verification_code(device.device_id)})",
        "Approved its commands: demo.any",
        "It comes in by itself.",
    ]
    wire = await gateway.wire()
    assert (await wire.connect(node_params(["demo.any"]), device))["ok"]
    operator = await gateway.operator()
    row = await operator.call("node.describe", {"nodeId": device.device_id})
    assert row["commands"] == ["demo.any"]


async def test_nodes_approve_leaves_operators_alone(start: Start, cli: Cli) -> None:
    gateway = await start(BY_HAND)
    request_id = await knock(gateway, operator_params(["operator.read"]), FakeDevice())
    refused = await cli("nodes", "approve", request_id)
    assert refused.code == 1
    assert refused.err.splitlines()[-1].endswith(f"openclaw devices approve {request_id}")


class OriginalGateway:
    """A call to a gateway that knows no joint approval, as its published schema has it."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.waiting = request
        self.calls: list[dict[str, Any]] = []
        self.said: list[str] = []

    async def request(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        if method == "device.pair.list":
            return {"pending": [self.waiting], "paired": []}
        assert params is not None
        self.calls.append(params)
        if "surface" in params:
            text = "invalid device.pair.approve params: at root: unexpected property 'surface'"
            raise InvalidRequestError(text)
        return {"requestId": params["requestId"], "device": {"deviceId": self.waiting["deviceId"]}}

    def show(self, _: Any, *lines: str) -> None:
        self.said += lines


async def test_a_gateway_without_joint_approval_gets_the_device_approved() -> None:
    call = OriginalGateway({"requestId": "r", "deviceId": "0" * 64, "role": "node", "displayName": "Lab"})
    assert await approve_device_and_surface(call, "r")  # type: ignore[arg-type]
    assert call.calls == [{"requestId": "r", "surface": True}, {"requestId": "r"}]
    assert call.said[-1].endswith("openclaw nodes pending")
    assert not await approve_device_and_surface(call, "other")  # type: ignore[arg-type]

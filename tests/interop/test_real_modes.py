"""The original node host and CLI against this gateway with TLS, with a password, and with no secret."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

import pytest

from .peers import OURS, Cli, OurGateway, Peers, RealNodeHost, configured_cli
from .process import await_value, free_port
from .recorder import Recorder
from .schema import Schema
from .watch import sees_node, surface_request

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900, func_only=True)]

TOKEN = "interop-token-0123456789"
PASSWORD = "interop-password-0123456789"
WHICH = ("--command", "system.which", "--params", '{"bins":["sh"]}')


def is_served(cli: Cli, original: Cli, node: RealNodeHost, user: Cli | None = None) -> str:
    """Approve the waiting surface with the original CLI, use it with `user` or the same; the node's id."""
    request = surface_request(cli, node)
    original.ok("nodes", "approve", request["requestId"])
    sees_node(cli, request["nodeId"], node, connected=True, approvalState="approved")
    answer = (user or original).json("nodes", "invoke", "--node", request["nodeId"], *WHICH)
    assert answer["payload"]["bins"]["sh"]
    return str(request["nodeId"])


def test_tls_with_a_pin_by_flag_and_by_code(peers: Peers, place: Path, schema: Schema) -> None:
    with OurGateway(place / "tls", free_port(), TOKEN, {"tls": {"enabled": True}}) as gateway:
        own = gateway.state_dir / "tls"
        certificate = (own / "gateway-cert.pem", own / "gateway-key.pem")
        pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate[0].read_text())).hexdigest()
        with Recorder(gateway.port, certificate) as recorder:
            remote = {"url": f"wss://127.0.0.1:{recorder.port}", "token": TOKEN, "tlsFingerprint": pin}
            there = {"mode": "remote", "remote": remote}
            ours = configured_cli(OURS, place / "tls-ours", there)
            original = configured_cli(peers.argv, place / "tls-real", there)
            by_flag = ("--tls", "--tls-fingerprint", pin)
            with RealNodeHost(recorder.port, TOKEN, "Pinned Node", place / "pinned", *by_flag) as node:
                is_served(ours, original, node)
            with RealNodeHost(
                recorder.port, TOKEN, "Wary Node", place / "wary", *by_flag[:2], "0" * 64
            ) as wary:
                await_value(lambda: "fingerprint mismatch" in wary.output(), "a refusal", evidence=wary.tail)
            code = ours.json("devices", "setup-code", "--no-qr", "--public-url", gateway.address)["setupCode"]
            with RealNodeHost(None, None, "Coded Node", place / "coded", "--pair", code) as node:
                await_value(lambda: is_in(ours, "Coded Node"), "the node with the code", evidence=node.tail)
            assert not is_in(ours, "Wary Node")
        assert schema.faults(recorder.links) == []


def is_in(cli: Cli, name: str) -> bool:
    """True when a node of that name is connected with approved commands."""
    rows = cli.json("nodes", "status")["nodes"]
    return any(
        (row.get("displayName"), row["connected"], row.get("approvalState")) == (name, True, "approved")
        for row in rows
    )


def test_a_password(peers: Peers, place: Path, schema: Schema) -> None:
    secret = {"auth": {"mode": "password", "password": PASSWORD}}
    with (
        OurGateway(place / "password", free_port(), TOKEN, secret) as gateway,
        Recorder(gateway.port) as recorder,
    ):
        there = {"mode": "remote", "remote": {"url": f"ws://127.0.0.1:{recorder.port}", "password": PASSWORD}}
        ours = configured_cli(OURS, place / "password-ours", there)
        original = configured_cli(peers.argv, place / "password-real", there)
        with RealNodeHost(recorder.port, None, "Secret Node", place / "secret", password=PASSWORD) as node:
            is_served(ours, original, node)
        with RealNodeHost(recorder.port, None, "Guessing Node", place / "guess", password="guess") as guess:
            await_value(lambda: not guess.alive, "the end of a node that guesses", evidence=guess.tail)
            assert "AUTH_PASSWORD_MISMATCH" in guess.output(), guess.tail()
        assert schema.faults(recorder.links) == []


def test_no_secret(peers: Peers, place: Path, schema: Schema) -> None:
    with (
        OurGateway(place / "open", free_port(), TOKEN, {"auth": {"mode": "none"}}) as gateway,
        Recorder(gateway.port) as recorder,
    ):
        there = {"mode": "local", "port": recorder.port, "auth": {"mode": "none"}}
        ours = configured_cli(OURS, place / "open-ours", there)
        original = configured_cli(peers.argv, place / "open-real", there)
        with RealNodeHost(recorder.port, None, "Open Node", place / "free") as node:
            # The original CLI invokes without a device, which either gateway refuses in this mode.
            is_served(ours, original, node, user=ours)
        assert schema.faults(recorder.links) == []

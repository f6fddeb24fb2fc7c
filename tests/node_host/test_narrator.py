"""What the node host says: each state once, each refusal with its cure."""

from __future__ import annotations

from typing import Any

import pytest

from openclaw_core.client import HandshakeRefusedError
from openclaw_core.errors import ConfigError
from openclaw_core.node_host.narrator import Narrator, explain_refusal, explain_surface_wait


def test_a_state_is_told_once_until_another_came() -> None:
    told: list[str] = []
    narrator = Narrator(told.append)
    for state, text in [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")]:
        narrator.say((state,), text)
    assert told == ["1", "3", "4"]


def test_lines_pass_a_pipe_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator().say(("x",), "hello")
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("AUTH_BOOTSTRAP_TOKEN_INVALID", "openclaw devices setup-code"),
        ("AUTH_DEVICE_TOKEN_MISMATCH", "--token and the gateway's token"),
        ("AUTH_PASSWORD_MISMATCH", "OPENCLAW_GATEWAY_PASSWORD"),
        ("AUTH_PASSWORD_MISSING", "OPENCLAW_GATEWAY_PASSWORD"),
        ("AUTH_RATE_LIMITED", "wait, then start the node again"),
        ("AUTH_SCOPE_MISMATCH", "openclaw devices list"),
        ("AUTH_TOKEN_MISMATCH", "OPENCLAW_GATEWAY_TOKEN"),
        ("AUTH_TOKEN_MISSING", "OPENCLAW_GATEWAY_TOKEN"),
        ("PROTOCOL_MISMATCH", "update the gateway or this node"),
        ("AUTH_SOMETHING_NEW", "check this node's credentials"),
    ],
)
def test_a_refusal_names_its_cure(code: str, cure: str) -> None:
    text = explain_refusal(HandshakeRefusedError({"message": "because", "details": {"code": code}}))
    assert text.startswith("the gateway refused this node: because; ")
    assert cure in text


@pytest.mark.parametrize(
    ("details", "command"),
    [({"requestId": "r1"}, "openclaw devices approve r1"), ({}, "openclaw devices list")],
)
def test_waiting_for_the_device(details: dict[str, Any], command: str) -> None:
    refusal = {"message": "not approved yet", "details": {"code": "PAIRING_REQUIRED", **details}}
    text = explain_refusal(HandshakeRefusedError(refusal))
    assert text == f"waiting for device approval (not approved yet); on the gateway, run: {command}"


def test_waiting_for_the_surface() -> None:
    assert explain_surface_wait("s1").endswith("run: openclaw nodes approve s1")
    assert "openclaw nodes pending" in explain_surface_wait(None)


def test_a_fault_of_the_settings_is_told_as_it_is() -> None:
    assert explain_refusal(ConfigError("the pin is wrong")) == "cannot connect: the pin is wrong"

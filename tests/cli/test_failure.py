"""Every refusal ends with what to type next, and with the right exit code."""

from __future__ import annotations

import errno
import json

import pytest
import typer

from openclaw_core.cli.failure import CliError, funnel, next_steps, report
from openclaw_core.errors import (
    ConfigError,
    ForbiddenError,
    GatewayUnreachableError,
    InvalidRequestError,
    NotPairedError,
    OpenClawError,
    PluginError,
    UnavailableError,
    missing_scope,
)

REFUSALS: list[tuple[OpenClawError, str]] = [
    (NotPairedError("x", {"code": "PAIRING_REQUIRED", "requestId": "R1"}), "openclaw devices approve R1"),
    (NotPairedError("pairing required", {"code": "PAIRING_REQUIRED"}), "openclaw devices list"),
    (UnavailableError("x", {"code": "PAIRING_CHANGED", "reason": "awaiting-approval", "requestId": "S1"}),
     "openclaw nodes approve S1"),
    (InvalidRequestError("x", {"reason": "command not allowlisted", "pendingRequestId": "S2"}),
     "openclaw nodes approve S2"),
    (UnavailableError("x", {"code": "PAIRING_CHANGED", "reason": "unknown-node"}), "openclaw nodes list"),
    (UnavailableError("x", {"code": "PAIRING_CHANGED"}), "openclaw nodes pending"),
    (missing_scope("operator.admin"), "--token TOKEN"),
    (ForbiddenError("x", {"code": "MISSING_SCOPE", "missingScope": "operator.write"}), "--token TOKEN"),
    (InvalidRequestError("x", {"code": "AUTH_TOKEN_MISMATCH"}), "OPENCLAW_GATEWAY_TOKEN=TOKEN"),
    (InvalidRequestError("x", {"code": "AUTH_PASSWORD_MISSING"}), "OPENCLAW_GATEWAY_PASSWORD=PASSWORD"),
    (InvalidRequestError("x", {"code": "AUTH_DEVICE_TOKEN_MISMATCH"}),
     "openclaw gateway status --token TOKEN"),
    (InvalidRequestError("x", {"code": "AUTH_SCOPE_MISMATCH"}), "openclaw gateway status --token TOKEN"),
    (InvalidRequestError("x", {"code": "AUTH_RATE_LIMITED"}), "openclaw gateway status"),
    (UnavailableError("x", {"code": "NOT_CONNECTED"}), "openclaw nodes status --connected"),
    (UnavailableError("x", {"nodeError": {"code": "NOT_CONNECTED"}}), "openclaw nodes status --connected"),
    (UnavailableError("x", {"nodeError": {"code": "TIMEOUT"}}), "--invoke-timeout 60000"),
    (InvalidRequestError("x", {"reason": "command not allowlisted"}), "openclaw nodes describe --node NODE"),
    (InvalidRequestError("x", {"reason": "command not allowlisted", "command": "lamp.on"}),
     "openclaw nodes explain NODE lamp.on"),
    (UnavailableError("x", {"nodeError": {"code": "UNAVAILABLE"}}), "openclaw node doctor"),
    (InvalidRequestError("the gateway listens on loopback only, where"), "openclaw onboard --bind lan --tls"),
    (ConfigError("gateway URL 'x' is wrong"), "--url ws://HOST:18789 --token TOKEN"),
    (InvalidRequestError("unknown nodeId"), "openclaw nodes list"),
    (InvalidRequestError("unknown deviceId"), "openclaw devices list"),
    (InvalidRequestError("device token rotation denied"), "openclaw devices list"),
    (GatewayUnreachableError("x"), "--token TOKEN"),
    (PluginError("x", "pip install y"), "pip install y"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "command"), REFUSALS)
def test_the_last_step_ends_with_the_command_to_type(error: OpenClawError, command: str) -> None:
    assert next_steps(error)[-1].endswith(command)


@pytest.mark.parametrize(
    ("error", "code"),
    [(error, 3 if isinstance(error, GatewayUnreachableError) else 1) for error, _ in REFUSALS]
    + [
        (ConfigError("x"), 1),
        (CliError("x", code="X", exit_code=2), 2),
        (ValueError("x"), 1),
    ],
)
def test_exit_codes(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(error, as_json=False) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.out == ""


def test_json_has_the_stable_shape(capsys: pytest.CaptureFixture[str]) -> None:
    error = NotPairedError("no", {"code": "PAIRING_REQUIRED", "requestId": "R1"})
    assert report(error, as_json=True) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "ok": False,
        "error": {
            "type": "cli_error",
            "code": "NOT_PAIRED",
            "message": "no",
            "details": {"code": "PAIRING_REQUIRED", "requestId": "R1"},
        },
    }
    assert "openclaw devices approve R1" in captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), "CONFIG"),
        (GatewayUnreachableError("x"), "GATEWAY_UNREACHABLE"),
        (CliError("x", code="UNKNOWN_NODE"), "UNKNOWN_NODE"),
        (ForbiddenError("x"), "FORBIDDEN"),
        (ZeroDivisionError("x"), "INTERNAL"),
    ],
)
def test_json_codes(error: Exception, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    report(error, as_json=True)
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_a_hostile_message_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report(InvalidRequestError("\x1b]0;owned\x07"), as_json=False)
    assert "\x1b" not in capsys.readouterr().err


def test_a_traceback_only_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENCLAW_DEBUG", raising=False)
    report(KeyError("k"), as_json=False)
    assert "OPENCLAW_DEBUG=1" in capsys.readouterr().err
    monkeypatch.setenv("OPENCLAW_DEBUG", "1")
    report(KeyError("k"), as_json=False)
    assert "KeyError: 'k'" in capsys.readouterr().err


def test_params_that_are_refused_lead_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    error = InvalidRequestError("invalid lamp.on params: at /level: must be <= 9")
    report(error, as_json=False, doing="nodes lamp on")
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("nodes lamp on failed: invalid lamp.on params")
    assert said[-1].endswith("openclaw nodes lamp on --help")


def test_a_full_disk_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(OSError(errno.ENOSPC, "No space left on device"), as_json=False) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: cannot write the output: No space left on device\n")
    assert "bug" not in said


def test_the_funnel_ends_in_an_exit() -> None:
    with pytest.raises(typer.Exit) as caught, funnel():
        raise GatewayUnreachableError("x")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("passing", [typer.Exit(7), typer.BadParameter("x"), BrokenPipeError()])
def test_the_funnel_lets_the_shells_own_endings_pass(passing: Exception) -> None:
    with pytest.raises(type(passing)), funnel():
        raise passing

"""`openclaw node`: where it connects, with which credential, and what it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.cli import node
from openclaw_core.config import load_settings

LOCAL = "ws://127.0.0.1:18789"


@pytest.fixture(autouse=True)
def clean_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("OPENCLAW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path))
    return tmp_path


def test_identity_is_made_once_and_printed_both_ways(clean_state: Path) -> None:
    first = CliRunner().invoke(node.app, ["identity", "--json"])
    document = json.loads(first.stdout)
    assert set(document) == {"deviceId", "publicKey"}
    plain = CliRunner().invoke(node.app, ["identity"])
    assert plain.stdout == (
        f"deviceId   {document['deviceId']}\npublicKey  {document['publicKey']}\n"
        f"code       {verification_code(document['deviceId'])}\n"
    )
    assert (clean_state / "node" / "identity.json").exists()


def test_a_broken_identity_ends_with_1(clean_state: Path) -> None:
    (clean_state / "node").mkdir()
    (clean_state / "node" / "identity.json").write_text("{")
    result = CliRunner().invoke(node.app, ["identity"])
    assert result.exit_code == 1
    assert "is broken" in result.stderr


@pytest.mark.parametrize(
    ("host", "port", "tls", "url"),
    [
        (None, None, False, LOCAL),
        ("gw.example", None, False, "ws://gw.example:18789"),
        ("gw.example", 7, True, "wss://gw.example:7"),
        ("::1", 7, False, "ws://[::1]:7"),
        (None, 7, False, "ws://127.0.0.1:7"),
    ],
)
def test_the_address(host: str | None, port: int | None, tls: bool, url: str) -> None:
    assert node._gateway_url(load_settings(), host, port, tls=tls) == url


def test_secrets_of_the_settings_stay_with_their_gateway(
    clean_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clean_state / "gateway-token").write_text("minted\n")
    settings = load_settings()
    assert node._credentials(settings, LOCAL, None, None) == ("minted", None)
    assert node._credentials(settings, "ws://elsewhere.example:18789", None, None) == (None, None)
    assert node._credentials(settings, LOCAL, "flag", None) == ("flag", None)
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "env")
    assert node._credentials(load_settings(), "ws://elsewhere.example:18789", None, None) == ("env", None)


def test_a_pin_of_the_settings_goes_to_the_configured_gateway_only(clean_state: Path) -> None:
    remote = {"url": "wss://gw.example:1", "tlsFingerprint": "ab" * 32}
    (clean_state / "openclaw.json").write_text(json.dumps({"gateway": {"mode": "remote", "remote": remote}}))
    settings = load_settings()
    assert node._configured_fingerprint(settings, None, None) == "ab" * 32
    assert node._configured_fingerprint(settings, "127.0.0.1", None) is None


def test_an_unknown_command_name_ends_with_1() -> None:
    result = CliRunner().invoke(node.app, ["run", "--commands", "nobody.has"])
    assert result.exit_code == 1
    assert "nobody.has" in result.stderr


def test_sigterm_ends_a_process_that_looks_for_its_gateway_with_0(clean_state: Path) -> None:
    script = "from openclaw_core.cli.node import app; app()"
    # Nothing listens on the discard port of loopback.
    command = [sys.executable, "-c", script, "run", "--host", "127.0.0.1", "--port", "9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # Before it, what this machine lacks for some of the families.
        said = next(line for line in process.stdout if not line.startswith("not offered: "))
        assert said.startswith("connecting to ws://127.0.0.1:9")
        assert "openclaw gateway run --port 9" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    assert (rest, process.returncode) == ("stopped\n", 0)

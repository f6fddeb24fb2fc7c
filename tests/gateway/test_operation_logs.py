"""Structured logs of the real program: one JSON object a line, the connection named, no secret."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import structlog

from openclaw_core.gateway.logs import Redactor, configure_logging
from openclaw_core.testing import FakeDevice, Wire, node_params, operator_params

pytestmark = pytest.mark.anyio

SECRET = "shared-secret-0123456789"


@contextmanager
def running(tmp_path, *flags, **variables):
    """The program on a free port: its port, and its stderr once it has ended."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENCLAW_")}
    env |= {"OPENCLAW_STATE_DIR": str(tmp_path / "state"), "OPENCLAW_GATEWAY_TOKEN": SECRET, **variables}
    command = [sys.executable, "-m", "openclaw_core", "gateway", "run", "--port", "0", *flags]
    lines: list[str] = []
    with (
        (tmp_path / "err").open("w+") as err,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=err, text=True) as child,
    ):
        try:
            assert child.stdout is not None
            port = int(child.stdout.readline().split("serves on ws://127.0.0.1:")[1].split()[0])
            yield port, lines
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(timeout=20)
            err.seek(0)
            lines += err.read().splitlines()


async def use_every_secret(port):
    """Connects that carry tokens, signatures and passwords, right and wrong; what they carried."""
    device, url = FakeDevice(), f"ws://127.0.0.1:{port}"
    async with Wire.open(url) as node:
        params = node_params(["demo.echo"], token=SECRET)
        proof = device.prove(params, node.nonce, node.challenged_at)
        hello = await node.request("connect", {**params, "device": proof})
        device_token = hello["payload"]["auth"]["deviceToken"]
    for auth in (
        {"token": "wrong-token-1", "password": "wrong-password-1"},
        {"deviceToken": device_token + "z", "bootstrapToken": "setup-code-1"},
    ):
        async with Wire.open(url) as wire:
            await wire.connect({**operator_params(token=None), "auth": auth}, device)
    async with Wire.open(url) as operator:
        assert (await operator.connect(operator_params(token=SECRET)))["ok"]
        await operator.request("node.list", {"token": "in-params-1"})
        await operator.request("no.such.method", {"password": "in-params-2"})
    return [
        SECRET, device_token, proof["signature"], "wrong-token-1", "wrong-password-1", "setup-code-1",
        "in-params-1", "in-params-2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "variables"), [(("--log-format", "json"), {}), ((), {"OPENCLAW_LOG_FORMAT": "json"})]
)
async def test_a_client_that_sends_tokens_leaves_none_in_the_log(tmp_path, flags, variables):
    with running(tmp_path, *flags, **variables) as (port, lines):
        secrets = await use_every_secret(port)
    text = "\n".join(lines)
    assert "AUTH_TOKEN_MISMATCH" in text
    assert [secret for secret in secrets if secret in text] == []
    records = [json.loads(line) for line in lines]
    assert {"connected", "disconnected", "refused"} <= {record["event"] for record in records}
    assert all(record["conn"] for record in records if record["event"] in ("connected", "refused"))
    assert all({"level", "timestamp"} <= record.keys() for record in records)


@pytest.fixture
def log():
    """Sets logging up in a format; gives what is logged. The process's own is put back afterwards."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level

    def configure(log_format):
        configure_logging(log_format, [SECRET, None, ""], stream)
        return stream

    yield configure
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_libraries_and_tracebacks_go_the_same_way(log, log_format):
    stream = log(log_format)
    with structlog.contextvars.bound_contextvars(conn="c1"):
        try:
            raise ValueError(f"bad token={SECRET}x and Bearer abcdef")
        except ValueError:
            logging.getLogger("library").exception("broke with %s", {"password": "hunter2"})
        structlog.get_logger().warning("seen", deviceToken="dt-1", inner=[{"signature": "sig-1", "ok": 1}])
    text = stream.getvalue()
    for secret in (SECRET, "hunter2", "abcdef", "dt-1", "sig-1"):
        assert secret not in text
    assert "Traceback" in text
    if log_format == "json":
        first, second = map(json.loads, text.splitlines())
        assert (first["conn"], first["logger"], first["level"]) == ("c1", "library", "error")
        assert second["inner"] == [{"signature": "[redacted]", "ok": 1}]


@pytest.mark.parametrize(
    "text",
    [
        "token=abc123", "token: abc123", '"token": "abc123"', "'deviceToken': 'abc123'", "passwd=abc123",
        "device_token=abc123", "gateway-token=abc123", "Authorization: Bearer abc123", "BEARER abc123",
        "setupCode=abc123", "secret = abc123", "signature:abc123,", "api_key=abc123", "?token=abc123&x=1",
    ],
)  # fmt: skip
async def test_secrets_inside_texts(text):
    assert "abc123" not in Redactor().clean_text(text)


@pytest.mark.parametrize(
    "text", ["device token rotated", "tokens: 3 of 4 issued".replace("tokens:", "tokens"), "a key"]
)
async def test_other_texts_stay_as_they_are(text):
    assert Redactor([SECRET]).clean_text(text) == text


async def test_keys_that_only_sound_like_secrets_stay():
    event = {"tokenDelivery": "in-band", "authReason": "token_mismatch", "code": "AUTH_TOKEN_MISMATCH"}
    assert Redactor()(None, "info", dict(event)) == event

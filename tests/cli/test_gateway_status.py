"""`openclaw gateway status` and every way of not getting in."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from openclaw_core.testing import TOKEN

from .conftest import Cli, Start

pytestmark = pytest.mark.anyio


def _configure(env: dict[str, str], text: str) -> None:
    state = Path(env["OPENCLAW_STATE_DIR"])
    state.mkdir(parents=True)
    (state / "openclaw.json").write_text(text, "utf-8")


def _mode(env: dict[str, str], name: str) -> int:
    return stat.S_IMODE((Path(env["OPENCLAW_STATE_DIR"]) / name).stat().st_mode)


async def test_status(start: Start, cli: Cli) -> None:
    gateway = await start()
    await gateway.node(["demo.any"], approve=False)
    lines = (await cli("gateway", "status")).out.splitlines()
    assert lines[0] == f"Gateway: reachable at {gateway.url}"
    assert "Auth:    token" in lines
    assert "Nodes:   1 connected, 1 paired, 1 known" in lines
    assert "Plugins: 1 loaded" in lines
    assert lines[-1] == "1 waiting for approval: openclaw nodes pending"
    report = (await cli("gateway", "status", "--json")).json
    assert report["ok"] is True
    assert report["nodes"] == {"known": 1, "paired": 1, "connected": 1, "pending": 1}
    assert report["plugins"] == {"loaded": 1, "failed": 0}


@pytest.mark.parametrize("command", [("gateway", "status"), ("nodes", "list"), ("devices", "list")])
async def test_no_gateway_is_exit_code_3(cli: Cli, command: tuple[str, str]) -> None:
    result = await cli(*command, "--url", "ws://127.0.0.1:1", "--token", "t", "--json")
    assert result.code == 3
    assert result.json["error"]["code"] == "GATEWAY_UNREACHABLE"
    assert "openclaw gateway run" in result.err


async def test_a_wrong_token(start: Start, cli: Cli) -> None:
    gateway = await start()
    result = await cli("nodes", "status", "--url", gateway.url, "--token", "wrong", "--json")
    assert result.code == 1
    assert result.json["error"]["details"]["code"] == "AUTH_TOKEN_MISMATCH"
    assert result.err.endswith("export OPENCLAW_GATEWAY_TOKEN=TOKEN\n")


async def test_a_url_needs_its_own_credential(start: Start, cli: Cli, env: dict[str, str]) -> None:
    gateway = await start()
    del env["OPENCLAW_GATEWAY_TOKEN"]
    _configure(env, f"{{gateway:{{auth:{{token:'{TOKEN}'}}}}}}")
    assert (await cli("nodes", "status")).code == 0
    refused = await cli("nodes", "status", "--url", gateway.url)
    assert refused.code == 2
    assert "no credential" in refused.err


async def test_a_gateway_without_auth_gets_the_device_instead(
    start: Start, cli: Cli, env: dict[str, str]
) -> None:
    gateway = await start({"auth.mode": "none"})
    await gateway.node(["demo.any"], approve=False)
    result = await cli("nodes", "status", "--json")
    assert result.code == 0, result.err
    assert _mode(env, "identity/device.json") == 0o600


async def test_a_password(start: Start, cli: Cli, env: dict[str, str]) -> None:
    await start({"auth.mode": "password", "auth.password": "open sesame"})
    del env["OPENCLAW_GATEWAY_TOKEN"]
    assert (await cli("nodes", "status", "--password", "open sesame")).code == 0
    assert (await cli("nodes", "status", OPENCLAW_GATEWAY_PASSWORD="open sesame")).code == 0
    assert (await cli("nodes", "status", "--password", "wrong")).code == 1


async def test_wrong_settings_name_the_key(cli: Cli, env: dict[str, str]) -> None:
    _configure(env, "{gateway:{prot:1}}")
    result = await cli("nodes", "status")
    assert result.code == 1
    assert "did you mean 'port'?" in result.err

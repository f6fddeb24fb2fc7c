"""`openclaw doctor`: every check found well and found wrong, with its cure."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.cli import doctor_gateway
from openclaw_core.cli.doctor_gateway import check_exposure, check_gateway, classify
from openclaw_core.cli.doctor_state import (
    check_clock,
    check_database,
    check_keys,
    check_permissions,
    check_trail,
)
from openclaw_core.cli.findings import Finding
from openclaw_core.config import Settings, load_settings
from openclaw_core.plugins import Candidate, Plugins
from openclaw_core.testing import TestGateway

from .conftest import Start
from .inprocess import run_here

pytestmark = pytest.mark.anyio


def _state(gateway: TestGateway) -> dict[str, str]:
    return {"OPENCLAW_STATE_DIR": str(gateway.settings.state_dir)}


async def test_a_healthy_gateway(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    await gateway.node(["demo.any"])
    result = await run_here(env, "doctor", "--json", **_state(gateway))
    assert result.code == 0, result.out + result.err
    findings = {item["check"]: item for item in result.json["findings"]}
    assert result.json["ok"] is True
    assert {item["status"] for item in findings.values()} == {"ok"}
    assert findings.keys() >= {
        "permissions", "clock", "keys", "database", "audit", "config", "exposure", "families", "gateway",
        "rpc",
    }  # fmt: skip


async def test_what_is_wrong_fails_and_names_the_command(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    token_key = gateway.settings.state_dir / "gateway-token-key"
    token_key.chmod(0o644)
    wrong = await run_here(env, "doctor", OPENCLAW_GATEWAY_TOKEN="wrong-token", **_state(gateway))
    assert wrong.code == 1
    assert (
        f"fail  permissions: {token_key} is open to others (644)\n      -> openclaw doctor --fix" in wrong.out
    )
    assert "fail  rpc: unauthorized: gateway token mismatch" in wrong.out
    fixed = await run_here(env, "doctor", "--fix", **_state(gateway))
    assert fixed.code == 0, fixed.out
    assert stat.S_IMODE(token_key.stat().st_mode) == 0o600


async def test_a_configuration_that_cannot_be_read_is_a_finding(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "openclaw.json").write_text('{"gateway": {"prot": 1}}')
    result = await run_here(env, "doctor", "--json", OPENCLAW_STATE_DIR=str(tmp_path))
    assert result.code == 1
    first = result.json["findings"][0]
    assert (first["check"], first["status"]) == ("config", "fail")
    assert "did you mean 'port'?" in first["text"]


async def test_how_a_proxied_request_is_seen(env: dict[str, str]) -> None:
    result = await run_here(env, "doctor", "--peer", "10.0.0.1", "--forwarded-for", "203.0.113.9")
    assert result.code == 1
    assert "refused, as 10.0.0.1 is no trusted proxy" in result.out
    wrong = await run_here(env, "doctor", "--peer", "nonsense")
    assert wrong.code == 2


def settings_of(directory: Path, **overrides: Any) -> Settings:
    return load_settings(directory, {key.replace("_", "."): value for key, value in overrides.items()})


@pytest.mark.parametrize(
    ("peer", "forwarded", "status", "words"),
    [
        ("127.0.0.1", None, "ok", "local"),
        ("::1", None, "ok", "local"),
        ("192.0.2.7", None, "ok", "remote, as 192.0.2.7"),
        ("127.0.0.1", "203.0.113.9", "fail", "refused"),
        ("10.0.0.2", "203.0.113.9", "ok", "remote, as 203.0.113.9"),
        ("10.0.0.2", "127.0.0.1", "ok", "remote, as 127.0.0.1"),
        ("10.0.0.2", "203.0.113.9, 10.0.0.3", "ok", "remote, as 203.0.113.9"),
        ("10.0.0.2", "nobody", "fail", "names no client"),
    ],
)
async def test_the_classification(
    tmp_path: Path, peer: str, forwarded: str | None, status: str, words: str
) -> None:
    settings = settings_of(tmp_path, trustedProxies=["10.0.0.0/24"])
    finding = classify(settings, peer, forwarded)
    assert finding.status == status
    assert words in finding.text


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


@pytest.mark.parametrize(
    ("overrides", "check", "status", "words"),
    [
        ({}, "exposure", "ok", "only programs of this host"),
        ({"bind": "lan"}, "exposure", "warn", "plain text"),
        ({"bind": "lan", "tls_enabled": True}, "exposure", "ok", "with TLS"),
        ({"bind": "lan", "auth_mode": "none"}, "config", "fail", "without authentication"),
        ({"trustedProxies": ["0.0.0.0/0"]}, "proxies", "fail", "any client may claim any address"),
        ({"trustedProxies": ["10.0.0.1"]}, "config", "ok", "every key is known"),
    ],
)
async def test_exposure(tmp_path: Path, overrides: Any, check: str, status: str, words: str) -> None:
    found = by_check(check_exposure(settings_of(tmp_path, **overrides)))
    assert found[check].status == status
    assert words in found[check].text


async def test_a_family_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Candidate("broken", "openclaw-broken", "1", None, ImportError("no module named nothing"))
    monkeypatch.setattr(doctor_gateway, "load_plugins", lambda: Plugins([broken]))
    (finding,) = doctor_gateway.check_families()
    assert finding.status == "fail"
    assert "openclaw-broken" in str(finding.cure)
    monkeypatch.setattr(doctor_gateway, "load_plugins", lambda: Plugins([]))
    assert [item.status for item in doctor_gateway.check_families()] == ["warn"]


async def test_an_empty_state_is_a_hint_and_no_failure(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "nothing", port=1)
    assert check_permissions(settings.state_dir, fix=False)[0].status == "warn"
    assert check_clock(settings, 1_790_000_000_000)[0].status == "ok"
    assert check_clock(settings, 0)[0].status == "fail"
    assert [finding.status for finding in check_database(settings)] == ["warn"]
    assert check_keys(settings.state_dir) == check_trail(settings) == []


async def test_nobody_at_the_port_is_a_hint(env: dict[str, str]) -> None:
    result = await run_here(env, "doctor", "--json", OPENCLAW_GATEWAY_PORT="1")
    finding = next(item for item in result.json["findings"] if item["check"] == "gateway")
    assert (result.code, finding["status"], finding["cure"]) == (0, "warn", "openclaw gateway run")


@pytest.fixture
async def stopped(tmp_path: Path) -> Settings:
    """The settings of a gateway that ran and ended."""
    async with TestGateway(tmp_path / "state") as gateway:
        await gateway.node(["demo.any"])
        return gateway.settings


def change(settings: Settings, statement: str) -> None:
    with closing(sqlite3.connect(settings.state_dir / "openclaw.sqlite", isolation_level=None)) as file:
        file.execute(statement)


async def test_what_is_wrong_with_the_state(stopped: Settings) -> None:
    assert [finding.status for finding in check_database(stopped)] == ["ok"]
    change(stopped, "UPDATE audit_event SET ts_ms = ts_ms + 3600000 WHERE id = 2")
    (clock,) = check_clock(stopped, 1_790_000_000_000)
    assert (clock.status, "in the future" in clock.text) == ("warn", True)
    (trail,) = check_trail(stopped)
    assert (trail.status, trail.text) == ("fail", "BROKEN: row 2 was changed")
    change(stopped, "UPDATE alembic_version SET version_num = '0001_first'")
    assert "brings it up to date" in check_database(stopped)[0].text
    change(stopped, "UPDATE alembic_version SET version_num = '9999_future'")
    assert [finding.status for finding in check_database(stopped)] == ["fail"]
    (stopped.state_dir / "gateway-token-key").write_bytes(b"short")
    assert check_keys(stopped.state_dir)[0].status == "fail"
    (stopped.state_dir / "gateway-audit-key").write_bytes(b"short")
    assert check_trail(stopped)[0].status == "fail"


async def test_a_damaged_database(stopped: Settings) -> None:
    file = stopped.state_dir / "openclaw.sqlite"
    data = bytearray(file.read_bytes())
    data[8192:12288] = b"\xff" * 4096  # a page in the middle
    file.write_bytes(bytes(data))
    (finding, *_) = check_database(stopped)
    assert finding.status == "fail"
    assert finding.cure == "openclaw backup restore FILE --force"


async def test_another_program_at_the_port(tmp_path: Path) -> None:
    import asyncio

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        settings = settings_of(tmp_path, port=server.sockets[0].getsockname()[1])
        (finding,) = await asyncio.to_thread(check_gateway, settings)
    assert finding.status == "fail"
    assert "answers /health with 404" in finding.text

"""Real processes: what a start says, mints and refuses."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import pytest

from openclaw_core.testing import operator_params
from tests.gateway.processes import GatewayProcess, refuse

pytestmark = pytest.mark.anyio


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_the_first_start_mints_a_token_and_the_second_keeps_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with GatewayProcess.start(state) as gateway:
        assert gateway.line.endswith(f"(auth token; new token in {state / 'gateway-token'})\n")
        token = gateway.token
        assert len(token) >= 32
        await gateway.operator()
        await gateway.stop()
    async with GatewayProcess.start(state) as gateway:
        assert gateway.line.endswith(f"(auth token; token in {state / 'gateway-token'})\n")
        assert gateway.token == token
        await gateway.operator()
        await gateway.stop()


async def test_what_it_writes_is_for_its_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with GatewayProcess.start(state) as gateway:
        await gateway.operator()
        files = {path.name: _mode(path) for path in state.iterdir() if path.is_file()}
        assert {"gateway-token", "gateway-token-key", "gateway.lock", "openclaw.sqlite"} <= set(files)
        assert set(files.values()) == {0o600}, files
        assert _mode(state) == 0o700
        await gateway.stop()


async def test_a_second_gateway_on_the_same_state_names_the_first(tmp_path: Path) -> None:
    async with GatewayProcess.start(tmp_path / "state") as gateway:
        said = refuse(tmp_path / "state")
        assert f"another gateway (pid {gateway.pid}) uses" in said
        assert "stop it, or set OPENCLAW_STATE_DIR" in said
        await gateway.operator()  # the first one did not notice
        await gateway.stop()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        said = refuse(tmp_path / "state", "--port", port)
    assert f"127.0.0.1:{port}" in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("flags", "cure"),
    [
        (("--bind", "lan", "--auth", "none"), "--bind loopback"),
        (("--bind", "0.0.0.0", "--auth", "none"), "--auth token"),
        (("--auth", "password"), "OPENCLAW_GATEWAY_PASSWORD"),
    ],
)
async def test_what_would_be_open_to_everyone_refuses_to_start(
    tmp_path: Path, flags: tuple[str, ...], cure: str
) -> None:
    assert cure in refuse(tmp_path / "state", *flags)
    assert not (tmp_path / "state" / "openclaw.sqlite").exists()


async def test_every_interface_with_a_token_serves(tmp_path: Path) -> None:
    async with GatewayProcess.start(tmp_path / "state", "--bind", "0.0.0.0") as gateway:
        await gateway.operator()
        await gateway.stop()


async def test_a_password_from_the_environment_opens_and_is_not_printed(tmp_path: Path) -> None:
    password = "correct horse battery"
    async with GatewayProcess.start(
        tmp_path / "state", "--auth", "password", OPENCLAW_GATEWAY_PASSWORD=password
    ) as gateway:
        gateway.secrets.add(password)
        assert "(auth password)" in gateway.line
        assert not (tmp_path / "state" / "gateway-token").exists()
        wire = await gateway.wire()
        params = {**operator_params(token=None), "auth": {"password": password}}
        assert (await wire.connect(params))["ok"]
        await gateway.stop()


async def test_a_wrong_token_is_refused_and_not_printed(tmp_path: Path) -> None:
    async with GatewayProcess.start(tmp_path / "state") as gateway:
        gateway.secrets.add("not-the-token-but-close")
        wire = await gateway.wire()
        refused = await wire.connect(operator_params(token="not-the-token-but-close"))
        assert refused["error"]["details"]["code"] == "AUTH_TOKEN_MISMATCH"
        await gateway.stop()


# Damage


def _damage_key(state: Path) -> None:
    (state / "gateway-token-key").write_bytes(b"short")


def _damage_database(state: Path) -> None:
    for extra in state.glob("openclaw.sqlite-*"):
        extra.unlink()
    (state / "openclaw.sqlite").write_bytes(b"this is no database " * 500)


def _renew_database(state: Path) -> None:
    with sqlite3.connect(state / "openclaw.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_damage_key, ("gateway-token-key", "5 bytes instead of 32", "restore it from a backup")),
        (_damage_database, ("not a database", "restore a backup", "openclaw.sqlite")),
        (_renew_database, ("9999", "newer", "openclaw.sqlite")),
    ],
)
async def test_damaged_state_is_refused_with_the_file_and_the_cure(
    tmp_path: Path, damage: object, words: tuple[str, ...]
) -> None:
    assert callable(damage)
    state = tmp_path / "state"
    async with GatewayProcess.start(state) as gateway:
        await gateway.stop()
    damage(state)
    said = refuse(state)
    for word in words:
        assert word in said, said

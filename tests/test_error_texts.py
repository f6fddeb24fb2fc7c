"""Every refusal at start-up says what was wrong, with which value, and what to do next."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.config import load_settings
from openclaw_core.errors import OpenClawError
from openclaw_core.gateway.lock import StateLock
from openclaw_core.gateway.server import GatewayServer
from openclaw_core.plugins import Plugins

pytestmark = pytest.mark.anyio

Prepare = Callable[[Path], Any]


def _config(text: str) -> Prepare:
    return lambda state: (state / "openclaw.json").write_text(text)


def _file(name: str, content: bytes) -> Prepare:
    return lambda state: (state / name).write_bytes(content)


def _directory(name: str) -> Prepare:
    return lambda state: (state / name).mkdir()


def _newer_database(state: Path) -> None:
    database = sqlite3.connect(state / "openclaw.sqlite")
    database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    database.execute("INSERT INTO alembic_version VALUES ('9999_from_the_future')")
    database.commit()
    database.close()


def _nothing(state: Path) -> None:
    assert state.is_dir()


# What a person did; the flags; what was wrong with which value; what to do next, as the text's end.
TABLE: list[tuple[Prepare, dict[str, Any], str, str]] = [
    (_config("{gateway: {prot: 1}}"), {}, "unknown key gateway.prot", "did you mean 'port'?"),
    (_config("{gateway: {qqq: 1}}"), {}, "unknown key gateway.qqq", "trustedProxies"),
    (_config("{gateway: {mode: 'x'}}"), {}, "gateway.mode is 'x'", "leave it out for the default"),
    (_config("{gateway: {port: "), {}, "is not JSON5", "; correct it there"),
    (_config("{gateway: 7}"), {}, '"gateway" must be an object', 'e.g. {"gateway": {"port": 18789}}'),
    (_config("{gateway: {auth: 7}}"), {}, "'auth' must be an object", "in openclaw.json"),
    (_file("openclaw.json", b"\xff"), {}, "it is not UTF-8 text", "OPENCLAW_CONFIG_PATH"),
    (_directory("openclaw.json"), {}, "Is a directory", "OPENCLAW_CONFIG_PATH"),
    (_config("{gateway: {mode: 'remote'}}"), {}, "gateway.mode is remote", "to local to serve here"),
    (_nothing, {"port": 99_999}, "gateway.port is 99999", "leave it out for the default"),
    (_nothing, {"bind": "custom"}, 'gateway.bind is "custom"', "set gateway.customBindHost to the address"),
    (_nothing, {"bind": "tailnet"}, 'gateway.bind "tailnet"', "--bind 100.x.y.z"),
    (_nothing, {"bind": "lan", "auth.mode": "none"}, "0.0.0.0 without authentication", "--bind loopback"),
    (_nothing, {"bind": "", "auth.mode": "none"}, "without authentication", "--bind loopback"),
    (_nothing, {"auth.mode": "password", "auth.token": None}, "no password is set", "gateway.auth.password"),
    (_nothing, {"bind": "203.0.113.7"}, "203.0.113.7:0", "or --bind ADDRESS"),
    (_nothing, {"bind": "no such host"}, "no such host:0", "or --bind ADDRESS"),
    (_file("gateway-token-key", b"abc"), {}, "holds 3 bytes instead of 32", "must then be paired again"),
    (_file("openclaw.sqlite", b"no database " * 99), {}, "not a database", "pair again"),
    (_directory("openclaw.sqlite"), {}, "openclaw.sqlite: Is a directory", "where this user may write"),
    (_newer_database, {}, "9999_from_the_future", "or restore a backup"),
    (_file("gateway-token", b"\xff"), {"auth.token": None}, "not UTF-8", "makes a new token"),
    (_directory("gateway.lock"), {}, "gateway.lock: Is a directory", "OPENCLAW_STATE_DIR"),
]


async def _refusal(state: Path, overrides: dict[str, Any]) -> str:
    """Start as `gateway run` does; the text of its refusal."""
    with pytest.raises(OpenClawError) as refused:
        await _start(state, {"port": 0, "auth.token": "t", **overrides})
    return str(refused.value)


async def _start(state: Path, overrides: dict[str, Any]) -> None:
    settings = load_settings(state, overrides)
    if settings.auth_mode == "token":
        settings.mint_token()
    server = GatewayServer(settings, Plugins())
    await server.start()
    await server.stop()


@pytest.mark.parametrize(("prepare", "overrides", "wrong", "cure"), TABLE)
async def test_every_refusal_ends_with_what_to_do_next(
    tmp_path: Path, prepare: Prepare, overrides: dict[str, Any], wrong: str, cure: str
) -> None:
    prepare(tmp_path)
    said = await _refusal(tmp_path, overrides)
    assert wrong in said
    assert said.endswith(cure), said
    _assert_well_written(said)


def _assert_well_written(said: str) -> None:
    assert "Traceback" not in said
    assert "\n" not in said
    assert any(verb in said for verb in _IMPERATIVES), f"no next step: {said}"


_IMPERATIVES = (
    "choose ", "close ", "correct ", "did you mean", "give ", "known keys", "make ", "must be an object",
    "pass ", "restore ", "set ", "stop ", "update ", "upgrade ", "use ", "install ", "move ", "start ",
)  # fmt: skip


async def test_a_taken_port_names_it_and_the_cure(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        said = await _refusal(tmp_path, {"port": port})
    assert f"cannot listen on 127.0.0.1:{port}: " in said
    assert said.endswith("choose another port with --port, or stop the program that holds it")


async def test_a_second_gateway_names_the_first_and_the_cure(tmp_path: Path) -> None:
    with StateLock(tmp_path):
        said = await _refusal(tmp_path, {})
    assert f"another gateway (pid {os.getpid()}) uses {tmp_path}: " in said
    assert said.endswith("stop it, or set OPENCLAW_STATE_DIR to another directory")


async def test_a_state_directory_that_cannot_be_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    said = await _refusal(tmp_path / "file" / "state", {})
    assert str(tmp_path / "file" / "state") in said
    _assert_well_written(said)

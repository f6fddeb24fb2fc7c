"""`openclaw backup`: consistent beside a running gateway, verified, atomic, and back again."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.cli.staged import adopt_state
from openclaw_core.errors import StoreError
from openclaw_core.store import backup
from openclaw_core.store.backup import create_backup, finish_restore, staging, unpack_backup
from openclaw_core.testing import FakeDevice, TestGateway, node_params, plugins_of

from .conftest import DEMO, Start
from .inprocess import run_here

pytestmark = pytest.mark.anyio


async def test_a_device_connects_with_its_old_token_after_a_restore(
    start: Start, env: dict[str, str], tmp_path: Path
) -> None:
    gateway, device, archive, empty = await start(), FakeDevice(), tmp_path / "b.tar", tmp_path / "empty"
    wire = await gateway.wire()
    hello = await wire.connect(node_params(["demo.any"]), device)
    token = hello["payload"]["auth"]["deviceToken"]
    await gateway.approve_surface(device.device_id)
    state = {"OPENCLAW_STATE_DIR": str(gateway.settings.state_dir)}
    made = await run_here(env, "backup", "create", str(archive), **state)
    assert made.code == 0, made.err
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    busy = await run_here(env, "backup", "restore", str(archive), "--force", **state)
    assert busy.code == 1
    assert "another gateway (pid " in busy.err
    await gateway.server.stop()
    back = await run_here(env, "backup", "restore", str(archive), "--json", OPENCLAW_STATE_DIR=str(empty))
    assert back.code == 0, back.err
    assert back.json["devices"] == 1
    async with TestGateway(empty, plugins_of(DEMO)) as again:
        other = await again.wire()
        params = node_params(["demo.any"], token=None) | {"auth": {"deviceToken": token}}
        answer = await other.connect(params, device)
        assert answer["ok"], answer
        operator = await again.operator()
        (row,) = (await operator.call("node.list"))["nodes"]
        assert row["commands"] == ["demo.any"]
        events = (await operator.call("audit.list", {"kinds": ["state", "audit"]}))["events"]
        assert [event["kind"] for event in events] == ["state.restore"]
    checked = await run_here(env, "audit", "verify", OPENCLAW_STATE_DIR=str(empty))
    assert checked.code == 0, checked.out


@pytest.fixture
async def stopped(tmp_path: Path) -> Path:
    """The state directory of a gateway that knew one node and has ended."""
    async with TestGateway(tmp_path / "state", plugins_of(DEMO)) as gateway:
        await gateway.node(["demo.any"])
    return tmp_path / "state"


def _create(state: Path, file: Path) -> dict[str, Any]:
    return create_backup(state, file, version="1.2.3", now_ms=1_790_000_000_000)


async def test_nothing_is_overwritten_without_force(
    stopped: Path, env: dict[str, str], tmp_path: Path
) -> None:
    archive, state = tmp_path / "b.tar", {"OPENCLAW_STATE_DIR": str(stopped)}
    archive.write_text("mine")
    refused = await run_here(env, "backup", "create", str(archive), **state)
    assert refused.code == 1
    assert f"openclaw backup create {archive} --force" in refused.err
    assert archive.read_text() == "mine"
    _create(stopped, archive)
    refused = await run_here(env, "backup", "restore", str(archive), "--json", **state)
    assert (refused.code, refused.json["error"]["code"]) == (1, "STATE_EXISTS")
    assert f"openclaw backup restore {archive} --force" in refused.err
    replaced = await run_here(env, "backup", "restore", str(archive), "--force", **state)
    assert replaced.code == 0, replaced.err


async def test_a_file_that_changes_while_it_is_packed_damages_nothing(
    stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = stopped / "openclaw.json"
    config.write_text("{}")
    pack = backup._pack

    def save_and_pack(*args: Any) -> None:
        config.write_text('{"gateway": {"port": 18790}}')
        pack(*args)

    monkeypatch.setattr(backup, "_pack", save_and_pack)
    _create(stopped, tmp_path / "b")
    (tmp_path / "out").mkdir()
    unpack_backup(tmp_path / "b", tmp_path / "out")
    assert (tmp_path / "out" / "openclaw.json").read_text() == "{}"


async def test_the_archive_holds_keys_and_configuration_and_no_lock(stopped: Path, tmp_path: Path) -> None:
    (stopped / "openclaw.json").write_text("{}")
    (stopped / "identity").mkdir()
    (stopped / "identity" / "device.json").write_text("{}")
    manifest = _create(stopped, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert archive.getnames() == ["manifest.json", *manifest["files"]]
        assert {member.mode for member in archive} == {0o600}
    assert set(manifest["files"]) >= {
        "openclaw.sqlite", "openclaw.json", "gateway-token-key", "gateway-audit-key", "identity/device.json",
    }  # fmt: skip
    assert not {"gateway.lock", "gateway-audit-head"} & manifest["files"].keys()


def _repack(file: Path, change: Any) -> None:
    """Write the archive anew with its members (name → bytes) changed."""
    with tarfile.open(file) as archive:
        members = {item.name: archive.extractfile(item).read() for item in archive}  # type: ignore[union-attr]
    members = change(members)
    with tarfile.open(file, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def _without(name: str) -> Any:
    return lambda members: {key: data for key, data in members.items() if key != name}


DAMAGE = [
    (
        lambda members: members | {"openclaw.sqlite": members["openclaw.sqlite"][:-1]},
        "was changed or cut off",
    ),
    (lambda members: members | {"gateway-token-key": b"x" * 32}, "gateway-token-key was changed"),
    (lambda members: members | {"../outside": b"x"}, "'../outside' is not in its manifest"),
    (_without("gateway-token-key"), "gateway-token-key is missing"),
    (_without("manifest.json"), "does not begin with a manifest"),
    (lambda members: members | {"manifest.json": b'{"format":9,"files":{}}'}, "its format is 9"),
    (lambda members: members | {"manifest.json": b"no json"}, "is no usable backup"),
    (lambda members: _claim(members, "../evil"), "leads out of it"),
]


def _claim(members: dict[str, bytes], name: str) -> dict[str, bytes]:
    """A member that lies outside of the state directory, and a manifest that lists it."""
    manifest = json.loads(members["manifest.json"])
    manifest["files"][name] = manifest["files"]["gateway-token-key"]
    return members | {"manifest.json": json.dumps(manifest).encode(), name: members["gateway-token-key"]}


def _contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("change", "words"), DAMAGE)
async def test_a_damaged_archive_changes_nothing(
    stopped: Path, tmp_path: Path, change: Any, words: str
) -> None:
    archive = tmp_path / "b.tar"
    _create(stopped, archive)
    _repack(archive, change)
    before = _contents(stopped)
    with pytest.raises(StoreError, match="is no usable backup") as caught, staging(stopped) as directory:
        unpack_backup(archive, directory)
    assert words in str(caught.value)
    assert _contents(stopped) == before
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("data", [b"", b"nonsense" * 1000])
async def test_what_is_no_archive_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.tar").write_bytes(data)
    with pytest.raises(StoreError, match="is no usable backup"):
        unpack_backup(tmp_path / "b.tar", tmp_path)
    with pytest.raises(StoreError, match="there is no file"):
        unpack_backup(tmp_path / "nowhere.tar", tmp_path)


async def test_a_tampered_trail_is_refused_before_anything_is_replaced(
    stopped: Path, env: dict[str, str], tmp_path: Path
) -> None:
    archive, state = tmp_path / "b.tar", {"OPENCLAW_STATE_DIR": str(stopped)}
    with closing(sqlite3.connect(stopped / "openclaw.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE audit_event SET actor = 'x' WHERE id = 2")
    _create(stopped, archive)
    before = (stopped / "openclaw.sqlite").read_bytes()
    refused = await run_here(env, "backup", "restore", str(archive), "--force", **state)
    assert refused.code == 1
    assert "row 2 was changed" in refused.err
    assert (stopped / "openclaw.sqlite").read_bytes() == before
    allowed = await run_here(
        env, "backup", "restore", str(archive), "--force", "--allow-broken-trail", **state
    )
    assert allowed.code == 0, allowed.err


async def test_a_restore_that_was_killed_is_finished_or_forgotten(stopped: Path, tmp_path: Path) -> None:
    _create(stopped, tmp_path / "b.tar")
    (stopped / ".restoring-dead").mkdir()  # killed while it unpacked
    ready = stopped / ".restore-ready"
    ready.mkdir()  # killed while it put in force: one file was moved already
    unpack_backup(tmp_path / "b.tar", ready)
    (ready / "gateway-token-key").unlink()
    (ready / "gateway-token").write_text("restored")
    (stopped / "openclaw.sqlite-wal").write_bytes(b"of the old database")
    async with TestGateway(stopped, plugins_of(DEMO)) as gateway:
        assert len(gateway.server.gateway.runtime.registry.devices) == 1
    assert (stopped / "gateway-token").read_text() == "restored"
    assert not ready.exists()
    assert finish_restore(stopped) is False
    with pytest.raises(RuntimeError), staging(stopped):
        raise RuntimeError
    assert not [path for path in _contents(stopped) if ".restor" in str(path)]


async def test_a_database_that_is_damaged_or_newer_is_refused(stopped: Path, tmp_path: Path) -> None:
    newer = "UPDATE alembic_version SET version_num = '9999_future'"
    with closing(sqlite3.connect(stopped / "openclaw.sqlite", isolation_level=None)) as database:
        database.execute(newer)
    _create(stopped, tmp_path / "b.tar")
    with pytest.raises(StoreError, match="written by a newer"), staging(stopped) as directory:
        adopt_state(directory, unpack_backup(tmp_path / "b.tar", directory), False)
    (stopped / "openclaw.sqlite").write_bytes(b"no database")
    with pytest.raises(StoreError, match="not a database"):
        _create(stopped, tmp_path / "c.tar")
    assert not (tmp_path / "c.tar").exists()

"""What only the embedded database has: file modes, flushes at commit, damage, locks."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys

import pytest
from sqlalchemy import text

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Save
from openclaw_core.store.models import Device
from openclaw_core.store.sql import SqlStore


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "openclaw.db"


@pytest.fixture
def url(file):
    return f"sqlite:///{file}"


WRITER = """
import asyncio, sys
from openclaw_core.store.base import Save
from openclaw_core.store.models import Device
from openclaw_core.store.sql import SqlStore
async def main():
    store = SqlStore(sys.argv[1])
    await store.start()
    row = Device(device_id="d1", public_key="k", approved_via="x", created_at_ms=1, approved_at_ms=2)
    await store.write(Save(row))
    print("stored", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_stored_row_survives_kill_9(run, url):
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "stored\n"
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(timeout=10) == -signal.SIGKILL

    async def scenario(store):
        assert [row.device_id for row in await store.load(Device)] == ["d1"]

    run(scenario)


@pytest.mark.parametrize(
    ("pragma", "value"), [("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1)]
)
def test_commits_are_flushed_to_the_disk(run, pragma, value):
    async def scenario(store):
        found = await store.query(lambda connection: connection.execute(text(f"PRAGMA {pragma}")).scalar())
        assert found == value

    run(scenario)


def test_the_files_are_private_even_when_they_were_not(run, file, device):
    file.parent.mkdir()
    file.touch(mode=0o644)
    file.chmod(0o644)

    async def scenario(store):
        await store.write(Save(device()))
        found = {each.name: stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
        assert found == dict.fromkeys(("openclaw.db", "openclaw.db-wal", "openclaw.db-shm"), 0o600)

    run(scenario)


def test_a_damaged_file_is_refused_with_a_cure(run, file):
    file.parent.mkdir()
    file.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError, match="not a database; restore a backup, or move the file"):
        run(None)


def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot create or open the database"):
        asyncio.run(SqlStore(f"sqlite:///{tmp_path}/file/openclaw.db").start())


def test_a_locked_database_fails_the_write_and_not_the_store(run, file, device):
    async def scenario(store):
        await store.query(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=1"))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked; another program holds the database"):
            await store.write(Save(device("d1")))
        other.execute("ROLLBACK")
        other.close()
        await store.write(Save(device("d2")))
        assert [row.device_id for row in await store.load(Device)] == ["d2"]

    run(scenario)

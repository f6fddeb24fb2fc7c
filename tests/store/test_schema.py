"""Migrations make exactly the models' schema; other databases are refused with a cure."""

import asyncio
import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Save
from openclaw_core.store.engine import open_engine
from openclaw_core.store.migrations import config_for
from openclaw_core.store.models import Device, Row
from openclaw_core.store.schema import HEAD, stored_revision
from openclaw_core.store.sql import SqlStore


def test_an_empty_database_comes_up_at_head_with_the_models_schema(run):
    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Row.metadata), stored_revision(connection)

    async def scenario(store):
        assert await store.query(differences) == ([], HEAD)

    run(scenario)


def test_constraints_carry_the_names_of_the_models(run):
    def named(connection):
        found = inspect(connection).get_unique_constraints("pair_request")
        return [(constraint["name"], constraint["column_names"]) for constraint in found]

    async def scenario(store):
        assert await store.query(named) == [("uq_pair_request_device_id", ["device_id"])]

    run(scenario)


def test_the_code_names_the_newest_migration(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        heads = ScriptDirectory.from_config(config_for(connection)).get_heads()
    engine.dispose()
    assert list(heads) == [HEAD]


def test_start_is_idempotent_and_keeps_the_rows(run, device):
    async def scenario(store):
        await store.write(Save(device()))
        await store.start()
        await store.close()
        await store.start()
        assert await store.load(Device) == [device()]

    run(scenario)


def test_a_current_database_starts_without_alembic(run, url):
    async def nothing(store):
        assert store.pending == 0

    run(nothing)
    program = (
        "import asyncio, sys; from openclaw_core.store.sql import SqlStore\n"
        f"async def main():\n  s = SqlStore({url!r}); await s.start(); await s.close()\n"
        "asyncio.run(main()); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0


def test_the_first_migration_can_be_undone(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        for step in (command.upgrade, command.downgrade):
            with connection.begin():
                step(config_for(connection), "head" if step is command.upgrade else "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def refusal(url):
    async def start():
        store = SqlStore(url)
        with pytest.raises(StoreError) as caught:
            await store.start()
        await store.close()
        return str(caught.value)

    return asyncio.run(start())


def test_a_newer_database_is_refused_with_both_revisions(run, url):
    async def nothing(store):
        assert store.pending == 0

    run(nothing)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    engine.dispose()
    message = refusal(url)
    assert "9999_future" in message
    assert HEAD in message
    assert "install that version or newer" in message


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("no url", "expected sqlite:////path/file.db"),
        ("mysql://localhost/x", "'mysql' is not supported"),
        ("postgresql+nodriver://localhost/x", "database URL cannot be used"),
    ],
)
def test_an_unusable_url_is_named(address, words):
    assert words in refusal(address)

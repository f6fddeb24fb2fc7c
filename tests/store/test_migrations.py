"""Every database since the first revision comes up at HEAD with what was in it."""

import asyncio

import pytest
from alembic import command
from sqlalchemy import text

from openclaw_core.store.base import Append
from openclaw_core.store.chain import Chain, read_head
from openclaw_core.store.chain_check import check_chain
from openclaw_core.store.engine import open_engine
from openclaw_core.store.migrations import config_for
from openclaw_core.store.models import (
    AuditEvent,
    Device,
    DeviceToken,
    NodeSurface,
    PairRequest,
    SurfaceRequest,
)
from openclaw_core.store.offline import read_database
from openclaw_core.store.schema import HEAD, stored_revision
from openclaw_core.store.sql import SqlStore

KEY = b"k" * 32

# What 0.1.0 wrote, in the words of its own schema: models of today must not be used to make it.
FIRST = {
    "device": {
        "device_id": "'d1'", "public_key": "'pk'", "display_name": "'Küche'", "platform": "'linux'",
        "roles": "'[\"node\"]'", "scopes": "'[]'", "approved_via": "'owner'", "created_at_ms": "1",
        "approved_at_ms": "1790000000000",
    },
    "device_token": {
        "device_id": "'d1'", "role": "'node'", "scopes": "'[]'", "generation": "7", "created_at_ms": "2",
        "previous_valid": "false",
    },
    "pair_request": {
        "request_id": "'r1'", "device_id": "'d2'", "public_key": "'pk2'", "role": "'operator'",
        "roles": "'[\"operator\"]'", "scopes": "'[\"operator.read\"]'", "silent": "false",
        "is_repair": "true", "ts_ms": "3", "expires_at_ms": "1790000000001",
    },
    "node_surface": {
        "node_id": "'d1'", "display_name": "'Oven'", "caps": "'[\"c\"]'", "commands": "'[\"demo.echo\"]'",
        "permissions": "'{\"p\": true}'", "created_at_ms": "4", "approved_at_ms": "5",
    },
    "surface_request": {
        "request_id": "'s1'", "node_id": "'d1'", "caps": "'[]'", "commands": "'[\"demo.any\"]'",
        "permissions": "'{}'", "silent": "false", "ts_ms": "6",
    },
}  # fmt: skip


@pytest.fixture
def first(url):
    """A database as the first revision made and filled it."""
    engine = open_engine(url)
    with engine.connect() as connection:
        with connection.begin():
            command.upgrade(config_for(connection), "0001_first")
        with connection.begin():
            for table, row in FIRST.items():
                columns, values = ", ".join(row), ", ".join(row.values())
                connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"))
            for number in range(1, 6):
                connection.execute(
                    text(
                        "INSERT INTO audit_event (id, ts_ms, kind, outcome, actor, details) "
                        f"VALUES ({number}, {number}, 'invoke', 'ok', 'client:cli', :details)"
                    ),
                    {"details": '{"command":"demo.echo"}'},
                )
    engine.dispose()
    return url


def test_everything_is_kept(first):
    async def scenario():
        store = SqlStore(first)
        async with asyncio.timeout(20):
            await store.start()
            rows = {model: await store.load(model) for model in
                    (Device, DeviceToken, PairRequest, NodeSurface, SurfaceRequest, AuditEvent)}  # fmt: skip
            revision = await store.query(stored_revision)
            await store.close()
        return rows, revision

    rows, revision = asyncio.run(scenario())
    assert revision == HEAD
    (device,), (token,), (request,) = rows[Device], rows[DeviceToken], rows[PairRequest]
    assert (device.display_name, device.roles, device.approved_at_ms) == ("Küche", ["node"], 1790000000000)
    assert (token.generation, token.previous_valid, token.revoked_at_ms) == (7, False, None)
    assert (request.request_id, request.scopes, request.is_repair) == ("r1", ["operator.read"], True)
    (surface,), (asked,) = rows[NodeSurface], rows[SurfaceRequest]
    assert (surface.display_name, surface.commands, surface.permissions) == (
        "Oven",
        ["demo.echo"],
        {"p": True},
    )
    assert (asked.commands, asked.silent) == (["demo.any"], False)
    events = rows[AuditEvent]
    assert [(row.id, row.kind) for row in events[:5]] == [(number, "invoke") for number in range(1, 6)]
    assert events[0].details == '{"command":"demo.echo"}'
    assert (events[0].conn_id, events[0].chain_hash) == (None, None)


def test_the_chain_begins_with_a_hash_over_all_older_rows(first, tmp_path):
    file = tmp_path / "head"

    async def scenario():
        store = SqlStore(first, chain=Chain(KEY, file))
        async with asyncio.timeout(20):
            await store.start()
            await store.write(Append(AuditEvent, {"ts_ms": 9, "kind": "test", "outcome": "ok", "actor": "a"}))
            kinds = [row.kind for row in await store.load(AuditEvent)][5:]
            await store.close()
        return kinds

    assert asyncio.run(scenario()) == ["audit.begin", "test"]
    report = verify(first, file)
    assert (report.rows, report.older, report.breaks) == (7, 5, [])
    engine = open_engine(first)
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_event SET actor = 'x' WHERE id = 2"))
    engine.dispose()
    assert verify(first, file).breaks[0] == (6, "does not fit the older rows before it")


def verify(url, file):
    return read_database(url, lambda connection: check_chain(connection, KEY, read_head(file, KEY)))


def test_a_migration_that_fails_changes_nothing(first):
    """All missing revisions run in one transaction: a broken one leaves the old schema and rows."""
    engine = open_engine(first)
    with engine.begin() as connection:
        # The table a later revision adds is there already: that revision must fail.
        connection.execute(text("CREATE TABLE pending_work (id INTEGER)"))
    engine.dispose()

    async def start():
        store = SqlStore(first)
        with pytest.raises(Exception, match="pending_work"):
            await store.start()
        await store.close()

    asyncio.run(start())

    def state(connection):
        count = connection.execute(text("SELECT count(*) FROM audit_event")).scalar()
        return stored_revision(connection), count

    assert read_database(first, state) == ("0001_first", 5)

"""`write_behind` and `query`: order, flushing, counters, what a closed store says."""

import asyncio
import logging

import pytest
from sqlalchemy import text

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Append, Remove, Save
from openclaw_core.store.models import AuditEvent, Device
from openclaw_core.store.sql import SqlStore


def audit(number):
    return Append(AuditEvent, {"ts_ms": number, "kind": "test", "outcome": "ok", "actor": "a"})


async def flushed(store):
    """Turns the loop until nothing waits; asks for no flush, so the store must come to it itself."""
    for _ in range(10_000_000):
        if not store.pending:
            return
        await asyncio.sleep(0)


def test_behind_keeps_its_order_and_comes_before_a_later_write(run, device):
    async def scenario(store):
        for i in range(3000):
            store.write_behind(audit(i))
        store.write_behind(Save(device("d1")))
        await store.write(Remove(Device, "d1"), Save(device("d2")))
        assert [d.device_id for d in await store.load(Device)] == ["d2"]
        events = await store.load(AuditEvent)
        assert [event.ts_ms for event in events] == list(range(3000))
        assert events[0].details is None
        assert store.pending == 0

    run(scenario)


def test_behind_is_stored_by_itself_in_one_commit(run):
    async def scenario(store):
        before = store.commits
        for i in range(20):
            store.write_behind(audit(i))
        assert store.pending == 20
        async with asyncio.timeout(10):
            await flushed(store)
        assert store.commits - before == 1

    run(scenario)


def test_close_stores_what_waits_and_may_be_repeated(run):
    async def scenario(store):
        for i in range(5000):
            store.write_behind(audit(i))
        await store.close()
        await store.close()
        await store.start()
        assert len(await store.load(AuditEvent)) == 5000

    run(scenario)


def test_a_failure_behind_is_logged_and_counted(run, device, pair_request, caplog):
    async def scenario(store):
        await store.write(Save(pair_request("r1", "d1")))
        store.write_behind(audit(1))
        store.write_behind(Save(pair_request("r2", "d1")), audit(2))
        store.write_behind(audit(3))
        await store.write(Save(device()))
        assert [event.ts_ms for event in await store.load(AuditEvent)] == [1, 3]
        assert (store.failed, store.pending) == (2, 0)

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert "a change was not stored" in caplog.text


def test_a_flood_forces_a_flush_and_is_refused_aloud_before_memory_ends(run, caplog):
    async def scenario(store):
        for i in range(60):
            store.write_behind(audit(i))
        assert (store.forced, store.failed, store.pending) == (30, 20, 40)
        assert len(await store.load(AuditEvent)) == 40
        store.write_behind(audit(60))
        assert len(await store.load(AuditEvent)) == 41

    with caplog.at_level(logging.ERROR):
        run(scenario, pending_limit=10)
    assert caplog.text.count("the database stands still") == 1


def test_query_sees_what_was_handed_over_and_changes_nothing(run, device):
    async def scenario(store):
        store.write_behind(Save(device()))

        def delete(connection):
            return connection.execute(text("DELETE FROM device")).rowcount

        assert await store.query(delete) == 1
        assert len(await store.load(Device)) == 1

    run(scenario)


def test_errors_of_a_query_come_back(run):
    async def scenario(store):
        with pytest.raises(StoreError, match=r"reading failed: .*nowhere"):
            await store.query(lambda connection: connection.execute(text("SELECT 1 FROM nowhere")))
        with pytest.raises(ZeroDivisionError):
            await store.query(lambda connection: 1 // 0)
        assert await store.query(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7

    run(scenario)


def test_a_store_that_is_not_open_says_so(url, device, caplog):
    async def scenario():
        store = SqlStore(url)
        for change in (store.write(Save(device())), store.load(Device)):
            with pytest.raises(StoreError, match="not open"):
                await change
        with caplog.at_level(logging.ERROR):
            store.write_behind(audit(1))
        assert store.failed == 1
        assert "the store is closed" in caplog.text

    asyncio.run(scenario())

"""What the services rely on beyond single rows: queues, records, unique columns, others who write."""

import asyncio
import threading
from operator import attrgetter

import pytest
from sqlalchemy import func, select

from openclaw_core.errors import StoreError
from openclaw_core.services.ledger import _read_all as read_all
from openclaw_core.store.base import Append, Remove, Save, insert_columns, table_of
from openclaw_core.store.chain import Chain, read_head
from openclaw_core.store.chain_check import check_chain
from openclaw_core.store.engine import open_engine
from openclaw_core.store.models import (
    AuditEvent,
    Device,
    InvokeRecord,
    LegacyRequest,
    PairRequest,
    PendingRevision,
    PendingWork,
    SetupCode,
    SurfaceRequest,
)
from openclaw_core.store.offline import read_database
from openclaw_core.store.sql import SqlStore

KEY = b"k" * 32
ODD = "ü ␀ % %s ? : ' \" \\ \N{PILE OF POO}"


def audit(number, **values):
    return Append(AuditEvent, {"ts_ms": number, "kind": "test", "outcome": "ok", "actor": "a", **values})


def work(number, node_id="n1", **columns):
    row = PendingWork(
        id=f"w{number}", node_id=node_id, pairing_ms=1, kind="node.invoke", priority="normal",
        state="queued", position=number, revision=number, command="work.do", params_json="{}",
        caller="{}", created_at_ms=1_000 + number // 2, expires_at_ms=2**41,
    )  # fmt: skip
    return row.model_copy(update=columns)


by_id = attrgetter("id")


def appended(row):
    return Append(PendingWork, {name: getattr(row, name) for name in insert_columns(PendingWork)})


def test_open_work_comes_back_by_age_and_finished_work_by_its_end(run):
    rows = [work(number) for number in (3, 1, 2, 9, 4)]
    ended = [
        work(5, state="done", finished_at_ms=30), work(6, state="expired", finished_at_ms=10),
        work(7, "n2", state="failed", finished_at_ms=20, error='{"code":"X","message":"m"}'),
    ]  # fmt: skip

    async def scenario(store):
        await store.write(*map(appended, rows + ended))
        await store.write(Save(PendingRevision(node_id="n2", revision=40)))
        found, finished, revisions = await store.query(read_all)
        assert [row.id for row in found] == ["w1", "w2", "w3", "w4", "w9"]
        assert sorted(await store.load(PendingWork), key=by_id) == sorted(rows + ended, key=by_id)
        assert [item.id for item in finished] == ["w6", "w7", "w5"]
        assert revisions == {"n1": 6, "n2": 40}  # open rows bring their own

    run(scenario)


def test_a_queue_changes_in_whole_steps(run):
    """Handed out, done, purged, as the ledger does it."""

    async def scenario(store):
        first, second = work(1), work(2)
        await store.write(appended(first))
        with pytest.raises(StoreError, match="storing failed"):  # an id is given out once
            await store.write(
                appended(second),
                appended(first),
            )
        await store.write(appended(second))
        out = first.model_copy(update={"state": "delivered", "lease_until_ms": 2**41, "revision": 3})
        store.write_behind(Save(out))
        done = out.model_copy(
            update={"state": "done", "finished_at_ms": 5, "result_json": "[1]", "revision": 4}
        )
        await store.write(Save(done))
        assert await store.load(PendingWork) == [done, second]
        store.write_behind(Save(PendingRevision(node_id="n1", revision=4)), Remove(PendingWork, "w1"))
        _, finished, revisions = await store.query(read_all)
        assert (finished, revisions) == ([], {"n1": 4})

    run(scenario)


def test_an_invoke_is_recorded_once_per_node_and_key_and_its_outcome_replaces_it(run):
    def record(node_id, key, state, answer=None):
        return InvokeRecord(
            node_id=node_id, idempotency_key=key, digest="d", command="demo.any", actor="a", state=state,
            answer=answer, created_at_ms=1, expires_at_ms=2**41,
        )  # fmt: skip

    async def scenario(store):
        await store.write(Save(record("n1", ODD, "dispatched")), Save(record("n2", ODD, "dispatched")))
        await store.write(Save(record("n1", ODD, "ok", '{"payload": "' + "x" * 70_000 + '"}')))
        found = {row.node_id: row for row in await store.load(InvokeRecord)}
        assert {node_id: row.state for node_id, row in found.items()} == {"n1": "ok", "n2": "dispatched"}
        assert len(found["n1"].answer) > 70_000
        assert found["n1"].idempotency_key == ODD
        await store.write(Remove(InvokeRecord, "n1", ODD))
        assert [row.node_id for row in await store.load(InvokeRecord)] == ["n2"]

    run(scenario)


UNIQUE = {
    PairRequest: lambda key: PairRequest(
        request_id=key, device_id="one", public_key="k", role="node", silent=False, is_repair=False, ts_ms=1,
        expires_at_ms=2,
    ),
    SurfaceRequest: lambda key: SurfaceRequest(request_id=key, node_id="one", silent=False, ts_ms=1),
    SetupCode: lambda key: SetupCode(
        setup_id=key, secret_hash="one", access="node", created_by="a", created_at_ms=1, expires_at_ms=2
    ),
    LegacyRequest: lambda key: LegacyRequest(request_id=key, node_id="one", ts_ms=1, expires_at_ms=2),
}  # fmt: skip


@pytest.mark.parametrize("model", UNIQUE, ids=lambda model: model.__name__)
def test_a_second_row_of_a_unique_column_is_refused_without_quoting_it(run, model):
    async def scenario(store):
        await store.write(Save(UNIQUE[model]("first")))
        with pytest.raises(StoreError, match="storing failed: ") as refused:
            await store.write(Save(UNIQUE[model]("second")))
        assert "'one'" not in str(refused.value)
        assert "(one)" not in str(refused.value)
        assert not refused.value.retryable
        assert await store.load(model) == [UNIQUE[model]("first")]

    run(scenario)


@pytest.mark.parametrize("odd", [ODD, "a\0b"], ids=["odd", "nul"])
def test_texts_of_strangers_are_kept_whatever_is_in_them(run, device, url, odd, tmp_path):
    async def scenario():
        store = SqlStore(url, chain=Chain(KEY, tmp_path / "head"))
        await store.start()
        store.write_behind(audit(1, subject=odd, actor=odd))
        await store.write(Save(device(display_name=odd, roles=[odd])), audit(2))
        (row,), (first, _) = await store.load(Device), await store.load(AuditEvent)
        await store.close()
        assert row.roles == [odd]
        assert store.failed == 0
        return row.display_name, first.subject, first.actor

    kept = odd if url.startswith("sqlite") else odd.replace("\0", "␀")
    assert asyncio.run(scenario()) == (kept, kept, kept)
    report = read_database(url, lambda link: check_chain(link, KEY, read_head(tmp_path / "head", KEY)))
    assert (report.rows, report.breaks) == (2, [])


def test_others_may_write_meanwhile(run, url, device):
    """Threads with connections of their own, as an operator's script: nobody's row is lost."""
    threads, each = 4, 10

    def outsider(number):
        engine = open_engine(url)
        for count in range(each):
            with engine.begin() as connection:
                values = Save(device(f"t{number}-{count}")).values
                connection.execute(table_of(Device).insert().values(values))
        engine.dispose()

    async def scenario(store):
        outside = [threading.Thread(target=outsider, args=(number,)) for number in range(threads)]
        for thread in outside:
            thread.start()
        for count in range(each):
            await asyncio.gather(*(store.write(Save(device(f"s{n}-{count}")), audit(n)) for n in range(5)))
        for thread in outside:
            await asyncio.to_thread(thread.join, 15)
        assert len(await store.load(Device)) == threads * each + 5 * each
        events = await store.load(AuditEvent)
        assert [event.id for event in events] == list(range(1, 5 * each + 1))

    run(scenario)


def test_a_reader_sees_whole_transactions_only(run, url, device):
    """Each call stores one device and one entry; nobody ever sees one without the other."""

    def count(connection):
        counts = [select(func.count()).select_from(table_of(model)) for model in (Device, AuditEvent)]
        return tuple(connection.execute(select(*(each.scalar_subquery() for each in counts))).one())

    async def scenario(store):
        seen = set()
        for number in range(15):
            writing = asyncio.ensure_future(store.write(Save(device(f"d{number}")), audit(number)))
            seen.add(await asyncio.to_thread(read_database, url, count))
            await writing
        assert {devices - events for devices, events in seen} == {0}
        assert await asyncio.to_thread(read_database, url, count) == (15, 15)

    run(scenario)


def test_what_was_stored_is_there_for_the_next_one(url, device):
    async def first():
        store = SqlStore(url)
        await store.start()
        await store.write(Save(device()), audit(1))
        store.write_behind(audit(2))
        await store.close()

    async def second():
        store = SqlStore(url)
        await store.start()
        found = await store.load(Device), [row.ts_ms for row in await store.load(AuditEvent)]
        await store.close()
        return found

    asyncio.run(first())
    assert asyncio.run(second()) == ([device()], [1, 2])

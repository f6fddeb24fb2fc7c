"""A server that breaks connections, goes away and comes back: who is refused, and what is kept."""

import asyncio
import logging
import time

import pytest
from sqlalchemy import text

from openclaw_core.errors import StoreError, to_wire_error
from openclaw_core.store.base import Append, Save
from openclaw_core.store.chain import Chain, read_head
from openclaw_core.store.chain_check import check_chain
from openclaw_core.store.models import AuditEvent, Device
from openclaw_core.store.offline import read_database
from openclaw_core.store.sql import SqlStore

from .proxy import Proxy

pytestmark = pytest.mark.postgres
KEY = b"k" * 32


def entry(number):
    return Append(AuditEvent, {"ts_ms": number, "kind": "test", "outcome": "ok", "actor": "a"})


@pytest.fixture
def url(cluster):
    return cluster.new_database()


@pytest.fixture
def crash(cluster):
    """Crashes the server; whatever the test does, it runs again afterwards."""
    crashed = []

    def stop():
        cluster.stop()
        crashed.append(True)

    yield stop
    if crashed:
        start(cluster)


def start(cluster):
    if not cluster.is_running():
        cluster.start()


async def until(condition):
    """Give way until it holds; the suite's own patience bounds it."""
    while not condition():
        await asyncio.to_thread(time.monotonic)


def test_a_connection_that_broke_while_idle_is_replaced_without_anyones_notice(run, url, cluster, device):
    async def scenario(store):
        await store.write(Save(device("d1")))
        cluster.break_connections(url)
        await store.write(Save(device("d2")))
        cluster.break_connections(url)
        assert [row.device_id for row in await store.load(Device)] == ["d1", "d2"]
        assert (store.stuck, store.failed) == (None, 0)

    run(scenario)


def test_without_a_server_writes_are_refused_and_what_is_written_behind_waits(
    url, cluster, crash, device, tmp_path, caplog
):
    async def scenario():
        store = SqlStore(url, chain=Chain(KEY, tmp_path / "head"))
        await store.start()
        store.write_behind(entry(0))
        await store.write(Save(device("d1")))
        crash()
        for number in range(1, 4):
            store.write_behind(entry(number))
            with pytest.raises(StoreError, match=r"failed: .*; start its server") as refused:
                await store.write(Save(device(f"lost{number}")))
            assert refused.value.retryable
            with pytest.raises(StoreError, match="start its server"):
                await store.load(Device)
        assert (store.pending, store.failed) == (3, 0)
        assert "start its server" in store.stuck
        cluster.start()
        async with asyncio.timeout(20):
            await until(lambda: store.stuck is None and not store.pending)  # nobody asks it to
        await store.write(Save(device("d2")))
        assert [row.device_id for row in await store.load(Device)] == ["d1", "d2"]
        assert [row.ts_ms for row in await store.load(AuditEvent)] == [0, 1, 2, 3]
        await store.close()

    asyncio.run(scenario())
    report = read_database(
        url, lambda connection: check_chain(connection, KEY, read_head(tmp_path / "head", KEY))
    )
    assert (report.rows, report.breaks) == (4, [])
    assert [record.message for record in caplog.records if "is back" in record.message] != []


def test_a_server_that_goes_while_nothing_is_written_shows_by_itself(url, cluster, crash):
    async def scenario():
        store = SqlStore(url)
        await store.start()
        crash()
        async with asyncio.timeout(20):
            await until(lambda: store.stuck is not None)
            cluster.start()
            await until(lambda: store.stuck is None)
        await store.close()

    asyncio.run(scenario())


def test_a_close_without_a_server_ends_and_says_what_it_lost(url, crash, caplog):
    async def scenario():
        store = SqlStore(url)
        await store.start()
        crash()
        store.write_behind(entry(1), entry(2))
        async with asyncio.timeout(20):
            await store.close()
        assert (store.failed, store.pending) == (2, 0)

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert "a change was not stored" in caplog.text


@pytest.mark.parametrize("cut", ["before the commit", "after the commit"])
def test_a_lost_answer_to_a_commit_neither_loses_nor_doubles_anything(url, cluster, device, cut, tmp_path):
    """The audit row would be a second one, or break the chain, if the group were stored twice."""

    async def scenario():
        async with Proxy.listening(cluster.directory) as proxy:
            store = SqlStore(proxy.url(url), chain=Chain(KEY, tmp_path / "head"))
            await store.start()
            await store.write(entry(1))
            before, proxy.cut = store.commits, cut
            await store.write(Save(device("d1")), entry(2))
            await store.write(entry(3))
            assert (proxy.cuts, store.commits - before) == (1, 2)
            assert [row.ts_ms for row in await store.load(AuditEvent)] == [1, 2, 3]
            assert [row.device_id for row in await store.load(Device)] == ["d1"]
            await store.close()

    asyncio.run(scenario())
    report = read_database(
        url, lambda connection: check_chain(connection, KEY, read_head(tmp_path / "head", KEY))
    )
    assert (report.rows, report.breaks) == (3, [])


@pytest.mark.parametrize("cut", ["before the commit", "after the commit"])
def test_a_commit_in_doubt_is_answered_once_the_server_is_back(url, cluster, crash, device, cut):
    async def scenario():
        async with Proxy.listening(cluster.directory) as proxy:
            store = SqlStore(proxy.url(url))
            await store.start()
            proxy.cut = cut
            proxy.on_cut = crash
            doubtful = asyncio.ensure_future(store.write(Save(device("d1")), entry(1)))
            async with asyncio.timeout(20):
                await until(lambda: store.stuck is not None)
                with pytest.raises(StoreError, match="start its server"):
                    await store.write(Save(device("d2")))
                assert not doubtful.done()
                cluster.start()
                await doubtful
            assert [row.device_id for row in await store.load(Device)] == ["d1"]
            assert [row.ts_ms for row in await store.load(AuditEvent)] == [1]
            await store.close()

    asyncio.run(scenario())


def test_a_close_in_doubt_says_that_it_is_not_known(url, cluster, crash, device):
    async def scenario():
        async with Proxy.listening(cluster.directory) as proxy:
            store = SqlStore(proxy.url(url))
            await store.start()
            proxy.cut, proxy.on_cut = "after the commit", crash
            doubtful = asyncio.ensure_future(store.write(Save(device("d1"))))
            async with asyncio.timeout(20):
                await until(lambda: store.stuck is not None)
                await store.close()
            with pytest.raises(StoreError, match="whether this was stored is not known"):
                await doubtful

    asyncio.run(scenario())


def test_a_start_without_a_server_says_how_to_get_one(url, cluster, crash):
    crash()
    with pytest.raises(StoreError, match=r"store_\d+: opening the database failed: .*; start its server"):
        asyncio.run(SqlStore(url).start())


def test_an_outage_is_a_retryable_refusal_on_the_wire(url, cluster, crash, device):
    async def scenario():
        store = SqlStore(url)
        await store.start()
        crash()
        with pytest.raises(StoreError) as refused:
            await store.write(Save(device()))
        await store.close()
        return to_wire_error(refused.value)

    wire = asyncio.run(scenario())
    assert (wire["code"], wire["details"], wire["retryable"]) == (
        "UNAVAILABLE",
        {"code": "STORE_FAILED"},
        True,
    )
    assert "start its server" in wire["message"]


def test_a_second_gateway_on_the_same_database_is_refused(url, device):
    async def scenario():
        first, second = SqlStore(url), SqlStore(url)
        await first.start()
        with pytest.raises(StoreError, match="another gateway uses this database: stop it, or give"):
            await second.start()
        await first.close()
        await second.start()
        await second.write(Save(device()))
        await second.close()

    asyncio.run(scenario())


def test_a_database_of_another_encoding_is_refused_with_the_statement_that_makes_one(cluster):
    name = "ascii"
    cluster.psql(
        f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    )
    with pytest.raises(StoreError, match="encoding is SQL_ASCII: make one with CREATE DATABASE"):
        asyncio.run(SqlStore(cluster.url(name)).start())


def test_commits_are_flushed_though_the_database_is_set_to_be_fast(run, url, cluster):
    name = url.partition("?")[0].rpartition("/")[2]
    cluster.psql(f"ALTER DATABASE {name} SET synchronous_commit = off")

    async def scenario(store):
        shown = await store.query(
            lambda connection: connection.execute(text("SHOW synchronous_commit")).scalar()
        )
        assert shown == "on"

    run(scenario)

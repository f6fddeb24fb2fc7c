"""The audit trail's chain: whatever is done to stored rows shows, and names the first of them."""

import asyncio
import sqlite3
import stat

import pytest

from openclaw_core.errors import StoreError
from openclaw_core.store.base import Append, Remove, Save, column_names
from openclaw_core.store.chain import START, Chain, Head, HeadDamagedError, link, read_head, write_head
from openclaw_core.store.chain_check import check_chain
from openclaw_core.store.models import AuditEvent
from openclaw_core.store.offline import read_database
from openclaw_core.store.sql import SqlStore

KEY = b"k" * 32


def entry(number, **values):
    return Append(AuditEvent, {"ts_ms": number, "kind": "test", "outcome": "ok", "actor": "a", **values})


@pytest.fixture
def head_file(tmp_path):
    return tmp_path / "head"


@pytest.fixture
def use(url, head_file):
    """Runs an async scenario on a store with a keyed chain."""

    def run_scenario(scenario):
        async def bounded():
            store = SqlStore(url, chain=Chain(KEY, head_file))
            async with asyncio.timeout(20):
                await store.start()
                try:
                    return await scenario(store)
                finally:
                    await store.close()

        return asyncio.run(bounded())

    return run_scenario


@pytest.fixture
def verify(url, head_file):
    def run_check(key=KEY):
        return read_database(url, lambda connection: check_chain(connection, key, read_head(head_file, key)))

    return run_check


@pytest.fixture
def filled(use):
    """Ten rows, written behind and in the foreground, over two starts."""

    async def first(store):
        store.write_behind(*(entry(number) for number in range(3)))
        await store.write(entry(3), entry(4))
        store.write_behind(entry(5))

    async def second(store):
        store.write_behind(*(entry(number, details="ü") for number in range(6, 9)))
        await store.write(entry(9))
        return [(row.id, row.ts_ms) for row in await store.load(AuditEvent)]

    use(first)
    assert use(second) == [(number + 1, number) for number in range(10)]


def test_rows_of_every_kind_of_append_and_of_two_starts_are_one_chain(filled, verify, head_file):
    report = verify()
    assert (report.rows, report.older, report.breaks) == (10, 0, [])
    assert read_head(head_file, KEY).row_id == 10
    assert stat.S_IMODE(head_file.stat().st_mode) == 0o600


def change(url, *statements):
    if not url.startswith("sqlite"):
        from sqlalchemy import text

        from openclaw_core.store.engine import open_engine

        engine = open_engine(url)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()
        return
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


TAMPERING = (
    ("UPDATE audit_event SET outcome = 'no' WHERE id = 4", 4, "was changed"),
    ("UPDATE audit_event SET subject = '' WHERE id = 1", 1, "was changed"),
    ("UPDATE audit_event SET ts_ms = 99 WHERE id = 10", 10, "was changed"),
    ("UPDATE audit_event SET conn_id = 'c' WHERE id = 3", 3, "was changed"),
    ("UPDATE audit_event SET remote_ip = 'c' WHERE id = 3", 3, "was changed"),
    ("DELETE FROM audit_event WHERE id = 5", 5, "to 5 are missing"),
    ("DELETE FROM audit_event WHERE id BETWEEN 2 AND 7", 2, "to 7 are missing"),
    ("DELETE FROM audit_event WHERE id = 1", 1, "to 1 are missing"),
    ("DELETE FROM audit_event WHERE id > 8", 9, "to 10 are missing: the trail was cut off at its end"),
    ("DELETE FROM audit_event", 1, "to 10 are missing: the trail was cut off at its end"),
    ("UPDATE audit_event SET chain_hash = NULL WHERE id = 6", 6, "has lost its hash"),
    (
        "UPDATE audit_event SET kind = 'x', chain_hash = NULL WHERE id < 4",
        4,
        "does not fit the older rows before it",
    ),
    (
        "DELETE FROM audit_event WHERE id = 5; UPDATE audit_event SET id = id - 1 WHERE id > 5",
        5,
        "was changed",
    ),
    ("UPDATE audit_event SET id = 77 WHERE id = 10", 10, "to 76 are missing"),
)


def test_what_was_done_to_rows_shows(filled, verify, url):
    columns = ", ".join(column_names(AuditEvent))
    change(url, f"CREATE TABLE kept AS SELECT {columns} FROM audit_event")
    for statements, row, why in TAMPERING:
        change(url, *statements.split(";"))
        assert verify().breaks[0] == (row, why), statements
        change(
            url, "DELETE FROM audit_event", f"INSERT INTO audit_event ({columns}) SELECT {columns} FROM kept"
        )
        assert verify().breaks == []
    change(url, "DROP TABLE kept")


def test_without_the_key_no_link_can_be_made(filled, verify, url):
    """A thief of the database recomputes the chain from the changed row on, with a key of his own."""
    change(url, "UPDATE audit_event SET actor = 'b' WHERE id = 9")

    def rows(connection):
        return connection.exec_driver_sql(
            "SELECT id, ts_ms, kind, outcome, actor, subject, details, conn_id, remote_ip, chain_hash "
            "FROM audit_event WHERE id >= 8 ORDER BY id"
        ).all()

    eighth, ninth, tenth = read_database(url, rows)
    forged = link(b"t" * 32, eighth[-1], tuple(ninth[:-1]))
    last = link(b"t" * 32, forged, tuple(tenth[:-1]))
    change(
        url,
        *(
            f"UPDATE audit_event SET chain_hash = {literal(url, value)} WHERE id = {row}"
            for row, value in ((9, forged), (10, last))
        ),
    )
    assert verify().breaks[0] == (9, "was changed")


def literal(url, value):
    return f"x'{value.hex()}'" if url.startswith("sqlite") else f"'\\x{value.hex()}'::bytea"


def test_a_cut_off_end_is_noted_at_the_next_start_and_stays_visible(filled, verify, use, url):
    change(url, "DELETE FROM audit_event WHERE id > 7")

    async def scenario(store):
        await store.write(entry(20))
        return [(row.id, row.kind) for row in (await store.load(AuditEvent))[-2:]]

    assert use(scenario) == [(11, "audit.break"), (12, "test")]
    assert verify().breaks == [(8, "to 10 are missing")]


@pytest.mark.parametrize("data", [b"", b"nonsense" * 100, b"%020d %b %b\n" % (10, b"00" * 32, b"00" * 32)])
def test_a_forged_head_is_noted_at_the_next_start(filled, use, head_file, verify, data):
    head_file.write_bytes(data)
    with pytest.raises(HeadDamagedError, match="not written with this gateway's audit key"):
        verify()

    async def scenario(store):
        return [(row.id, row.kind) for row in await store.load(AuditEvent)][-1]

    assert use(scenario) == (11, "audit.break")
    first = verify().breaks[0]
    assert first.row_id == 11
    assert "not written with this gateway's audit key" in first.why


def test_a_missing_head_is_noted(filled, use, head_file, verify):
    head_file.unlink()

    async def scenario(store):
        return (await store.load(AuditEvent))[-1].kind

    assert use(scenario) == "audit.break"
    assert "head is gone" in verify().breaks[0].why


def test_a_row_changed_while_the_gateway_was_down_is_noted(filled, use, verify, url, head_file):
    write_head(head_file, KEY, read_database(url, lambda connection: head_of(connection, 8)))
    change(url, "UPDATE audit_event SET actor = 'b' WHERE id = 9")

    async def scenario(store):
        return (await store.load(AuditEvent))[-1]

    assert use(scenario).kind == "audit.break"
    assert verify().breaks[0] == (9, "was changed")


def test_a_head_that_lags_behind_a_crash_is_nothing_to_note(filled, use, verify, url, head_file):
    write_head(head_file, KEY, read_database(url, lambda connection: head_of(connection, 8)))

    async def scenario(store):
        return len(await store.load(AuditEvent))

    assert use(scenario) == 10
    assert verify().breaks == []


def head_of(connection, row_id):
    statement = f"SELECT id, chain_hash FROM audit_event WHERE id = {row_id}"
    return Head(*connection.exec_driver_sql(statement).one())


def test_a_failing_call_leaves_no_gap(use, verify, pair_request):
    async def scenario(store):
        await store.write(Save(pair_request("taken", "d0")))
        good = [store.write(entry(number)) for number in range(20)]
        bad = store.write(entry(99), Save(pair_request("other", "d0")))
        outcomes = await asyncio.gather(*good[:10], bad, *good[10:], return_exceptions=True)
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [StoreError]
        store.write_behind(entry(100, actor="\ud800"))  # what the database cannot hold
        await store.write(entry(21))
        assert [row.id for row in await store.load(AuditEvent)] == list(range(1, 22))
        assert store.stuck is None

    use(scenario)
    assert verify().breaks == []


def test_a_whole_group_that_fails_leaves_no_gap(use, verify, url):
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL locks rows, not the database")

    async def scenario(store):
        await store.query(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=1"))
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        calls = (store.write(entry(1)), store.write(entry(2)))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError]
        assert "is locked" in store.stuck
        other.execute("ROLLBACK")
        other.close()
        await store.write(entry(3))
        assert store.stuck is None
        assert [(row.id, row.ts_ms) for row in await store.load(AuditEvent)] == [(1, 3)]

    use(scenario)
    assert verify().breaks == []


def test_thousands_of_rows_go_in_multi_row_inserts(use, verify):
    async def scenario(store):
        store.write_behind(*(entry(number) for number in range(5000)))
        await store.write(entry(5000))
        assert store.commits == 1

    use(scenario)
    assert verify().rows == 5001


def test_the_table_only_grows():
    for change_ in (
        lambda: Save(AuditEvent(id=1, ts_ms=1, kind="k", outcome="ok", actor="a")),
        lambda: Remove(AuditEvent, 1),
    ):
        with pytest.raises(TypeError, match="rows of AuditEvent are only appended"):
            change_()
    with pytest.raises(TypeError, match="not chain_hash"):
        entry(1, chain_hash=b"")


def test_an_empty_trail_starts_at_the_start(use, head_file):
    async def scenario(store):
        return await store.load(AuditEvent)

    assert use(scenario) == []
    assert read_head(head_file, KEY) in (None, START)

"""`/ready`: a store that cannot store and an event loop that is late show, and recover."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from openclaw_core.errors import StoreError
from openclaw_core.gateway.pulse import Pulse
from openclaw_core.store.base import Append
from openclaw_core.store.models import AuditEvent
from openclaw_core.store.sql import SqlStore

from .test_transport_http import get

pytestmark = pytest.mark.anyio

ENTRY = Append(AuditEvent, {"ts_ms": 1, "kind": "test", "outcome": "ok", "actor": "a"})


async def test_a_store_that_cannot_store_is_not_ready_and_recovers(start):
    gateway = await start()
    store = gateway.server.gateway.runtime.store
    await store.query(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=1"))
    with closing(
        sqlite3.connect(gateway.settings.state_dir / "openclaw.sqlite", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked"):
            await store.write(ENTRY)
        status, body = await get(gateway, "/ready")
        assert status == 503
        assert b'"failing":["store"]' in body
        other.execute("ROLLBACK")
    await store.write(ENTRY)
    assert (await get(gateway, "/ready"))[0] == 200
    assert (await get(gateway, "/health"))[0] == 200


@pytest.fixture
async def pulse(tmp_path):
    """A pulse whose beats the test gives itself, over a store that is open."""
    store = SqlStore(f"sqlite:///{tmp_path}/db")
    await store.start()
    pulse = Pulse(asyncio.get_running_loop(), store)
    pulse.stop()
    yield pulse, store
    await store.close()


async def test_a_loop_that_stays_late_is_degraded_until_it_is_not(pulse):
    beat, _ = pulse
    for _ in range(4):
        beat.record(0.9)
    assert beat.failing() == []  # one slow moment is no overload
    beat.record(0.9)
    assert beat.failing() == ["eventLoop"]
    report = beat.report()
    assert (report["degraded"], report["reasons"], report["maxDelayMs"]) == (
        True,
        ["event_loop_delay"],
        900.0,
    )
    assert report["degradedSinceMs"] >= 0
    for _ in range(3):
        beat.record(0.001)
    assert beat.failing() == []
    assert beat.report()["degradedSinceMs"] is None
    assert beat.worst_lag == 0.9


async def test_a_store_that_stands_still_is_failing(pulse):
    beat, store = pulse
    store.pending = 3  # as when the writer hangs in a system call: no answer, no error
    for _ in range(5):
        beat.record(0.0)
    assert beat.failing() == ["store"]
    await store.write(ENTRY)
    beat.record(0.0)
    assert beat.failing() == []
    store.pending = 0

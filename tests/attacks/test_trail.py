"""Somebody with the database in hand who wants the trail to forget (store.chain)."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from openclaw_core.store.models import AuditEvent
from tests.cli.conftest import env
from tests.cli.inprocess import run_here

__all__ = ["env"]

pytestmark = pytest.mark.anyio

INVENTED = (
    "INSERT INTO audit_event (id, ts_ms, kind, outcome, actor) VALUES (999, 1, 'invoke', 'ok', 'client:cli')"
)


@pytest.mark.parametrize(
    ("statement", "row", "why"),
    [
        ("UPDATE audit_event SET actor = 'somebody' WHERE id >= 2", 2, "was changed"),
        ("UPDATE audit_event SET outcome = 'ok' WHERE outcome = 'refused'", None, "was changed"),
        ("DELETE FROM audit_event WHERE id = 2", 2, "missing"),
        ("DELETE FROM audit_event WHERE id >= 4", 4, "are missing: the trail was cut off at its end"),
        # As if all were older than the chain: the head file knows better.
        ("UPDATE audit_event SET chain_hash = NULL, actor = 'somebody'", None, "head file"),
        (INVENTED, None, ""),
    ],
)
async def test_tampering_with_the_audit_trail(start, env, statement, row, why):
    gateway = await start()
    await gateway.node(["demo.any"])
    await (await gateway.operator(["operator.read"])).request("audit.list")
    rows = await gateway.server.gateway.runtime.store.load(AuditEvent)
    assert len(rows) >= 5
    state = {"OPENCLAW_STATE_DIR": str(gateway.settings.state_dir)}
    assert (await run_here(env, "audit", "verify", **state)).code == 0
    file = gateway.settings.state_dir / "openclaw.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute(statement)
    found = await run_here(env, "audit", "verify", "--json", **state)
    assert (found.code, found.json["ok"]) == (1, False)
    first = found.json["breaks"][0]
    assert why in first["why"]
    assert row in (None, first["row"])

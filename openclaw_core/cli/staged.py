"""An unpacked backup before it is put in force: whole, untampered, and at this version's schema."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from openclaw_core.errors import StoreError
from openclaw_core.services.audit_trail import HEAD_FILE, load_audit_key, open_chain
from openclaw_core.services.tokens import load_token_key
from openclaw_core.store.backup import DATABASE
from openclaw_core.store.base import Append, table_of
from openclaw_core.store.chain import Head, write_head
from openclaw_core.store.chain_check import check_chain
from openclaw_core.store.inspection import age_of_schema, find_damage
from openclaw_core.store.models import AuditEvent, Device
from openclaw_core.store.offline import read_database
from openclaw_core.store.sql import SqlStore

__all__ = ["adopt_state"]


def adopt_state(directory: Path, manifest: dict[str, Any], allow_broken_trail: bool) -> dict[str, int]:
    """Verify an unpacked state, bring it to this version's schema and note the restore in its trail.

    Returns:
        `devices` and `auditRows` it holds.

    Raises:
        StoreError: the state cannot be used; the text says why.
        ConfigError: a key in it is damaged.
    """
    url = f"sqlite:///{directory / DATABASE}"
    if (directory / "gateway-token-key").exists():
        load_token_key(directory / "gateway-token-key")
    key = load_audit_key(directory)
    head = read_database(url, lambda connection: _check(connection, key, allow_broken_trail))
    if key is not None and head is not None:
        write_head(directory / HEAD_FILE, key, head)
    return asyncio.run(_note_restore(directory, url, manifest))


def _check(connection: Connection, key: bytes | None, allow_broken_trail: bool) -> Head | None:
    if damage := find_damage(connection):
        raise StoreError(f"the database in the backup is damaged: {damage[0]}; take another backup")
    age, revision = age_of_schema(connection)
    if age == "newer":
        raise StoreError(
            f"the database in the backup is at schema revision {revision}, written by a newer "
            "openclaw-core: install that version or newer, then restore"
        )
    columns = table_of(AuditEvent).columns
    if key is None or (age == "older" and not _has_chain(connection)):
        return None
    breaks = [] if allow_broken_trail else check_chain(connection, key, None).breaks
    if breaks:
        raise StoreError(
            f"the audit trail in the backup is broken: row {breaks[0].row_id} {breaks[0].why}; take another "
            "backup, or restore this one all the same with --allow-broken-trail"
        )
    newest = connection.execute(
        select(columns.id, columns.chain_hash).order_by(columns.id.desc()).limit(1)
    ).first()
    return Head(newest.id, newest.chain_hash) if newest is not None and newest.chain_hash else None


def _has_chain(connection: Connection) -> bool:
    from sqlalchemy import inspect  # reads the catalog: only for databases of older versions

    names = {column["name"] for column in inspect(connection).get_columns("audit_event")}
    return "chain_hash" in names


async def _note_restore(directory: Path, url: str, manifest: dict[str, Any]) -> dict[str, int]:
    store = SqlStore(url, chain=open_chain(directory))
    await store.start()
    details = {"createdAtMs": manifest["createdAtMs"], "version": manifest["version"]}
    values = {
        "ts_ms": time.time_ns() // 1_000_000,
        "kind": "state.restore",
        "outcome": "ok",
        "actor": "host",
        "details": orjson.dumps(details).decode(),
    }
    try:
        await store.write(Append(AuditEvent, values))
        return await store.query(_count)
    finally:
        await store.close()


def _count(connection: Connection) -> dict[str, int]:
    counted = {"devices": Device, "auditRows": AuditEvent}
    return {
        name: connection.execute(select(func.count()).select_from(table_of(model))).scalar_one()
        for name, model in counted.items()
    }

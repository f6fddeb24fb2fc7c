"""Reading the audit trail back, and where its key and its head are kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, or_, select

from openclaw_core.config import write_private_file
from openclaw_core.errors import ConfigError
from openclaw_core.store.base import table_of
from openclaw_core.store.chain import Chain
from openclaw_core.store.models import AuditEvent

__all__ = ["HEAD_FILE", "KEY_FILE", "TrailFilter", "load_audit_key", "open_chain", "read_page"]

KEY_FILE = "gateway-audit-key"
HEAD_FILE = "gateway-audit-head"
_KEY_BYTES = 32
# What one call may read: the connection is the writer's, and a commit waits meanwhile.
_WINDOW_ROWS = 20_000
_COLUMNS = table_of(AuditEvent).columns


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Which entries are wanted; everything by default, newest first.

    Attributes:
        kinds: kinds, or their first words: `device` stands for every `device.…`.
        actor, subject: the beginning of the text; of an actor also without its `device:`.
        since_ms: Unix ms.
        before_id, after_id: bounds on the row number, both exclusive.
    """

    kinds: tuple[str, ...] = ()
    actor: str | None = None
    subject: str | None = None
    outcome: str | None = None
    since_ms: int | None = None
    before_id: int | None = None
    after_id: int | None = None
    limit: int = 100


def open_chain(state_dir: Path) -> Chain:
    """The chain of a gateway's state directory; its key is made (0600) at the first start.

    Raises:
        ConfigError: the key file is damaged.
    """
    key = load_audit_key(state_dir)
    if key is None:
        key = secrets.token_bytes(_KEY_BYTES)
        write_private_file(state_dir / KEY_FILE, key)
    return Chain(key, state_dir / HEAD_FILE)


def load_audit_key(state_dir: Path) -> bytes | None:
    """The key of the chain; None before the first start.

    Raises:
        ConfigError: the key file is damaged.
    """
    path = state_dir / KEY_FILE
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(key) != _KEY_BYTES:
        raise ConfigError(
            f"{path} holds {len(key)} bytes instead of {_KEY_BYTES}: restore it from a backup, or delete it "
            "to make a new key; the rows stored so far can then no longer be verified"
        )
    return key


def read_page(connection: Connection, wanted: TrailFilter) -> tuple[list[dict[str, Any]], int | None]:
    """The newest matching entries, and where to go on; None when there is nothing older.

    At most 20,000 rows are looked at, so a page may hold fewer than `limit`, even none, and
    still have a next one.
    """
    newest = connection.execute(select(_COLUMNS.id).order_by(_COLUMNS.id.desc()).limit(1)).scalar() or 0
    before = min(wanted.before_id, newest + 1) if wanted.before_id is not None else newest + 1
    floor = max(before - _WINDOW_ROWS, (wanted.after_id or 0) + 1)
    statement = (
        select(*_COLUMNS)
        .where(_COLUMNS.id < before, _COLUMNS.id >= floor, *_conditions(wanted))
        .order_by(_COLUMNS.id.desc())
        .limit(wanted.limit)
    )
    events = [_event(row._mapping) for row in connection.execute(statement)]
    oldest = events[-1]["id"] if len(events) == wanted.limit else floor
    return events, oldest if _goes_on(connection, wanted, oldest) else None


def _goes_on(connection: Connection, wanted: TrailFilter, oldest: int) -> bool:
    lowest = (wanted.after_id or 0) + 1
    older = select(_COLUMNS.ts_ms).where(_COLUMNS.id < oldest, _COLUMNS.id >= lowest)
    found = connection.execute(older.order_by(_COLUMNS.id.desc()).limit(1)).first()
    return found is not None and (wanted.since_ms is None or found.ts_ms >= wanted.since_ms)


def _conditions(wanted: TrailFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.kinds:
        kinds = [_COLUMNS.kind.startswith(f"{kind}.", autoescape=True) for kind in wanted.kinds]
        found.append(or_(_COLUMNS.kind.in_(wanted.kinds), *kinds))
    if wanted.actor is not None:
        words = (wanted.actor, f"device:{wanted.actor}", f"node:{wanted.actor}")
        found.append(or_(*(_COLUMNS.actor.startswith(word, autoescape=True) for word in words)))
    if wanted.subject is not None:
        found.append(_COLUMNS.subject.startswith(wanted.subject, autoescape=True))
    if wanted.outcome is not None:
        found.append(_COLUMNS.outcome == wanted.outcome)
    if wanted.since_ms is not None:
        found.append(_COLUMNS.ts_ms >= wanted.since_ms)
    return found


def _event(row: Any) -> dict[str, Any]:
    event = {
        "id": row["id"],
        "ts": row["ts_ms"],
        "kind": row["kind"],
        "outcome": row["outcome"],
        "actor": row["actor"],
        "subject": row["subject"],
        "details": orjson.loads(row["details"]) if row["details"] else None,
        "connId": row["conn_id"],
        "remoteIp": row["remote_ip"],
    }
    return {key: value for key, value in event.items() if value is not None}

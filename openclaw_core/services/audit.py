"""The audit trail: who did what to which device, from where, and every refusal.

Entries of pairing, tokens and surfaces commit with what they record; those of invokes and
refusals are stored behind the answer, in order. No entry holds a secret or a payload. The
store chains the rows (`store.chain`), `services.audit_trail` reads them back. Nothing is ever
deleted: an entry takes 200 to 300 bytes on disk, a million of them at most 300 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import orjson

from openclaw_core.hookspecs import Caller
from openclaw_core.store.base import Append, Store
from openclaw_core.store.models import AuditEvent

__all__ = ["Audit", "Outcome", "actor_of"]

Outcome = Literal["ok", "refused", "failed"]
_MOST_REPEATS = 64
_Key = tuple[str, str, str | None, str, str | None, str | None]


def actor_of(caller: Caller) -> str:
    """How the trail names an operator: its proven device, else the client's own word."""
    return f"device:{caller.device_id}" if caller.device_id else f"client:{caller.client_id}"


class Audit:
    """Writes entries; `now_ms` gives Unix milliseconds.

    Attributes:
        rows: entries made since the start.
    """

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._repeats: dict[_Key, int] = {}
        self.rows = 0

    def entry(
        self,
        kind: str,
        actor: str | Caller,
        subject: str | None,
        outcome: Outcome = "ok",
        *,
        remote_ip: str | None = None,
        **details: Any,
    ) -> Append:
        """An entry to commit together with the change it records.

        Args:
            actor: the caller, who brings its connection and address; a text for what the
                gateway does by rule, or where there is no caller yet.
            subject: the device or node it is about.
            remote_ip: where a text's actor came from; None for this host.
            details: JSON values.
        """
        self.rows += 1
        values = {
            "ts_ms": self._now_ms(),
            "kind": kind,
            "outcome": outcome,
            "subject": subject,
            "details": orjson.dumps(details).decode() if details else None,
        }
        if isinstance(actor, str):
            values["actor"] = actor
            values["remote_ip"] = remote_ip
        else:
            values["actor"] = actor_of(actor)
            values["conn_id"] = actor.conn_id
            values["remote_ip"] = actor.remote_ip
        return Append(AuditEvent, values)

    def note(
        self, kind: str, actor: str | Caller, subject: str | None, outcome: Outcome = "ok", **details: Any
    ) -> None:
        """Record something behind the answer."""
        self._store.write_behind(self.entry(kind, actor, subject, outcome, **details))

    def refuse(
        self,
        kind: str,
        code: str,
        actor: str,
        subject: str | None,
        *,
        ip: str | None,
        conn_id: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Record a refusal that its peer can repeat at will.

        The first of identical ones is stored at once, the others within a second as one entry
        with their count; past 64 different ones in a second, only counts by code are kept. A
        flood so costs at most 64 rows a second and a handful of integers.
        """
        key: _Key = (kind, code, reason, actor, subject, ip)
        if key not in self._repeats and len(self._repeats) >= _MOST_REPEATS:
            key = (kind, code, None, "many", None, None)
        if key in self._repeats:
            self._repeats[key] += 1
            return
        self._repeats[key] = 0
        self._store_refusal(key, conn_id)

    def flush(self) -> None:
        """Store the counts of what repeated since the last call; once a second, and at the end."""
        kept = {key: count for key, count in self._repeats.items() if count}
        for key, count in kept.items():
            self._store_refusal(key, None, times=count)
        # One that went on is remembered, so that a steady flood is one row a second, not two.
        self._repeats = dict.fromkeys(kept, 0)

    def _store_refusal(self, key: _Key, conn_id: str | None, **details: Any) -> None:
        kind, code, reason, actor, subject, ip = key
        details = {"code": code, **({"reason": reason} if reason else {}), **details}
        entry = self.entry(kind, actor, subject, "refused", **details)
        self._store.write_behind(Append(AuditEvent, {**entry.values, "conn_id": conn_id, "remote_ip": ip}))

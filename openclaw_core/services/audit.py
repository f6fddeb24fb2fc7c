"""The audit trail: who did what to which device, and every refusal.

Entries of pairing, tokens and surfaces commit with what they record; those of invokes and
refusals are stored behind the answer, in order. No entry holds a secret or a payload.
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


def actor_of(caller: Caller) -> str:
    """How the trail names an operator: its proven device, else the client's own word."""
    return f"device:{caller.device_id}" if caller.device_id else f"client:{caller.client_id}"


class Audit:
    """Writes entries; `now_ms` gives Unix milliseconds."""

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms

    def entry(
        self, kind: str, actor: str, subject: str | None, outcome: Outcome = "ok", **details: Any
    ) -> Append:
        """An entry to commit together with the change it records."""
        values = {
            "ts_ms": self._now_ms(),
            "kind": kind,
            "outcome": outcome,
            "actor": actor,
            "subject": subject,
            "details": orjson.dumps(details).decode() if details else None,
        }
        return Append(AuditEvent, values)

    def note(
        self, kind: str, actor: str, subject: str | None, outcome: Outcome = "ok", **details: Any
    ) -> None:
        """Record something behind the answer."""
        self._store.write_behind(self.entry(kind, actor, subject, outcome, **details))

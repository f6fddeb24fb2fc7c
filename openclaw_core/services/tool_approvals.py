"""Calls of agents that wait for a person's word: asked once, decided once, used once.

They are kept in memory: after a restart the agent asks again. A word is given for one call, that
is for one actor, node, command and one set of arguments, and it holds for as long as the question.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.tools import APPROVAL_REQUESTED, APPROVAL_RESOLVED
from openclaw_core.services.audit import Audit, actor_of
from openclaw_core.services.events import Events
from openclaw_core.services.rows import without_none

__all__ = ["LIFETIME_MS", "Asked", "ToolApprovals"]

LIFETIME_MS = 600_000
_MOST = 256
_MOST_DETAIL_CHARS = 16_384  # as published

_DECISIONS = ("allow-once", "deny")


@dataclass(slots=True)
class Asked:
    """One question.

    Attributes:
        id: what a person types to answer.
        args: a digest; arguments may weigh megabytes.
        request: what they are shown.
        decision: None while nobody answered.
    """

    id: str
    actor: str
    node_id: str
    command: str
    args: bytes
    request: dict[str, Any]
    created_at_ms: int
    expires_at_ms: int
    decision: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """A row of `plugin.approval.list`, and the payload of the event."""
        return {
            "id": self.id,
            "request": self.request,
            "createdAtMs": self.created_at_ms,
            "expiresAtMs": self.expires_at_ms,
        }


class ToolApprovals:
    """Every open question; the oldest goes when there are more than 256.

    Args:
        now_ms: gives Unix milliseconds.
    """

    def __init__(self, audit: Audit, events: Events, now_ms: Callable[[], int]) -> None:
        self._audit = audit
        self._events = events
        self._now_ms = now_ms
        self._asked: dict[str, Asked] = {}

    def consult(self, caller: Caller, entry: Mapping[str, Any], args: Any) -> Asked | None:
        """None when a person allowed this very call, which uses their word up; else the question.

        Args:
            entry: the tool, as the catalog has it with schemas.
        """
        self._forget_expired()
        actor, data = actor_of(caller), orjson.dumps(args, option=orjson.OPT_SORT_KEYS)
        key = (actor, entry["nodeId"], entry["command"], _digest(data))
        for asked in self._asked.values():
            if (asked.actor, asked.node_id, asked.command, asked.args) == key:
                break
        else:
            return self._ask(actor, entry, data)
        if asked.decision != "allow-once":
            return asked
        del self._asked[asked.id]
        return None

    def list_all(self) -> list[dict[str, Any]]:
        """`plugin.approval.list`: what waits for a decision, oldest first; a bare array, as elsewhere."""
        self._forget_expired()
        return [asked.to_wire() for asked in self._asked.values() if asked.decision is None]

    def resolve(self, caller: Caller, asked_id: str, decision: str) -> dict[str, Any]:
        """`plugin.approval.resolve`: the first decision stands.

        Raises:
            InvalidRequestError: not a decision; or a question unknown, expired or decided otherwise.
        """
        if decision not in _DECISIONS:
            raise InvalidRequestError(
                f"decision {decision!r} is not possible here; use {' or '.join(_DECISIONS)}",
                {"code": "APPROVAL_DECISION_NOT_ALLOWED", "allowedDecisions": list(_DECISIONS)},
            )
        self._forget_expired()
        asked = self._asked.get(asked_id)
        if asked is None or asked.decision not in (None, decision):
            state = "unknown, used or expired" if asked is None else f"decided already: {asked.decision}"
            raise InvalidRequestError(
                f"approval {asked_id} is {state}; see what waits: openclaw approvals list",
                {"code": "APPROVAL_NOT_FOUND" if asked is None else "APPROVAL_DECIDED", "id": asked_id},
            )
        if asked.decision is None:
            asked.decision = decision
            told = {"decision": decision, "resolvedBy": actor_of(caller), "ts": self._now_ms()}
            self._audit.note("tool.approval", caller, asked.node_id, command=asked.command, decision=decision)
            self._events.broadcast(APPROVAL_RESOLVED, {"id": asked_id, **told, "request": asked.request})
        return {"ok": True}

    def _ask(self, actor: str, entry: Mapping[str, Any], data: bytes) -> Asked:
        now = self._now_ms()
        hints = entry.get("hints") or {}
        request = without_none(
            {
                "title": f"{entry['label']} on {entry['nodeName']}"[:80],
                "description": f"{actor} wants to run {entry['command']} on {entry['nodeName']}"[:512],
                "detail": data.decode()[:_MOST_DETAIL_CHARS],
                "severity": "critical" if hints.get("destructive") else "warning",
                "pluginId": entry.get("pluginId"),
                "toolName": entry["id"],
                "nodeId": entry["nodeId"],
                "command": entry["command"],
                "allowedDecisions": list(_DECISIONS),
            }
        )
        while len(self._asked) >= _MOST:
            del self._asked[next(iter(self._asked))]
        asked = Asked(
            secrets.token_hex(4),
            actor,
            entry["nodeId"],
            entry["command"],
            _digest(data),
            request,
            now,
            now + LIFETIME_MS,
        )
        self._asked[asked.id] = asked
        self._audit.note("tool.ask", actor, asked.node_id, command=asked.command)
        self._events.broadcast(APPROVAL_REQUESTED, asked.to_wire())
        return asked

    def _forget_expired(self) -> None:
        now = self._now_ms()
        self._asked = {key: asked for key, asked in self._asked.items() if asked.expires_at_ms > now}


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()

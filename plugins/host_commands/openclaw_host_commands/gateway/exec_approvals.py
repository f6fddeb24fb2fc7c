"""Approvals of single commands: asked, decided, used, forgotten (PROTOCOL 19.4).

Pure state in the gateway's memory: time comes from the `Clock`, nothing waits here but the
`settled` event of an approval. After a restart every approval is gone, so nothing runs on
an old one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from openclaw_core.errors import InvalidRequestError, UnavailableError

__all__ = ["Approval", "Clock", "ExecApprovals", "env_hash", "not_found"]

MAX_APPROVALS = 1_000
KEEP_SETTLED_S = 300.0

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` in Unix seconds for what people see, `monotonic` in seconds for deadlines."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Approval:
    """One question and its answer.

    Attributes:
        request: the public description that approvers see.
        plan: exactly what would run, as JSON data.
        device_id, conn_id: who asked; only they may use the answer.
        decision: allow-once, allow-always, deny, or None while open or when nobody decided.
        terminal_reason: user, timeout or no-route once settled.
        timer: ends it when time is over; set by who opened it.
        used: an allow-once, or an ask-fallback, was taken by a run.
    """

    id: str
    node_id: str
    request: dict[str, Any]
    plan: dict[str, Any]
    allowed: tuple[str, ...]
    env_hash: str | None
    device_id: str | None
    conn_id: str
    created_at_ms: int
    expires_at_ms: int
    deadline: float
    decision: str | None = None
    terminal_reason: str | None = None
    used: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Nobody has decided and there is time left."""
        return self.terminal_reason is None

    def times(self) -> dict[str, Any]:
        """`id`, `createdAtMs`, `expiresAtMs`."""
        return {"id": self.id, "createdAtMs": self.created_at_ms, "expiresAtMs": self.expires_at_ms}

    def outcome(self) -> dict[str, Any]:
        """The answer of `waitDecision`."""
        return {**self.times(), "decision": self.decision, "terminalReason": self.terminal_reason}


def env_hash(env: Mapping[str, str] | None) -> str | None:
    """SHA-256 over the sorted overrides, hex; None when there are none."""
    if not env:
        return None
    return hashlib.sha256(json.dumps(sorted(env.items())).encode()).hexdigest()


class ExecApprovals:
    """Every approval of this gateway process."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self._approvals: dict[str, Approval] = {}

    def open(
        self,
        *,
        wanted_id: str | None,
        node_id: str,
        request: dict[str, Any],
        plan: dict[str, Any],
        allowed: tuple[str, ...],
        env: Mapping[str, str] | None,
        device_id: str | None,
        conn_id: str,
        timeout_ms: int,
    ) -> Approval:
        """Take in a question.

        Raises:
            InvalidRequestError: the wanted id is malformed or in use.
            UnavailableError: too many approvals are open.
        """
        self._forget_old()
        now_ms = int(self.clock.wall() * 1000)
        approval = Approval(
            id=self._checked_id(wanted_id),
            node_id=node_id,
            request=request,
            plan=plan,
            allowed=allowed,
            env_hash=env_hash(env),
            device_id=device_id,
            conn_id=conn_id,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + timeout_ms,
            deadline=self.clock.monotonic() + timeout_ms / 1000,
        )
        self._approvals[approval.id] = approval
        return approval

    def find(self, approval_id: str) -> Approval | None:
        """The approval of that id, settled ones included while they are remembered."""
        return self._approvals.get(approval_id)

    def expired(self, approval: Approval) -> bool:
        """Its time is over, whatever was decided."""
        return self.clock.monotonic() >= approval.deadline

    def pending(self) -> Iterator[Approval]:
        """Open questions, oldest first."""
        return (item for item in tuple(self._approvals.values()) if item.open and not self.expired(item))

    def resolve(self, approval_id: str, decision: str) -> Approval | None:
        """Record a person's decision; None when the same decision was recorded before.

        Raises:
            InvalidRequestError: unknown id, settled otherwise, or a decision that is not allowed.
        """
        approval = self._approvals.get(approval_id)
        if approval is None:
            raise not_found()
        if not approval.open or self.expired(approval):
            if approval.decision == decision:
                return None
            raise InvalidRequestError("approval already resolved", {"reason": "APPROVAL_ALREADY_RESOLVED"})
        if decision not in {"allow-once", "allow-always", "deny"}:
            words = ", ".join(approval.allowed)
            raise InvalidRequestError(f"invalid decision: {decision!r}; use one of {words}")
        if decision not in approval.allowed:
            raise InvalidRequestError(
                f"{decision} is unavailable for this command; use one of {', '.join(approval.allowed)}",
                {"reason": "APPROVAL_ALLOW_ALWAYS_UNAVAILABLE"},
            )
        self.settle(approval, decision, "user")
        return approval

    def settle(self, approval: Approval, decision: str | None, reason: str) -> bool:
        """End an open approval and wake who waits; False when it had ended before."""
        if not approval.open:
            return False
        approval.decision, approval.terminal_reason = decision, reason
        approval.settled.set()
        if approval.timer is not None:
            approval.timer.cancel()
        return True

    def _checked_id(self, wanted: str | None) -> str:
        if wanted is None:
            return str(uuid.uuid4())
        if not _ID.fullmatch(wanted) or wanted in {".", ".."}:
            raise InvalidRequestError(
                f"approval id {wanted!r} is not usable: give 1 to 128 of the characters"
                " A-Z a-z 0-9 . _ : -, other than . and ..",
                {"code": "EXEC_APPROVAL_ID_INVALID", "reason": "INVALID_APPROVAL_ID"},
            )
        known = self._approvals.get(wanted)
        if known is not None:
            state = "pending" if known.open else "used"
            raise InvalidRequestError(
                f"approval id already {state}: {wanted}; choose another or leave it out"
            )
        return wanted

    def _forget_old(self) -> None:
        limit = self.clock.monotonic() - KEEP_SETTLED_S
        for approval in tuple(self._approvals.values()):
            if approval.deadline < limit:
                del self._approvals[approval.id]
        if len(self._approvals) >= MAX_APPROVALS:
            self._drop_settled()
        if len(self._approvals) >= MAX_APPROVALS:
            raise UnavailableError(
                f"{MAX_APPROVALS} exec approvals are open; resolve some, then ask again", retryable=True
            )

    def _drop_settled(self) -> None:
        for approval in tuple(self._approvals.values()):
            if not approval.open:
                del self._approvals[approval.id]


def not_found() -> InvalidRequestError:
    """The refusal of `get` and `resolve` for an id nobody knows."""
    return InvalidRequestError(
        "unknown or expired approval id",
        {
            "reason": "APPROVAL_NOT_FOUND",
            "remediation": "ask again with exec.approval.request; approvals end by time and with the gateway",
        },
    )

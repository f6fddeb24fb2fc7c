"""Operator scopes and what they imply (PROTOCOL 16.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from openclaw_core.errors import missing_scope

__all__ = [
    "ADMIN",
    "APPROVALS",
    "PAIRING",
    "QUESTIONS",
    "READ",
    "SESSIONS_READ",
    "SESSIONS_WRITE",
    "TALK",
    "TALK_SECRETS",
    "WRITE",
    "covers",
    "first_missing",
    "holds",
    "require",
]

READ: Final = "operator.read"
WRITE: Final = "operator.write"
ADMIN: Final = "operator.admin"
PAIRING: Final = "operator.pairing"
APPROVALS: Final = "operator.approvals"
QUESTIONS: Final = "operator.questions"
TALK: Final = "operator.talk"
TALK_SECRETS: Final = "operator.talk.secrets"
SESSIONS_READ: Final = "operator.sessions.read"
SESSIONS_WRITE: Final = "operator.sessions.write"

_OPERATOR = "operator."
_WRITE_IMPLIES = frozenset((READ, TALK))


def holds(scopes: frozenset[str], needed: str) -> bool:
    """True when `scopes` contain or imply `needed`.

    Admin implies every `operator.*` scope, write implies read and talk. A scope outside
    `operator.` is implied by nothing.
    """
    if needed in scopes:
        return True
    if ADMIN in scopes:
        return needed.startswith(_OPERATOR)
    return WRITE in scopes and needed in _WRITE_IMPLIES


def first_missing(scopes: frozenset[str], required: Iterable[str]) -> str | None:
    """The first of `required` that `scopes` do not hold, or None."""
    return next((needed for needed in required if not holds(scopes, needed)), None)


def require(scopes: frozenset[str], *required: str) -> None:
    """Do nothing when all are held.

    Raises:
        ForbiddenError: names the first missing scope and all that are required.
    """
    missing = first_missing(scopes, required)
    if missing is not None:
        raise missing_scope(missing, required)


def covers(held: frozenset[str], asked: Iterable[str]) -> bool:
    """True when every asked scope is held or implied."""
    return first_missing(held, asked) is None

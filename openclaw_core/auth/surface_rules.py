"""A node's declared surface against the approved and the waiting one (PROTOCOL 8.1, 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Action", "Outcome", "Surface", "effective_permissions", "reconcile"]

Action = Literal["none", "keep", "create", "supersede", "drop"]
State = Literal["approved", "pending-approval", "pending-reapproval"]


@dataclass(frozen=True, slots=True)
class Surface:
    """What a node can do: capability names, commands, OS permissions."""

    caps: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()
    permissions: Mapping[str, bool] = field(default_factory=dict)

    @property
    def granted(self) -> frozenset[str]:
        """Names of the permissions that are true."""
        return frozenset(name for name, value in self.permissions.items() if value)

    def beyond(self, other: Surface) -> Surface:
        """What is here and not in `other`; of the permissions those that are true."""
        new = dict.fromkeys(sorted(self.granted - other.granted), True)
        return Surface(self.caps - other.caps, self.commands - other.commands, new)

    def within(self, other: Surface) -> bool:
        """True when nothing here goes beyond `other`; a permission that is false asks for nothing."""
        return self.caps <= other.caps and self.commands <= other.commands and self.granted <= other.granted

    def asks_same(self, other: Surface) -> bool:
        """True when both ask for exactly the same."""
        return self.within(other) and other.within(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to do with the node's surface request.

    Attributes:
        action: `none` nothing waits and nothing is needed; `keep` the waiting request
            stays under its id, refreshed; `create` a first one; `supersede` the waiting
            one is resolved as rejected and a new one created; `drop` the waiting one is
            resolved as rejected, nothing more is needed.
        state: `approvalState` afterwards (chapter 10).
        pending: what then waits for approval, or None.
    """

    action: Action
    state: State
    pending: Surface | None = None


def reconcile(declared: Surface, approved: Surface | None, pending: Surface | None) -> Outcome:
    """Decide about a connecting node's declared surface (8.2).

    Args:
        declared: what the command policy left of the requested one.
        approved: last approved surface, None when never approved.
        pending: surface of the waiting request, if one waits.
    """
    if approved is not None and declared.within(approved):
        return Outcome("none" if pending is None else "drop", "approved")
    state: State = "pending-approval" if approved is None else "pending-reapproval"
    if pending is None:
        return Outcome("create", state, declared)
    return Outcome("keep" if declared.asks_same(pending) else "supersede", state, declared)


def effective_permissions(
    declared: Mapping[str, bool], approved: Mapping[str, bool] | None
) -> dict[str, bool]:
    """Permissions as shown: false always, true only when true was approved (8.1)."""
    known = approved or {}
    return {name: value for name, value in sorted(declared.items()) if not value or known.get(name) is True}

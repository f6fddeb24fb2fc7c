"""`node.pending.*`: work that waits for a node (PROTOCOL 14), and what this gateway adds to it.

Additions to the published contract: the type `node.invoke`, `leaseMs` of a drain, `results`
of an ack, and the operator's `list`, `get` and `cancel`. What the original sends is unchanged.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, Timestamp, UniqueItems, Wire
from openclaw_core.protocol.nodes import NodeInvokeError

__all__ = [
    "AVAILABLE",
    "BASELINE_ID",
    "CHANGED",
    "FINAL_STATES",
    "OPEN_STATES",
    "OUTCOME_UNKNOWN",
    "PendingAckParams",
    "PendingCancelParams",
    "PendingDrainParams",
    "PendingEnqueueParams",
    "PendingGetParams",
    "PendingListParams",
    "PendingPullParams",
    "PendingResult",
    "Priority",
    "State",
]

AVAILABLE = "node.pending.available"
"""Event to one node: `{count}` items wait for it. Nodes that do not know it still pull."""
CHANGED = "node.pending.changed"
"""Broadcast to operators: an item changed its state."""
BASELINE_ID = "baseline-status"
OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
"""Code of a node that began an item, died, and cannot tell how far it came."""

Priority = Literal["normal", "high"]
State = Literal[
    "queued", "delivered", "drained", "done", "failed", "unknown", "expired", "cancelled", "dropped"
]
OPEN_STATES: frozenset[str] = frozenset(("queued", "delivered"))
FINAL_STATES: frozenset[str] = frozenset(
    ("drained", "done", "failed", "unknown", "expired", "cancelled", "dropped")
)

_INVOKE_ONLY = ("command", "params", "timeout_ms", "idempotency_key")


class PendingEnqueueParams(Wire):
    """An operator leaves work for a node (14.1); `expires_in_ms` and `timeout_ms` in ms.

    `command`, `params`, `timeoutMs` and `idempotencyKey` belong to the type `node.invoke`.
    """

    node_id: NonEmpty
    type: Literal["status.request", "location.request", "node.invoke"]
    priority: Omittable[Priority] = None
    expires_in_ms: Omittable[Annotated[Integer, Field(ge=1_000, le=86_400_000)]] = None
    wake: Omittable[bool] = None
    command: Omittable[NonEmpty] = None
    params: Any = None
    timeout_ms: Omittable[Timestamp] = None
    idempotency_key: Omittable[Annotated[str, Field(min_length=1, max_length=256)]] = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if self.type == "node.invoke":
            if self.command is None:
                raise ValueError("type node.invoke needs a command")
        elif given := [name for name in _INVOKE_ONLY if name in self.model_fields_set]:
            raise ValueError(f"{', '.join(given)} belongs to type node.invoke, not to {self.type}")
        return self


class PendingDrainParams(Wire):
    """A node takes status and location requests (14.2).

    With `lease_ms` they are not gone but lent for that time: acknowledge them, or get them again.
    """

    max_items: Omittable[Annotated[Integer, Field(ge=1, le=10)]] = None
    lease_ms: Omittable[Annotated[Integer, Field(ge=1_000, le=600_000)]] = None


class PendingPullParams(Wire):
    """A node takes commands (14.3); at most `max_items` of them, if it says so."""

    max_items: Omittable[Annotated[Integer, Field(ge=1, le=100)]] = None


class PendingResult(Wire):
    """What became of one item on the node; as `node.invoke.result` says it (11.3)."""

    id: NonEmpty
    ok: bool
    payload: Any = None
    payload_json: Annotated[str | None, Field(alias="payloadJSON")] = None
    error: NodeInvokeError | None = None


class PendingAckParams(Wire):
    """A node is done with items (14.3); `results` tell how, for those it can tell."""

    ids: Annotated[list[NonEmpty], Field(min_length=1, max_length=1_000)]
    results: Omittable[list[PendingResult]] = None

    @model_validator(mode="after")
    def _results_are_acked(self) -> Self:
        for result in self.results or ():
            if result.id not in self.ids:
                raise ValueError(f"results names {result.id!r}, which ids does not; list it in both")
        return self


class PendingListParams(Wire):
    """Newest first; at most `limit` (200)."""

    node_id: Omittable[NonEmpty] = None
    states: Omittable[Annotated[list[State], UniqueItems]] = None
    limit: Omittable[Annotated[Integer, Field(ge=1, le=1_000)]] = None


class PendingGetParams(Wire):
    id: NonEmpty


class PendingCancelParams(Wire):
    id: NonEmpty

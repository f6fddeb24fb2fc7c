"""`audit.list`: reading the audit trail; ours, not in the original's contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, Timestamp, Wire

__all__ = ["AuditListParams"]

_Kinds = Annotated[list[NonEmpty], Field(min_length=1, max_length=32)]
_RowNumber = Annotated[Integer, Field(ge=0)]


class AuditListParams(Wire):
    """Filters of `audit.list`; all given ones must hold.

    Attributes:
        kinds: kinds, or first words: `device` stands for every `device.…`.
        actor, subject: how the text begins; an actor also without its `device:` or `node:`.
        since_ms: Unix ms.
        before_id, after_id: row numbers, exclusive; the former pages back, the latter follows.
        limit: entries per answer, 1 to 500.
    """

    kinds: Omittable[_Kinds] = None
    actor: Omittable[NonEmpty] = None
    subject: Omittable[NonEmpty] = None
    outcome: Omittable[Literal["ok", "refused", "failed"]] = None
    since_ms: Omittable[Timestamp] = None
    before_id: Omittable[_RowNumber] = None
    after_id: Omittable[_RowNumber] = None
    limit: Annotated[Integer, Field(ge=1, le=500)] = 100

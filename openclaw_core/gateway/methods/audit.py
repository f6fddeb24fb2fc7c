"""`audit.list`: who did what, for people with admin."""

from __future__ import annotations

from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.gateway.router import Call, Method
from openclaw_core.protocol.audit import AuditListParams
from openclaw_core.services.audit_trail import TrailFilter, read_page
from openclaw_core.services.runtime import Runtime

__all__ = ["audit_methods"]


def audit_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file."""

    async def list_events(call: Call) -> dict[str, Any]:
        params: AuditListParams = call.params
        wanted = TrailFilter(
            kinds=tuple(params.kinds or ()),
            actor=params.actor,
            subject=params.subject,
            outcome=params.outcome,
            since_ms=params.since_ms,
            before_id=params.before_id,
            after_id=params.after_id,
            limit=params.limit,
        )
        runtime.audit.flush()
        events, next_before = await runtime.store.query(lambda connection: read_page(connection, wanted))
        return {"events": events} | ({} if next_before is None else {"nextBeforeId": next_before})

    return [Method("audit.list", list_events, "operator", scopes.ADMIN, AuditListParams)]

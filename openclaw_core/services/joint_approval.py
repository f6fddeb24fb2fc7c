"""One approval for a waiting node's device and for what it declares (PROTOCOL 6.5, 8.4).

`device.pair.approve {requestId, surface: true}` is ours. The approver needs what both
approvals need, and gives exactly what `device.pair.list` showed as `declaredSurface`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openclaw_core.auth.pairing_rules import check_surface_approver
from openclaw_core.errors import InvalidRequestError
from openclaw_core.hookspecs import Caller
from openclaw_core.services.first_surface import offer_of_request
from openclaw_core.services.runtime import Runtime
from openclaw_core.services.tokens import approver_of
from openclaw_core.store.base import Append, Remove
from openclaw_core.store.models import PairRequest, Row

__all__ = ["approve_with_surface"]


async def approve_with_surface(runtime: Runtime, caller: Caller, request_id: str) -> dict[str, Any]:
    """Approve both in one commit; the result of `device.pair.approve`.

    Raises:
        InvalidRequestError: unknown or expired request, no node, or the caller may not.
        ForbiddenError: a scope of 8.3 is missing.
    """
    surfaces = runtime.first_surfaces
    announced: list[tuple[str, str]] = []

    def also(request: PairRequest) -> Iterable[Row | Remove | Append]:
        if "node" not in request.roles:
            raise InvalidRequestError(
                f"request {request_id} is not a node's: approve it without its surface "
                f"(openclaw devices approve {request_id})",
                {"requestId": request_id, "roles": request.roles},
            )
        offer = offer_of_request(request)
        check_surface_approver(
            approver_of(runtime.registry, caller), request.device_id, surfaces.required_scopes(offer)
        )
        announced.append((request.device_id, surfaces.waiting_id(request.device_id)))
        return surfaces.approval(offer, caller)

    result = await runtime.pairing.approve(caller, request_id, runtime.events.device_ids(), also)
    for node_id, surface_id in announced:
        runtime.surfaces.put_in_force(node_id)
        surfaces.announce(node_id, surface_id)
    return result

"""An operator that is connected asks for more scopes and hears what came of it (PROTOCOL 6.5).

The request is a pair request like any other, which another operator decides about; what the
connection may do meanwhile stays as it is.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.errors import InvalidRequestError
from openclaw_core.services.knock import Knock
from openclaw_core.services.pairing import Pairing
from openclaw_core.services.registry import Registry
from openclaw_core.services.tokens import Tokens
from openclaw_core.store.models import PairRequest

__all__ = ["ScopeUpgrades"]

_MOST_WAITING = 16


@dataclass(slots=True)
class _Asked:
    """The last request of a device.

    Attributes:
        decision: what ended it, as the trail has it; None while it waits.
        waiting: calls that wait for it.
    """

    request_id: str
    decision: str | None = None
    waiting: int = 0
    decided: asyncio.Event = field(default_factory=asyncio.Event)


class ScopeUpgrades:
    """What each device asked for last; in memory, a request that still waits outlives a restart.

    Args:
        now_ms: gives Unix milliseconds.
    """

    def __init__(
        self, registry: Registry, pairing: Pairing, tokens: Tokens, now_ms: Callable[[], int]
    ) -> None:
        self._registry = registry
        self._pairing = pairing
        self._tokens = tokens
        self._now_ms = now_ms
        self._asked: dict[str, _Asked] = {}  # by device id
        pairing.on_resolved = self._resolved

    async def request(self, knock: Knock, held: frozenset[str], wanted: frozenset[str]) -> dict[str, Any]:
        """`device.scopes.requestUpgrade`: leave a request, or keep the one that asks for as much.

        Args:
            knock: the device as it came in.
            held: what its connection may do.
            wanted: all it wants, what it has included.

        Raises:
            InvalidRequestError: it asks for less than it has, or its token was revoked.
        """
        device_id = knock.asked.device_id
        if not scopes.covers(wanted, held):
            missing = scopes.first_missing(wanted, sorted(held))
            raise InvalidRequestError(
                f"scopes must contain the current scopes, and lack {missing}: add it",
                {"missingScope": missing},
            )
        async with self._registry.lock(device_id):
            row = self._tokens.live(device_id, "operator")
            if row is None:
                raise InvalidRequestError("this device is not paired as an operator any more: connect again")
            if scopes.covers(frozenset(row.scopes), wanted):
                # Approved already, and its answer was lost: it is told again.
                asked = _Asked(str(uuid.uuid4()), "approved")
            else:
                found = await self._pairing.request(
                    replace(knock, asked=replace(knock.asked, scopes=wanted), silent=False)
                )
                asked = self._of(device_id, found.request_id)
            self._asked[device_id] = asked
        return {"requestId": asked.request_id}

    async def wait(self, device_id: str, request_id: str) -> dict[str, Any]:
        """`device.scopes.waitUpgrade`: answers when the device's own request was decided, or expired.

        An approval comes with the token that replaces the device's own.

        Raises:
            InvalidRequestError: no such request of this device.
        """
        asked = await self._find(device_id, request_id)
        if asked.waiting >= _MOST_WAITING:
            raise InvalidRequestError(f"{_MOST_WAITING} calls wait for this request already: let them")
        asked.waiting += 1
        try:
            while asked.decision is None and (left_ms := await self._left_ms(device_id, request_id)) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left_ms / 1000):
                        await asked.decided.wait()
        finally:
            asked.waiting -= 1
        if asked.decision not in ("approved", "rejected"):
            return {"status": "expired", "requestId": request_id}
        row = self._tokens.live(device_id, "operator")
        if asked.decision != "approved" or row is None:
            return {"status": "rejected", "requestId": request_id}
        return {
            "status": "approved",
            "requestId": request_id,
            "deviceToken": self._tokens.value(row),
            "scopes": sorted(row.scopes),
        }

    async def _find(self, device_id: str, request_id: str) -> _Asked:
        asked = self._of(device_id, request_id)
        if self._asked.get(device_id) is not asked:
            if await self._left_ms(device_id, request_id) <= 0:
                raise InvalidRequestError(
                    "scope upgrade expired or not found: ask again", {"requestId": request_id}
                )
            self._asked[device_id] = asked  # left before this gateway started
        return asked

    async def _left_ms(self, device_id: str, request_id: str) -> int:
        # A decision that is being stored is told before the device's lock is free again.
        async with self._registry.lock(device_id):
            held = self._registry.pair_requests.get(device_id)
            if held is None or held.request_id != request_id:
                return 0
            return held.expires_at_ms - self._now_ms()

    def _of(self, device_id: str, request_id: str) -> _Asked:
        asked = self._asked.get(device_id)
        return asked if asked is not None and asked.request_id == request_id else _Asked(request_id)

    def _resolved(self, request: PairRequest, decision: str) -> None:
        asked = self._asked.get(request.device_id)
        if asked is not None and asked.request_id == request.request_id:
            asked.decision = decision
            asked.decided.set()

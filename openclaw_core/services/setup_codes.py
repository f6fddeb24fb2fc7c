"""Setup codes: one device may pair with one of them, once, within ten minutes (PROTOCOL 6.6).

At rest there are only hashes. The secret of a code is derived from its ticket under the
gateway's key, so that a join link, which holds the ticket, can be followed after a restart.

A code is spent by the same commit that approves the device. If hello-ok gets lost, the same
device, proven by its key, may come again with the spent code for as long as a code lives, until
it first uses the device token of that hello-ok. The spent code approves nothing any more: a
device that was removed or revoked in the meantime is refused.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from nacl.hashlib import blake2b

from openclaw_core.auth.auto_approval import ACCESS_SCOPES, SetupAccess
from openclaw_core.auth.signing import decode_base64, encode_base64url
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.limits import SETUP_CODE_TTL_MS, SETUP_RECORD_TTL_MS
from openclaw_core.protocol.setup import DevicePairSetupFact
from openclaw_core.services.audit import Audit, actor_of
from openclaw_core.services.events import Events
from openclaw_core.services.first_surface import FirstSurfaces, offer_of_connect
from openclaw_core.services.pairing import Knock, Pairing
from openclaw_core.services.registry import Registry
from openclaw_core.store.base import Append, Remove
from openclaw_core.store.models import Row, SetupCode

__all__ = ["IssuedCode", "SetupCodes"]

_TICKET_BYTES = 16
_PERSON = b"openclaw-setup"


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A new code: its row, the bootstrap token, and the ticket of its join link."""

    row: SetupCode
    secret: str
    ticket: str


class SetupCodes:
    """Issues, checks and spends codes.

    Args:
        key: the gateway's key, 32 bytes.
        now_ms: gives Unix milliseconds.
    """

    def __init__(
        self,
        registry: Registry,
        pairing: Pairing,
        surfaces: FirstSurfaces,
        audit: Audit,
        events: Events,
        key: bytes,
        now_ms: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._pairing = pairing
        self._surfaces = surfaces
        self._audit = audit
        self._events = events
        self._key = key
        self._now_ms = now_ms

    # Operators

    async def issue(self, caller: Caller, access: SetupAccess, *, with_link: bool) -> IssuedCode:
        """Make a code; it is durable when this returns."""
        ticket, now = secrets.token_bytes(_TICKET_BYTES), self._now_ms()
        secret = self._secret(ticket)
        row = SetupCode(
            setup_id=str(uuid.uuid4()),
            secret_hash=_hash(secret),
            join_hash=_hash(encode_base64url(ticket)) if with_link else None,
            access=access,
            created_by=actor_of(caller),
            created_at_ms=now,
            expires_at_ms=now + SETUP_CODE_TTL_MS,
        )
        entry = self._audit.entry("setup.issue", caller, None, setupId=row.setup_id, access=access)
        await self._registry.commit(row, entry)
        return IssuedCode(row, secret, encode_base64url(ticket))

    def status(self, setup_id: str) -> dict[str, Any]:
        """`device.pair.setupStatus`: empty while the code is open, and for an unknown one."""
        row = self._registry.setup_codes.get(setup_id)
        if row is None or row.device_id is None:
            return {}
        return {"completion" if row.delivered_at_ms is not None else "deliveryUncertain": _fact(row)}

    async def follow_link(self, ticket: str) -> IssuedCode | None:
        """The code behind a join link; once, while the code is open."""
        wanted = _hash(ticket)
        row = next((row for row in self._registry.setup_codes.values() if row.join_hash == wanted), None)
        if row is None:
            return None
        async with self._registry.lock(_lock_name(row)):
            row = self._registry.setup_codes.get(row.setup_id)
            if row is None or row.joined_at_ms is not None or not self._is_open(row):
                return None
            joined = row.model_copy(update={"joined_at_ms": self._now_ms()})
            entry = self._audit.entry("setup.link", "client:unknown", None, setupId=row.setup_id)
            await self._registry.commit(joined, entry)
        raw = decode_base64(ticket)
        return IssuedCode(joined, self._secret(raw), ticket) if raw is not None else None

    # At the door; the caller holds the device's lock.

    def find(self, secret: str, device_id: str, role: str) -> SetupCode | None:
        """The code that lets this proven device go on (3.3, step 11), or None."""
        wanted = _hash(secret)
        row = next((row for row in self._registry.setup_codes.values() if row.secret_hash == wanted), None)
        if row is None or self._is_open(row):
            return row
        return row if self._awaits_first_use(row, device_id, role) else None

    async def redeem(self, code: SetupCode, knock: Knock, *, approve: bool) -> bool:
        """Spend a code, and approve the device in the same commit; False when it is too late.

        Args:
            approve: the device is not approved yet for what it asks.
        """
        device_id = knock.asked.device_id
        async with self._registry.lock(_lock_name(code)):
            held = self._registry.setup_codes.get(code.setup_id)
            if held is not None and held.device_id == device_id and not approve:
                return True
            if held is None or not self._is_open(held):
                return False
            spent = held.model_copy(
                update={
                    "device_id": device_id,
                    "device_name": knock.params.client.display_name,
                    "redeemed_at_ms": self._now_ms(),
                }
            )
            entry = self._audit.entry(
                "setup.redeem",
                f"device:{device_id}",
                device_id,
                remote_ip=knock.remote_ip,
                setupId=spent.setup_id,
                access=spent.access,
                issuedBy=spent.created_by,
            )
            if approve:
                await self._approve(knock, spent, entry)
            else:
                await self._registry.commit(spent, entry)
        return True

    def answered(self, code: SetupCode, *, delivered: bool) -> None:
        """Note whether hello-ok went out, and tell operators (6.6, delivery)."""
        row = self._registry.setup_codes.get(code.setup_id)
        if row is None or row.delivered_at_ms is not None:
            return
        if delivered:
            row = row.model_copy(update={"delivered_at_ms": self._now_ms()})
            self._registry.commit_later(row)
        name = "completed" if delivered else "deliveryUncertain"
        self._events.broadcast(f"device.pair.setup.{name}", _fact(row))

    def purge_expired(self) -> None:
        """Drop codes that can do nothing any more; spent ones stay a day for `setupStatus`."""
        now = self._now_ms()
        for row in tuple(self._registry.setup_codes.values()):
            is_spent = row.device_id is not None
            end = row.created_at_ms + SETUP_RECORD_TTL_MS if is_spent else row.expires_at_ms
            if now < end or self._registry.is_held(_lock_name(row)):
                continue
            changes: list[Row | Remove | Append] = [Remove(SetupCode, row.setup_id)]
            if not is_spent:
                changes.append(self._audit.entry("setup.expire", "rule:expiry", None, setupId=row.setup_id))
            self._registry.commit_later(*changes)

    # Inside

    async def _approve(self, knock: Knock, spent: SetupCode, entry: Append) -> None:
        device_id, extra = knock.asked.device_id, list[Row | Remove | Append]((spent, entry))
        roles, granted = {knock.asked.role}, set(knock.asked.scopes)
        if spent.access == "node":
            surface_id = self._surfaces.waiting_id(device_id)
            offer = offer_of_connect(device_id, knock.params)
            extra += self._surfaces.approval(offer, f"setup:{spent.setup_id}")
        elif knock.asked.role == "node":
            # A native app is both; it gets its operator token with the same hello-ok.
            roles.add("operator")
            granted |= ACCESS_SCOPES[cast("SetupAccess", spent.access)]
        await self._pairing.approve_by_code(knock, roles, granted, extra)
        if spent.access == "node":
            self._surfaces.announce(device_id, surface_id)

    def _is_open(self, row: SetupCode) -> bool:
        return row.device_id is None and row.expires_at_ms > self._now_ms()

    def _awaits_first_use(self, row: SetupCode, device_id: str, role: str) -> bool:
        """True while the hello-ok that answered this code may have been lost."""
        spent_at = row.redeemed_at_ms
        if row.device_id != device_id or spent_at is None or self._now_ms() - spent_at >= SETUP_CODE_TTL_MS:
            return False
        token = self._registry.tokens.get((device_id, role))
        return token is not None and token.revoked_at_ms is None and (token.last_used_at_ms or -1) < spent_at

    def _secret(self, ticket: bytes) -> str:
        return encode_base64url(blake2b(ticket, digest_size=32, key=self._key, person=_PERSON).digest())


def _hash(text: str) -> str:
    # Of 128 random bits or more: no salt and no slow hash would add anything.
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32, person=_PERSON).hexdigest()


def _lock_name(row: SetupCode) -> str:
    # No device id looks like this; a device's lock is always taken before, never after.
    return f"setup-code {row.setup_id}"


def _fact(row: SetupCode) -> dict[str, Any]:
    fact = {
        "setupId": row.setup_id,
        "deviceId": row.device_id,
        "deviceName": row.device_name,
        "access": row.access,
        "ts": row.redeemed_at_ms,
    }
    return DevicePairSetupFact.model_validate(
        {key: value for key, value in fact.items() if value is not None}
    ).to_wire()

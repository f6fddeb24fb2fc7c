"""Device tokens: derived from a gateway key and a generation, never stored (PROTOCOL 7)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from openclaw_core.auth import scopes
from openclaw_core.auth.device_tokens import derive_token, token_matches
from openclaw_core.auth.pairing_rules import Approver, check_token_owner, token_denied
from openclaw_core.config import write_private_file
from openclaw_core.errors import ConfigError
from openclaw_core.hookspecs import Caller
from openclaw_core.services import outcomes
from openclaw_core.services.audit import Audit
from openclaw_core.services.registry import Registry
from openclaw_core.store.models import DeviceToken

__all__ = ["Tokens", "approver_of", "load_token_key"]

_KEY_BYTES = 32
_FIRST_GENERATIONS = 2**30


def load_token_key(path: Path) -> bytes:
    """The gateway's token key, created (0600) at the first start.

    Raises:
        ConfigError: the file is damaged. It is never replaced silently: a new key would
            lock out every paired device.
    """
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(_KEY_BYTES)
        write_private_file(path, key)
    if len(key) != _KEY_BYTES:
        raise ConfigError(
            f"{path} holds {len(key)} bytes instead of {_KEY_BYTES}: restore it from a backup, or delete "
            "it to make a new key; devices that hold only a device token must then be paired again"
        )
    return key


class Tokens:
    """Issues, verifies, rotates and revokes; one token per (device, role)."""

    def __init__(self, registry: Registry, audit: Audit, key: bytes, now_ms: Callable[[], int]) -> None:
        self._registry = registry
        self._audit = audit
        self._key = key
        self._now_ms = now_ms

    def issue(self, device_id: str, role: str, granted: list[str]) -> DeviceToken:
        """The row for a newly approved role, to be committed with the approval.

        A live token is kept when the scopes stay the same: clients store it and expect it
        back. A revoked or widened one starts the next generation; a widened one lets its device
        in until the new one is first used, as that may never have been told.
        """
        now, held = self._now_ms(), self._registry.tokens.get((device_id, role))
        if held is None:
            # Not from 1: a device that was removed and is paired anew must not get back the
            # tokens it had before, which may be the reason for its removal.
            first = secrets.randbelow(_FIRST_GENERATIONS)
            return DeviceToken(
                device_id=device_id, role=role, scopes=granted, generation=first, created_at_ms=now
            )
        live = held.revoked_at_ms is None
        if live and set(held.scopes) == set(granted):
            return held
        return held.model_copy(
            update={
                "scopes": granted,
                "generation": held.generation + 1,
                "created_at_ms": now,
                "rotated_at_ms": None,
                "revoked_at_ms": None,
                "previous_valid": live,
            }
        )

    def live(self, device_id: str, role: str) -> DeviceToken | None:
        """The token row of a role unless revoked."""
        row = self._registry.tokens.get((device_id, role))
        return row if row is not None and row.revoked_at_ms is None else None

    def value(self, row: DeviceToken) -> str:
        """The token itself, 43 characters."""
        return derive_token(self._key, row.device_id, row.role, row.generation)

    def verify(self, presented: str, device_id: str, role: str) -> DeviceToken | None:
        """The row a presented token stands for, or None; compared in constant time."""
        row = self.live(device_id, role)
        if row is None or not token_matches(
            presented, self._key, device_id, role, row.generation, grace=row.previous_valid
        ):
            return None
        return row

    def note_use(self, row: DeviceToken, presented: str) -> None:
        """Remember when a token was last used; a predecessor ends when its successor is first used."""
        successor_used = token_matches(presented, self._key, row.device_id, row.role, row.generation)
        changes = {
            "last_used_at_ms": self._now_ms(),
            "previous_valid": row.previous_valid and not successor_used,
        }
        self._registry.commit_later(row.model_copy(update=changes))

    async def rotate(
        self, caller: Caller, device_id: str, role: str, asked: list[str] | None
    ) -> dict[str, Any]:
        """`device.token.rotate` (7.1): end the old token, start the next generation.

        Raises:
            InvalidRequestError: `device token rotation denied`, whatever the reason.
        """
        own = caller.by_device_token and caller.device_id == device_id
        async with self._registry.lock(device_id):
            row = self._authorized("rotation", caller, device_id, role, asked)
            if row.revoked_at_ms is not None:
                raise token_denied("rotation", "revoked-token")
            now = self._now_ms()
            granted = row.scopes if asked is None else asked
            # While its successor was never used, a device that asks again lost the answer: it gets
            # the same successor, or the token it still holds would be two generations behind.
            repeated = own and row.previous_valid
            new = row.model_copy(
                update={
                    "scopes": granted,
                    "generation": row.generation + (0 if repeated else 1),
                    "rotated_at_ms": now,
                    # A lost reply must not lock the device out; an operator's rotation
                    # may answer a leak and ends the old token at once.
                    "previous_valid": own,
                }
            )
            entry = self._audit.entry("token.rotate", caller, device_id, role=role, scopes=granted)
            await self._registry.commit(new, entry)
        result: dict[str, Any] = {
            "deviceId": device_id,
            "role": role,
            "scopes": granted,
            "rotatedAtMs": now,
            "tokenDelivery": "in-band" if own else "withheld-cross-device",
        }
        return result | {"token": self.value(new)} if own else result

    async def revoke(self, caller: Caller, device_id: str, role: str) -> dict[str, Any]:
        """`device.token.revoke` (7.2): the role must be approved again before it connects.

        Raises:
            InvalidRequestError: `device token revocation denied`, whatever the reason.
        """
        async with self._registry.lock(device_id):
            row = self._authorized("revocation", caller, device_id, role, None)
            revoked_at = row.revoked_at_ms or self._now_ms()
            new = row.model_copy(update={"revoked_at_ms": revoked_at, "previous_valid": False})
            entry = self._audit.entry("token.revoke", caller, device_id, role=role)
            await self._registry.commit(new, entry)
        return {"deviceId": device_id, "role": role, "revokedAtMs": revoked_at}

    def _authorized(
        self,
        action: Literal["rotation", "revocation"],
        caller: Caller,
        device_id: str,
        role: str,
        asked: list[str] | None,
    ) -> DeviceToken:
        row = self._registry.tokens.get((device_id, role))
        check_token_owner(
            action,
            approver_of(self._registry, caller),
            device_id,
            role,
            self._registry.approved(device_id),
            scopes=None if asked is None else frozenset(asked),
        )
        if row is None:
            raise token_denied(action, "no-such-token")
        return row


def approver_of(registry: Registry, caller: Caller) -> Approver:
    """The caller as the pairing rules see it, for a decision that is taken now.

    Raises:
        UnavailableError: `PAIRING_CHANGED`: while its call waited for its turn, its own device was
            removed, or its token revoked or given fewer scopes.
    """
    if caller.device_id is not None:
        token = registry.tokens.get((caller.device_id, "operator"))
        if (
            token is None
            or token.revoked_at_ms is not None
            or (caller.by_device_token and not scopes.covers(frozenset(token.scopes), caller.scopes))
        ):
            raise outcomes.pairing_changed(
                "this device's pairing changed before its request was served; connect anew",
                "revoked",
                retryable=False,
            )
    return Approver(caller.scopes, caller.device_id, caller.by_device_token)

"""A proven device at the door, and the request it leaves when it may not come in (PROTOCOL 6.1)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from openclaw_core.auth.pairing_rules import Asked
from openclaw_core.protocol.connect import ConnectParams
from openclaw_core.store.models import PairRequest

__all__ = ["Knock", "new_request"]


@dataclass(frozen=True, slots=True)
class Knock:
    """A proven device at the door: who it is, what it asks for, where it comes from.

    `remote_ip` is None for this host.
    """

    params: ConnectParams
    public_key: str
    asked: Asked
    remote_ip: str | None = None
    browser_origin: str | None = None
    silent: bool = False


def new_request(
    knock: Knock, held: PairRequest | None, now: int, expires: int, is_repair: bool
) -> PairRequest:
    """The request of a knock, merged with what an unanswered one asked for; times in Unix ms."""
    client, asked = knock.params.client, knock.asked
    # What an unanswered request asked for is not lost when the device asks for more.
    roles = sorted({asked.role, *(held.roles if held else ())})
    merged = sorted({*asked.scopes, *(held.scopes if held else ())})
    offers: Any = knock.params if asked.role == "node" else held
    return PairRequest(
        request_id=str(uuid.uuid4()),
        device_id=asked.device_id,
        public_key=knock.public_key,
        display_name=client.display_name,
        platform=client.platform,
        device_family=client.device_family,
        client_id=client.id,
        client_mode=client.mode,
        browser_origin=knock.browser_origin,
        role=asked.role,
        roles=roles,
        scopes=merged,
        remote_ip=knock.remote_ip,
        silent=knock.silent,
        is_repair=is_repair,
        ts_ms=now,
        expires_at_ms=expires,
        caps=sorted(set(offers.caps or ())) if offers else [],
        commands=sorted(set(offers.commands or ())) if offers else [],
        permissions=dict(offers.permissions or {}) if offers else {},
    )

"""An item of pending work in memory: a stored row as a plain tuple (PROTOCOL 14).

A hundred thousand of them wait, each is replaced at every change, and each change is handed to
the store as it is. So an item is the very tuple that the driver takes: the columns of
`PendingWork` in table order. What many items share (the node, the caller, the command) is one
string for all of them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple, Self

import orjson

from openclaw_core.hookspecs import Caller
from openclaw_core.store.base import Save
from openclaw_core.store.models import PendingWork

__all__ = ["Ids", "Item", "caller_of", "digest_of", "encode_caller", "new_item", "save"]

_SHARED = ("node_id", "kind", "priority", "state", "command", "caller")
_CALLERS = 1_024


class Item(NamedTuple):
    """A row of `PendingWork`; its attributes are explained there. Never changed: `_replace` it."""

    id: str
    node_id: str
    pairing_ms: int
    kind: str
    priority: str
    state: str
    position: int
    revision: int
    command: str | None
    params_json: str | None
    timeout_ms: int | None
    idempotency_key: str | None
    digest: str | None
    caller: str
    created_at_ms: int
    expires_at_ms: int
    delivered_at_ms: int | None = None
    lease_until_ms: int | None = None
    finished_at_ms: int | None = None
    result_json: str | None = None
    error: str | None = None

    @classmethod
    def stored(cls, row: Sequence[Any]) -> Self:
        """An item from a row with every column in table order."""
        values = list(row)
        for at in _SHARED_AT:
            if values[at] is not None:
                values[at] = intern(values[at])
        return cls._make(values)

    @property
    def is_out(self) -> bool:
        """A node has it and has not said what became of it."""
        return self.state == "delivered"


_SHARED_AT = tuple(map(Item._fields.index, _SHARED))
_ABSENT: dict[str, Any] = dict.fromkeys(
    ("command", "params_json", "timeout_ms", "idempotency_key", "digest"), None
)


def new_item(**columns: Any) -> Item:
    """A queued item; `columns` are those that are not absent by default."""
    return Item(**(_ABSENT | {"state": "queued", "priority": "normal"} | columns))


def save(item: Item) -> Save:
    """The change that stores an item, new or changed."""
    return Save.values_of(PendingWork, item)


class Ids:
    """Makes ids: UUIDs of version 7, each greater than the one before.

    Rows so go to the end of the table's index. Random ones would touch a page each, and a
    commit would write more the larger the table is.
    """

    def __init__(self) -> None:
        self._last = 0

    def make(self, now_ms: int) -> str:
        """The next id.

        Args:
            now_ms: Unix milliseconds; a clock that stands still or steps back is counted on.
        """
        # Unique, not secret: 48 bits of time and a counter of 12 (RFC 9562, 6.2), which
        # borrows from the next millisecond when it is full.
        self._last = stamp = max(now_ms << 12, self._last + 1)
        tail = 1 << 63 | random.getrandbits(62)
        text = f"{stamp >> 12:012x}7{stamp & 0xFFF:03x}{tail:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def digest_of(command: str, data: Any) -> str:
    """What makes two requests the same, whatever the order of their keys."""
    text = orjson.dumps([command, data], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


@lru_cache(_CALLERS)
def encode_caller(caller: Caller) -> str:
    """Who asks, as JSON text; one and the same for all that a connection asks."""
    fields = {
        "connId": caller.conn_id,
        "clientId": caller.client_id,
        "clientMode": caller.client_mode,
        "deviceId": caller.device_id,
        "scopes": sorted(caller.scopes),
        "byDeviceToken": caller.by_device_token,
    }
    return intern(orjson.dumps(fields).decode())


@lru_cache(_CALLERS)
def caller_of(text: str) -> Caller:
    """Who asked, with the scopes of then."""
    fields = orjson.loads(text)
    return Caller(
        conn_id=fields["connId"],
        client_id=fields["clientId"],
        client_mode=fields["clientMode"],
        device_id=fields["deviceId"],
        scopes=frozenset(fields["scopes"]),
        by_device_token=fields["byDeviceToken"],
    )

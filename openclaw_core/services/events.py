"""Broadcast events, gated by scope and numbered per connection (PROTOCOL 2.2, 15.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import orjson

from openclaw_core.auth import scopes
from openclaw_core.hookspecs import Caller

__all__ = ["CORE_EVENTS", "Events", "Subscriber", "encode_event"]

EVERYONE = ""
"""Scope of events that every authenticated connection gets, nodes included."""

# What may be broadcast, and who may see it. A name missing here reaches nobody but admins.
CORE_EVENTS: dict[str, str] = {
    "health": EVERYONE,
    "shutdown": EVERYONE,
    "tick": EVERYONE,
    "presence": scopes.READ,
    "node.hostStats": scopes.READ,
    "node.pair.requested": scopes.PAIRING,
    "node.pair.resolved": scopes.PAIRING,
    "device.pair.changed": scopes.PAIRING,
    "device.pair.requested": scopes.PAIRING,
    "device.pair.resolved": scopes.PAIRING,
}
# Sent to one node directly, without `seq`.
DIRECT_EVENTS = ("connect.challenge", "node.invoke.request", "node.invoke.cancel")


class Subscriber(Protocol):
    """An authenticated connection."""

    @property
    def caller(self) -> Caller: ...
    @property
    def role(self) -> str: ...

    def send(self, message: bytes) -> bool:
        """Send one encoded frame as it is."""

    def close(self, code: int, reason: str = "") -> None:
        """Close the connection."""

    def send_numbered(self, frame: bytes, *, droppable: bool) -> None:
        """Send an encoded event object after adding the connection's next `seq`."""


def encode_event(event: str, payload: Any) -> bytes:
    """An event frame without `seq`, ready to send to one connection."""
    return orjson.dumps({"type": "event", "event": event, "payload": payload})


class Events:
    """Every subscriber, and the state versions that `presence` and `health` carry."""

    def __init__(self, family_events: Mapping[str, str]) -> None:
        self._scope_of = {**family_events, **CORE_EVENTS}
        self._subscribers: set[Subscriber] = set()
        self.presence_version = 0
        self.health_version = 0

    @property
    def names(self) -> list[str]:
        """Every event a client may meet, for hello-ok (3.8)."""
        return sorted({*self._scope_of, *DIRECT_EVENTS})

    @property
    def state_version(self) -> dict[str, int]:
        """Counters that only grow (2.2)."""
        return {"presence": self.presence_version, "health": self.health_version}

    def add(self, subscriber: Subscriber) -> None:
        """Start sending broadcasts to a connection."""
        self._subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Stop; unknown subscribers are fine."""
        self._subscribers.discard(subscriber)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(tuple(self._subscribers))

    def __len__(self) -> int:
        return len(self._subscribers)

    def close_device(self, device_id: str, role: str | None, code: int, reason: str) -> None:
        """Close a device's connections in one role, or in every role for None."""
        for subscriber in self:
            if subscriber.caller.device_id == device_id and role in (None, subscriber.role):
                subscriber.close(code, reason)

    def device_ids(self) -> frozenset[str | None]:
        """Every device that holds an authenticated connection."""
        return frozenset(subscriber.caller.device_id for subscriber in self._subscribers)

    def broadcast(self, event: str, payload: Any, *, state_version: bool = False) -> None:
        """Send to every connection that may see the event; encoded once."""
        frame: dict[str, Any] = {"type": "event", "event": event, "payload": payload}
        if state_version:
            frame["stateVersion"] = self.state_version
        encoded = orjson.dumps(frame)
        scope = self._scope_of.get(event, scopes.ADMIN)
        droppable = event in ("presence", "health", "tick")
        for subscriber in tuple(self._subscribers):
            if scope == EVERYONE or _may_see(subscriber, scope):
                subscriber.send_numbered(encoded, droppable=droppable)


def _may_see(subscriber: Subscriber, scope: str) -> bool:
    return subscriber.role == "operator" and scopes.holds(subscriber.caller.scopes, scope)

"""Broadcast events, gated by scope and numbered per connection (PROTOCOL 2.2, 15.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import orjson

from openclaw_core.auth import scopes
from openclaw_core.hookspecs import Caller
from openclaw_core.protocol.pending import AVAILABLE, CHANGED
from openclaw_core.protocol.tools import APPROVAL_REQUESTED, APPROVAL_RESOLVED

__all__ = [
    "AUDIT_APPENDED",
    "CORE_EVENTS",
    "DIRECT_EVENTS",
    "ON_REQUEST",
    "EventFilter",
    "Events",
    "Subscriber",
    "encode_event",
]

EVERYONE = ""
"""Scope of events that every authenticated connection gets, nodes included."""

AUDIT_APPENDED = "audit.appended"
"""The trail grew by `{entries}`; told at most once a second, what they are `audit.list` says."""

# What may be broadcast, and who may see it. A name missing here reaches nobody but admins.
CORE_EVENTS: dict[str, str] = {
    "health": EVERYONE,
    "shutdown": EVERYONE,
    "tick": EVERYONE,
    "presence": scopes.READ,
    "node.hostStats": scopes.READ,
    "node.presence": scopes.READ,
    "node.surface.changed": scopes.READ,
    "node.runnerInventory.changed": scopes.READ,
    CHANGED: scopes.READ,
    "plugins.changed": scopes.READ,
    AUDIT_APPENDED: scopes.ADMIN,
    APPROVAL_REQUESTED: scopes.APPROVALS,
    APPROVAL_RESOLVED: scopes.APPROVALS,
    "node.pair.requested": scopes.PAIRING,
    "node.pair.resolved": scopes.PAIRING,
    "device.pair.changed": scopes.PAIRING,
    "device.pair.requested": scopes.PAIRING,
    "device.pair.resolved": scopes.PAIRING,
    "device.pair.setup.completed": scopes.PAIRING,
    "device.pair.setup.deliveryUncertain": scopes.PAIRING,
}
# Broadcasts that go only to who named them in `events.subscribe`; a prefix does not name them.
ON_REQUEST = frozenset((AUDIT_APPENDED,))
# Sent to one connection directly, without `seq`.
DIRECT_EVENTS = (
    "connect.challenge",
    AVAILABLE,
    "node.invoke.request",
    "node.invoke.cancel",
    "node.invoke.input",
    "node.invoke.progress",
)


# Without a tick a client takes its connection for dead, and a goodbye is for everyone.
ALWAYS = frozenset(("shutdown", "tick"))


class EventFilter:
    """Names and prefixes of the broadcasts that one connection wants."""

    def __init__(self, names: Iterable[str]) -> None:
        self.asked = sorted(set(names))
        self._names = ALWAYS.union(name for name in self.asked if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in self.asked if name.endswith("*"))

    def takes(self, event: str) -> bool:
        """True when the event is wanted."""
        return event in self._names or (event not in ON_REQUEST and event.startswith(self._prefixes))


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
        self.declare(family_events)
        self._subscribers: set[Subscriber] = set()
        # Most events are for operators, and most connections are nodes: no event looks at those.
        self._operators: set[Subscriber] = set()
        self._filters: dict[Subscriber, EventFilter] = {}
        self.presence_version = 0
        self.health_version = 0

    def declare(self, family_events: Mapping[str, str]) -> None:
        """Take in the events of the families that are loaded now, each with its scope."""
        self._scope_of = {**family_events, **CORE_EVENTS}

    @property
    def names(self) -> list[str]:
        """Every event a client may meet, for hello-ok (3.8)."""
        return sorted({*self._scope_of, *DIRECT_EVENTS})

    @property
    def audience(self) -> Mapping[str, str]:
        """Event → the scope that sees it; empty for everyone."""
        return self._scope_of

    @property
    def state_version(self) -> dict[str, int]:
        """Counters that only grow (2.2)."""
        return {"presence": self.presence_version, "health": self.health_version}

    def add(self, subscriber: Subscriber) -> None:
        """Start sending broadcasts to a connection."""
        self._subscribers.add(subscriber)
        if subscriber.role == "operator":
            self._operators.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Stop; unknown subscribers are fine."""
        self._subscribers.discard(subscriber)
        self._operators.discard(subscriber)
        self._filters.pop(subscriber, None)

    def subscribe(self, subscriber: Subscriber, names: Iterable[str] | None) -> dict[str, Any]:
        """`events.subscribe`: from now on only these broadcasts, for as long as it is connected.

        A broadcast that is filtered out takes no number: `seq` counts what was sent to this
        connection, so that a gap still means a loss (2.2).

        Args:
            names: event names, or prefixes such as `node.*`; None for everything again. What is
                sent `ON_REQUEST` only has to be named in full; beside `*` it is an addition.
        """
        if names is None:
            self._filters.pop(subscriber, None)
            return {"events": None, "always": sorted(ALWAYS), "unknown": []}
        wanted = EventFilter(names)
        self._filters[subscriber] = wanted
        unknown = [name for name in wanted.asked if not _names_any(name, self._scope_of)]
        return {"events": wanted.asked, "always": sorted(ALWAYS), "unknown": unknown}

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
        """Send to every connection that may see the event; encoded once, if anybody may."""
        receivers = self._audience_of(event)
        if not receivers:
            return
        frame: dict[str, Any] = {"type": "event", "event": event, "payload": payload}
        if state_version:
            frame["stateVersion"] = self.state_version
        encoded = orjson.dumps(frame)
        droppable = event in ("presence", "health", "tick")
        for subscriber in receivers:
            subscriber.send_numbered(encoded, droppable=droppable)

    def _audience_of(self, event: str) -> list[Subscriber]:
        scope, filters = self._scope_of.get(event, scopes.ADMIN), self._filters
        entitled: Iterable[Subscriber] = self._subscribers
        if scope != EVERYONE:
            entitled = (each for each in self._operators if scopes.holds(each.caller.scopes, scope))
        if event in ON_REQUEST:
            return [each for each in entitled if each in filters and filters[each].takes(event)]
        if not filters:
            return list(entitled)
        return [each for each in entitled if each not in filters or filters[each].takes(event)]


def _names_any(name: str, events: Iterable[str]) -> bool:
    if name.endswith("*"):
        return any(event.startswith(name[:-1]) for event in events)
    return name in events

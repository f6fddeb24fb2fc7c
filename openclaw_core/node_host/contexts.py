"""The surroundings of each family on this node, over all connections of the host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from openclaw_core.commands import Family
from openclaw_core.node_host.resources import Opener, Resources

__all__ = ["FamilyContexts", "HostContext", "Link", "NodeFacts"]

_MOST_WAITING = 64
# The core answers these itself; a family has no use for what was said of them before it listened.
_CORE_EVENTS = ("connect.", "device.", "health", "node.", "presence", "shutdown", "tick")


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node a command runs on."""

    node_id: str
    display_name: str
    state_dir: Path
    tls_fingerprint: str | None = None


class Link(Protocol):
    """The connection the node has now."""

    async def publish(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Send a `node.event`; False when the gateway did not take it."""

    async def surface_url(self, surface: str, *, fresh: bool) -> str | None:
        """The scoped URL of a surface (PROTOCOL 13)."""

    async def publish_tools(self) -> None:
        """Send the tools that the families offer (PROTOCOL 12.6)."""


class FamilyContexts:
    """One context per family; follows the host from connection to connection."""

    def __init__(self, facts: NodeFacts) -> None:
        self.facts = facts
        self.link: Link | None = None
        self.resources = Resources()
        self._by_family: dict[str, HostContext] = {}
        self._owners: dict[str, str] = {}
        self._tools: dict[str, list[dict[str, Any]]] = {}
        self._last: dict[str, Any] = {}
        self._listeners: dict[asyncio.Queue[tuple[str, Any]], frozenset[str]] = {}

    def offer(self, families: Iterable[Family], settings: Mapping[str, Any]) -> None:
        """These families may run here from now on, with these settings by name."""
        self._owners = {item.name: family.name for family in families for item in family.commands}
        for name, config in settings.items():
            self.of_family(name).config = config
        offering = set(self._owners.values())
        self._tools = {name: tools for name, tools in self._tools.items() if name in offering}

    @property
    def tools(self) -> list[dict[str, Any]]:
        """What every family offers to agents besides its commands (12.6)."""
        return [tool for tools in self._tools.values() for tool in tools]

    async def offer_tools(self, family: str, tools: Sequence[Mapping[str, Any]]) -> None:
        """See `NodeHostContext.offer_tools`."""
        self._tools[family] = [{**tool, "pluginId": family} for tool in tools]
        if self.link is not None:
            await self.link.publish_tools()

    def of_command(self, command: str) -> HostContext:
        """The context of the family that owns a command."""
        return self.of_family(self._owners.get(command, ""))

    def of_family(self, name: str) -> HostContext:
        """The context of a family."""
        return self._by_family.setdefault(name, HostContext(self, None, name))

    def attach(self, link: Link) -> None:
        """A connection is being made: what the gateway says over it counts from now on."""
        self.link = link
        self._last.clear()

    def detach(self, link: Link) -> None:
        """A connection is gone."""
        if self.link is link:
            self.link = None

    def hear(self, event: str, payload: Any) -> None:
        """Hand an event of the gateway to whoever listens, and keep the last of each name."""
        if event.startswith(_CORE_EVENTS):
            return
        if event in self._last or len(self._last) < _MOST_WAITING:
            self._last[event] = payload
        for queue, names in self._listeners.items():
            if event in names:
                _put(queue, (event, payload))

    async def listen(self, names: frozenset[str]) -> AsyncIterator[tuple[str, Any]]:
        """See `NodeHostContext.gateway_events`."""
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(_MOST_WAITING)
        for event, payload in self._last.items():
            if event in names:
                _put(queue, (event, payload))
        self._listeners[queue] = names
        try:
            while True:
                yield await queue.get()
        finally:
            del self._listeners[queue]

    async def close(self) -> None:
        """The host stops: what families hold open is closed."""
        await self.resources.close()


def _put(queue: asyncio.Queue[tuple[str, Any]], item: tuple[str, Any]) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)


class HostContext:
    """`NodeHostContext` of one family."""

    def __init__(self, contexts: FamilyContexts, config: Any, family: str) -> None:
        self._contexts = contexts
        self.config = config
        self.family = family

    @property
    def node_id(self) -> str:
        return self._contexts.facts.node_id

    @property
    def display_name(self) -> str:
        return self._contexts.facts.display_name

    @property
    def state_dir(self) -> Path:
        return self._contexts.facts.state_dir

    @property
    def tls_fingerprint(self) -> str | None:
        return self._contexts.facts.tls_fingerprint

    async def emit(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Send a `node.event`; a gateway that refuses it does not fail the command."""
        link = self._contexts.link
        return link is not None and await link.publish(event, payload)

    async def resource(self, opener: Opener) -> Any:
        """Something that several invokes share."""
        return await self._contexts.resources.get(opener, self)

    async def release(self, opener: Opener) -> None:
        """Leave a resource now."""
        await self._contexts.resources.release(opener)

    async def surface_url(self, surface: str, *, fresh: bool = False) -> str | None:
        """The gateway's scoped URL of a surface."""
        link = self._contexts.link
        return await link.surface_url(surface, fresh=fresh) if link is not None else None

    async def offer_tools(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """Tell agents of tools behind a command of this family."""
        await self._contexts.offer_tools(self.family, tools)

    def gateway_events(self, *names: str) -> AsyncIterator[tuple[str, Any]]:
        """Events the gateway sends to this node."""
        return self._contexts.listen(frozenset(names))

"""Surfaces: scoped URLs, live re-declaration, explanation, event subscription (PROTOCOL 13, 10, 15)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from openclaw_core.protocol.base import NonEmpty, Omittable, Wire

__all__ = [
    "EventsSubscribeParams",
    "NodeExplainParams",
    "NodeSurfaceRefreshParams",
    "PluginSurfaceRefreshParams",
]


class PluginSurfaceRefreshParams(Wire):
    """An operator asks for a fresh scoped URL (13.2)."""

    surface: Omittable[str] = None
    observed_url: Omittable[str] = None


class NodeSurfaceRefreshParams(PluginSurfaceRefreshParams):
    """A node asks for a fresh scoped URL, or declares anew what it can do, or both.

    Each of `caps`, `commands`, `permissions` that is there replaces what the node declared
    before; what is absent stays as it was.
    """

    caps: Omittable[list[NonEmpty]] = None
    commands: Omittable[list[NonEmpty]] = None
    permissions: Omittable[dict[str, bool]] = None

    @property
    def declares(self) -> bool:
        """True when it is a declaration."""
        return self.caps is not None or self.commands is not None or self.permissions is not None


class NodeExplainParams(Wire):
    """Why a command works on a node, or does not."""

    node_id: NonEmpty
    command: NonEmpty


class EventsSubscribeParams(Wire):
    """Which broadcasts a connection wants: names, or prefixes such as `node.*`; null for all.

    `audit.appended` comes only to who names it: `["*", "audit.appended"]` is everything and that.
    """

    events: Annotated[list[NonEmpty], Field(max_length=64)] | None

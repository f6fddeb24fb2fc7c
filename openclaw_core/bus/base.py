"""The contract of a bus."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Bus", "NodeLink"]


class NodeLink(Protocol):
    """A way to one connected node."""

    @property
    def conn_id(self) -> str:
        """The connection behind the link; unique per socket."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes handed over that did not go out yet."""

    def send(self, message: bytes) -> bool:
        """Send one encoded frame; False when the node can no longer be reached."""

    def close(self, code: int, reason: str = "") -> None:
        """Close the connection behind the link."""


class Bus(Protocol):
    """Node id → link. The newest connection of a node owns its entry (8.6)."""

    def attach(self, node_id: str, link: NodeLink) -> NodeLink | None:
        """Register a link; the one it replaces, if any."""

    def detach(self, node_id: str, link: NodeLink) -> bool:
        """Forget a link; False when a newer one has replaced it."""

    def find(self, node_id: str) -> NodeLink | None:
        """The link to a node, or None when it is not connected."""

"""The bus of a gateway that stands alone: nodes connected to this process."""

from __future__ import annotations

from openclaw_core.bus.base import NodeLink

__all__ = ["LocalBus"]


class LocalBus:
    """A dictionary; see `bus.base.Bus` for the contract."""

    def __init__(self) -> None:
        self._links: dict[str, NodeLink] = {}
        self.find = self._links.get

    def attach(self, node_id: str, link: NodeLink) -> NodeLink | None:
        """Register a link; the one it replaces, if any."""
        replaced = self._links.get(node_id)
        self._links[node_id] = link
        return replaced

    def detach(self, node_id: str, link: NodeLink) -> bool:
        """Forget a link; False when a newer one has replaced it."""
        if self._links.get(node_id) is not link:
            return False
        del self._links[node_id]
        return True

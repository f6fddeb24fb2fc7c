"""The wake words every node listens for, kept by the gateway (PROTOCOL 20.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from openclaw_core.hookspecs import GatewayContext
from openclaw_voice.gateway.names import ROUTING_CHANGED, WAKE_WORDS_CHANGED

__all__ = ["DEFAULT_TRIGGERS", "MAX_LENGTH", "MAX_TRIGGERS", "ROUTING", "WakeWords", "clean_triggers"]

DEFAULT_TRIGGERS: Final = ("openclaw", "claude", "computer")
MAX_TRIGGERS: Final = 32
MAX_LENGTH: Final = 64
"""Longest wake word, in UTF-16 units as the apps count."""

# Every wake word leads to the session that is current; the original offers no way to change it.
ROUTING: Final[Mapping[str, Any]] = {
    "version": 1,
    "defaultTarget": {"mode": "current"},
    "routes": [],
    "updatedAtMs": 0,
}
_KEY = "triggers"


def clean_triggers(triggers: Iterable[str]) -> list[str]:
    """Wake words as they are kept: trimmed, none empty, 32 at most, each cut to 64; else the defaults."""
    trimmed = [text for item in triggers if (text := item.strip())]
    return [_cut(item) for item in trimmed[:MAX_TRIGGERS]] or list(DEFAULT_TRIGGERS)


def _cut(text: str) -> str:
    # A character beyond the first plane counts twice and is never cut in half.
    return text.encode("utf-16-le", "surrogatepass")[: 2 * MAX_LENGTH].decode("utf-16-le", "ignore")


class WakeWords:
    """Keeps the wake words of one gateway and tells everyone of a change."""

    def __init__(self) -> None:
        self._changing = asyncio.Lock()

    @staticmethod
    def read(gateway: GatewayContext) -> list[str]:
        """The wake words in force."""
        return list(gateway.state.get(_KEY, DEFAULT_TRIGGERS))

    async def change(self, gateway: GatewayContext, triggers: Iterable[str]) -> list[str]:
        """Keep new wake words, durably, then tell operators and nodes.

        Raises:
            UnavailableError: they could not be kept; nothing changed.
        """
        cleaned = clean_triggers(triggers)
        async with self._changing:  # the last one told is the last one kept
            await gateway.keep(_KEY, cleaned)
            gateway.broadcast(WAKE_WORDS_CHANGED, {"triggers": cleaned})
            for node in gateway.nodes:
                gateway.push(node.node_id, WAKE_WORDS_CHANGED, {"triggers": cleaned})
        return cleaned

    def greet(self, gateway: GatewayContext, node_id: str) -> None:
        """What a node is told right after its hello (3.1)."""
        gateway.push(node_id, WAKE_WORDS_CHANGED, {"triggers": self.read(gateway)})
        gateway.push(node_id, ROUTING_CHANGED, {"config": dict(ROUTING)})

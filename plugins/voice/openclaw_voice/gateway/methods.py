"""RPC methods of the family: `voicewake.*` and `talk.mode` (PROTOCOL 16.2, 20)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from openclaw_core.errors import UnavailableError
from openclaw_core.hookspecs import MethodContext, RpcMethod
from openclaw_voice.gateway.clock import Clock
from openclaw_voice.gateway.names import READ, TALK, TALK_MODE, WRITE
from openclaw_voice.gateway.wake_words import ROUTING, WakeWords

__all__ = ["VoiceMethods"]


class _Closed(BaseModel):
    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, strict=True)


class _Nothing(_Closed):
    """These methods take no params."""


class _SetTriggers(_Closed):
    triggers: list[str]


class _Mode(_Closed):
    enabled: bool
    phase: str | None = None


class VoiceMethods:
    """Handlers bound to the wake words of one gateway."""

    def __init__(self, wake_words: WakeWords, clock: Clock) -> None:
        self._wake_words = wake_words
        self._clock = clock

    def table(self) -> list[RpcMethod]:
        """Every method with its scope."""
        return [
            RpcMethod("voicewake.get", READ, _Nothing, self.get_triggers),
            RpcMethod("voicewake.set", WRITE, _SetTriggers, self.set_triggers),
            RpcMethod("voicewake.routing.get", READ, _Nothing, self.get_routing),
            RpcMethod("talk.mode", TALK, _Mode, self.set_mode),
        ]

    async def get_triggers(self, _args: _Nothing, context: MethodContext) -> Any:
        """The wake words in force."""
        return {"triggers": self._wake_words.read(context)}

    async def set_triggers(self, args: _SetTriggers, context: MethodContext) -> Any:
        """Replace the wake words; answers them cleaned."""
        return {"triggers": await self._wake_words.change(context, args.triggers)}

    async def get_routing(self, _args: _Nothing, _context: MethodContext) -> Any:
        """Where a wake word leads."""
        return {"config": dict(ROUTING)}

    async def set_mode(self, args: _Mode, context: MethodContext) -> Any:
        """Tell everybody that talk was switched on or off, and in which phase it is.

        Raises:
            UnavailableError: a web chat asks and no node can talk.
        """
        if context.caller.client_mode == "webchat" and not any("talk" in node.caps for node in context.nodes):
            raise UnavailableError("talk disabled: no connected Talk-capable nodes")
        mode = {"enabled": args.enabled, "phase": args.phase, "ts": self._clock()}
        context.broadcast(TALK_MODE, mode)
        return mode

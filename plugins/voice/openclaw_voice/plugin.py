"""The hooks of the family. One instance holds the state of one loaded gateway."""

from __future__ import annotations

from typing import Any

from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import GatewayContext, Invocation, NodeCommands, NodeView, RpcMethod
from openclaw_voice.family import FAMILY
from openclaw_voice.gateway.clock import Clock, wall_clock_ms
from openclaw_voice.gateway.heard import Transcripts
from openclaw_voice.gateway.methods import VoiceMethods
from openclaw_voice.gateway.names import TALK_EVENT, TRANSCRIPT, WAKE
from openclaw_voice.gateway.talk_events import PUSH_TO_TALK, TalkEvents
from openclaw_voice.gateway.wake_words import WakeWords

__all__ = ["Voice"]


class Voice:
    """The plugin object the entry point names; loading makes one."""

    def __init__(self, clock: Clock = wall_clock_ms) -> None:
        self._gateway: GatewayContext | None = None
        self._wake_words = WakeWords()
        self._methods = VoiceMethods(self._wake_words, clock)
        self._talk_events = TalkEvents(clock)
        self._transcripts = Transcripts(clock)

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands, capability, events, settings."""
        return FAMILY

    @hookimpl
    def openclaw_methods(self) -> list[RpcMethod]:
        """`voicewake.*` and `talk.mode`."""
        return self._methods.table()

    @hookimpl
    def openclaw_gateway_started(self, gateway: GatewayContext) -> None:
        """Keep the gateway, whose wake words they are."""
        self._gateway = gateway

    @hookimpl
    def openclaw_node_connected(self, node: NodeView) -> None:
        """Tell the node its wake words (3.1)."""
        if self._gateway is not None:
            self._wake_words.greet(self._gateway, node.node_id)

    @hookimpl
    def openclaw_invoke_succeeded(self, invocation: Invocation, result: Any) -> None:
        """Broadcast `talk.event` after each `talk.ptt.*` (20.2)."""
        if self._gateway is not None and invocation.command in PUSH_TO_TALK:
            event = self._talk_events.make(invocation.node_id, invocation.command, result)
            self._gateway.broadcast(TALK_EVENT, event)

    @hookimpl
    def openclaw_node_event(self, node: NodeView, event: str, payload: Any) -> dict[str, Any] | None:
        """Hand on what a node heard; it is told nothing of what became of it (12.1)."""
        if event not in (TRANSCRIPT, WAKE):
            return None
        heard = self._transcripts.read(node.node_id, event, payload)
        if heard is not None and self._gateway is not None:
            self._gateway.broadcast(event, heard)
        return {"ok": True}

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        """Sub-commands of `openclaw nodes`."""
        from openclaw_voice.cli import add_commands

        add_commands(nodes)

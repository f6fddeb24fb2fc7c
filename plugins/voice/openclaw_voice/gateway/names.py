"""Names of the family's events and the scopes that see them (PROTOCOL 15.3)."""

from __future__ import annotations

from typing import Final

__all__ = [
    "READ",
    "ROUTING_CHANGED",
    "TALK",
    "TALK_EVENT",
    "TALK_MODE",
    "TRANSCRIPT",
    "WAKE",
    "WAKE_WORDS_CHANGED",
    "WRITE",
]

READ: Final = "operator.read"
WRITE: Final = "operator.write"
TALK: Final = "operator.talk"

WAKE_WORDS_CHANGED: Final = "voicewake.changed"
ROUTING_CHANGED: Final = "voicewake.routing.changed"
TALK_EVENT: Final = "talk.event"
TALK_MODE: Final = "talk.mode"
# A node sends both with `node.event`; operators get both as broadcasts. The second is ours.
TRANSCRIPT: Final = "voice.transcript"
WAKE: Final = "voice.wake"

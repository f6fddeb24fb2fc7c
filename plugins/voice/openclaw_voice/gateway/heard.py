"""What nodes say they heard: `voice.transcript` (PROTOCOL 12.1) and `voice.wake`."""

from __future__ import annotations

from collections import OrderedDict
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError

from openclaw_core.models import Params
from openclaw_voice.gateway.clock import Clock
from openclaw_voice.gateway.names import TRANSCRIPT

__all__ = ["MAX_TRANSCRIPT", "REPEAT_WINDOW_MS", "Heard", "Transcripts", "WakeWordHeard"]

MAX_TRANSCRIPT = 20_000
"""Longest transcript, in characters (12.1)."""
REPEAT_WINDOW_MS = 1_500
"""The same transcript within this long of the first is a repetition, in ms (12.1)."""
_MOST_REMEMBERED = 512

Trimmed = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TRANSCRIPT)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]


class _FromNode(Params):
    def to_wire(self) -> dict[str, Any]:
        """The fields that hold something, as sent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Heard(_FromNode):
    """`voice.transcript`: a person said something.

    Attributes:
        text: what.
        session_key: the session it is meant for; None for the node's current one.
        event_id: the node's name of this utterance; two with the same are one.
        capture_id: of push-to-talk.
        trigger: the wake word it followed.
    """

    text: Trimmed
    session_key: Name | None = None
    event_id: Name | None = None
    capture_id: Name | None = None
    trigger: Name | None = None


class WakeWordHeard(_FromNode):
    """`voice.wake`: a node heard a wake word."""

    trigger: Name
    event_id: Name | None = None


class Transcripts:
    """Turns what nodes heard into broadcasts, each utterance once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first_at: OrderedDict[tuple[str, str], int] = OrderedDict()

    def read(self, node_id: str, event: str, payload: Any) -> dict[str, Any] | None:
        """The broadcast for a node's event; None for nonsense and for repetitions."""
        model: type[Heard | WakeWordHeard] = Heard if event == TRANSCRIPT else WakeWordHeard
        try:
            heard = model.model_validate(payload)
        except ValidationError:
            return None
        now = self._clock()
        if self._repeated(heard, node_id, now):
            return None
        return {"nodeId": node_id, **heard.to_wire(), "ts": now}

    def _repeated(self, heard: Heard | WakeWordHeard, node_id: str, now: int) -> bool:
        if isinstance(heard, Heard):
            # Two nodes in one room hear one sentence: it counts once per session, not per node.
            where, words = f"session:{heard.session_key or ''}", heard.text
        else:
            where, words = f"wake:{node_id}", heard.trigger
        key = (where, f"event:{heard.event_id}" if heard.event_id else f"text:{words}")
        first = self._first_at.get(key)
        if first is not None and now - first <= REPEAT_WINDOW_MS:
            return True
        self._first_at.pop(key, None)
        self._first_at[key] = now
        if len(self._first_at) > _MOST_REMEMBERED:
            self._first_at.popitem(last=False)
        return False

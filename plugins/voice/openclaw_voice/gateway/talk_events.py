"""`talk.event`: what becomes of a push-to-talk capture, step by step (PROTOCOL 20.2)."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from openclaw_voice.gateway.clock import Clock

__all__ = ["PUSH_TO_TALK", "TalkEvents"]

PUSH_TO_TALK: Final[Mapping[str, str]] = {
    "talk.ptt.start": "capture.started",
    "talk.ptt.stop": "capture.stopped",
    "talk.ptt.cancel": "capture.cancelled",
    "talk.ptt.once": "capture.once",
}
"""Command → type of the event its success makes."""

_MOST_SESSIONS = 2_048


class TalkEvents:
    """Numbers the events of each capture; the captures last heard of are remembered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_seq: OrderedDict[str, int] = OrderedDict()

    def make(self, node_id: str, command: str, result: Any) -> dict[str, Any]:
        """The payload of `talk.event` after a node did a `talk.ptt.*` command."""
        answer = result if isinstance(result, dict) else {}
        capture_id = _text(answer.get("captureId")) or str(uuid.uuid4())
        session_id = f"node:{node_id}:talk:{capture_id}"
        seq = self._next(session_id)
        said = {key: text for key in ("status", "transcript") if (text := _text(answer.get(key)))}
        moment = datetime.fromtimestamp(self._clock() / 1000, UTC)
        event = {
            "id": f"{session_id}:{seq}",
            "type": PUSH_TO_TALK[command],
            "sessionId": session_id,
            "captureId": capture_id,
            "seq": seq,
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "mode": "stt-tts",
            "transport": "managed-room",
            "brain": "agent-consult",
            "final": command != "talk.ptt.start",
            "payload": {"nodeId": node_id, "command": command, **said},
        }
        return {"nodeId": node_id, "command": command, "talkEvent": event}

    def _next(self, session_id: str) -> int:
        seq = self._last_seq.pop(session_id, 0) + 1
        self._last_seq[session_id] = seq
        if len(self._last_seq) > _MOST_SESSIONS:
            self._last_seq.popitem(last=False)
        return seq


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""

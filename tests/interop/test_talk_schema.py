"""`talk.event` as the family makes it, against the schema the original's authors publish (PROTOCOL 20.2)."""

from __future__ import annotations

import pytest
from openclaw_voice.gateway.talk_events import PUSH_TO_TALK, TalkEvents

from .schema import Schema

pytestmark = pytest.mark.interop

MOMENT = 1_795_384_211_287


@pytest.mark.parametrize("command", sorted(PUSH_TO_TALK))
@pytest.mark.parametrize("result", [{"captureId": "c", "transcript": "hello", "status": "queued"}, {}, None])
def test_every_event_obeys_it(schema: Schema, command: str, result: object) -> None:
    event = TalkEvents(lambda: MOMENT).make("a" * 64, command, result)["talkEvent"]
    assert schema.fault("TalkEvent", event) is None
    assert schema.fault("TalkEvent", {**event, "captureId": 1}) is not None

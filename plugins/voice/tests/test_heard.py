"""What nodes hear reaches the operators that may read it, once (PROTOCOL 12.1)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openclaw_voice import Voice
from openclaw_voice.gateway.heard import Transcripts

from openclaw_core.testing import FakeClock, TestGateway, Wire, plugins_of

pytestmark = pytest.mark.anyio


class Room:
    """A gateway with one node and three operators."""

    def __init__(self, clock: FakeClock, node: Wire, node_id: str, operators: list[Wire]) -> None:
        self.clock = clock
        self.node = node
        self.node_id = node_id
        self.writer, self.reader, self.pairing = operators

    async def report(self, event: str, payload: Any) -> Any:
        return await self.node.call("node.event", {"event": event, "payloadJSON": json.dumps(payload)})

    async def heard_so_far(self, event: str) -> list[Any]:
        """Every payload the reader got; an answered request comes behind them."""
        await self.reader.call("voicewake.get")
        frames = [frame for frame in self.reader.events if frame["event"] == event]
        for frame in frames:
            self.reader.events.remove(frame)
        return [frame["payload"] for frame in frames]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = FakeClock()
    async with TestGateway(tmp_path, plugins_of(extra=[Voice(clock)])) as gateway:
        operators = [
            await gateway.operator(scopes)
            for scopes in (["operator.write"], ["operator.read"], ["operator.pairing"])
        ]
        node, node_id = await gateway.node(["talk.ptt.start"])
        yield Room(clock, node, node_id, operators)


@pytest.mark.covers("voice.transcript")
async def test_a_transcript_reaches_operators_with_the_scope_only(room: Room) -> None:
    said = {"text": " turn on the light ", "sessionKey": "main", "eventId": "e1", "unknown": 1}
    assert await room.report("voice.transcript", said) == {"ok": True}
    expected = {
        "nodeId": room.node_id,
        "text": "turn on the light",
        "sessionKey": "main",
        "eventId": "e1",
        "ts": room.clock(),
    }
    for operator in (room.writer, room.reader):
        assert (await operator.event("voice.transcript"))["payload"] == expected
    await room.pairing.call("node.pair.list")
    assert "voice.transcript" not in [frame["event"] for frame in room.pairing.events]


@pytest.mark.covers("voice.wake")
async def test_a_wake_word_is_told(room: Room) -> None:
    assert await room.report("voice.wake", {"trigger": "openclaw", "eventId": "e"}) == {"ok": True}
    (wake,) = await room.heard_so_far("voice.wake")
    expected = {"nodeId": room.node_id, "trigger": "openclaw", "eventId": "e", "ts": room.clock()}
    assert wake == expected


async def test_a_repetition_within_a_second_and_a_half_is_dropped(room: Room) -> None:
    async def heard(said: dict[str, Any]) -> int:
        assert await room.report("voice.transcript", said) == {"ok": True}
        return len(await room.heard_so_far("voice.transcript"))

    assert await heard({"text": "hello"}) == 1
    room.clock.advance(1_500)
    assert await heard({"text": "hello "}) == 0
    assert await heard({"text": "hello", "sessionKey": "other"}) == 1
    assert await heard({"text": "goodbye"}) == 1
    assert await heard({"text": "hello", "eventId": "e1"}) == 1
    assert await heard({"text": "hello, once more", "eventId": "e1"}) == 0
    room.clock.advance(1)
    assert await heard({"text": "hello"}) == 1


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "text",
        [],
        {},
        {"text": ""},
        {"text": " "},
        {"text": 7},
        {"text": "a" * 20_001},
        {"trigger": "x"},
    ],
)
async def test_nonsense_is_answered_alike_and_reaches_nobody(room: Room, payload: Any) -> None:
    assert await room.report("voice.transcript", payload) == {"ok": True}
    assert await room.heard_so_far("voice.transcript") == []


async def test_the_longest_transcript_passes(room: Room) -> None:
    await room.report("voice.transcript", {"text": "a" * 20_000})
    assert len((await room.heard_so_far("voice.transcript"))[0]["text"]) == 20_000


async def test_memory_of_what_was_heard_is_bounded() -> None:
    transcripts = Transcripts(FakeClock())
    for number in range(600):
        assert transcripts.read("n", "voice.transcript", {"text": f"{number}"}) is not None
    assert transcripts.read("n", "voice.transcript", {"text": "599"}) is None
    assert transcripts.read("n", "voice.transcript", {"text": "0"}) is not None

"""Push-to-talk on a node, with recorded speech and a real recognizer (PROTOCOL 20.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openclaw_voice.node.ear import open_ear
from openclaw_voice.node.talk import open_talk

from openclaw_core import CommandError

pytestmark = pytest.mark.anyio

SILENCE = bytes(2 * 16_000)
Speech = Callable[[str], bytes]


async def test_what_was_said_is_answered_and_sent(world: Any, mouth: Any, speech: Speech) -> None:
    node = world(input={"path": str(mouth.path)})
    talk = await node.resource(open_talk)
    capture_id = await talk.start()
    assert mouth.is_heard()
    assert await talk.start() == capture_id
    await mouth.say(speech("what time is it") + speech("good morning everybody"))
    stopped = await talk.stop()
    text = stopped.transcript or ""
    assert text.startswith("what time is it ")  # two stretches, in their order
    assert text.endswith(" everybody")
    assert (stopped.capture_id, stopped.status) == (capture_id, "queued")
    said = await node.heard("voice.transcript")
    assert said == {"text": text, "eventId": capture_id, "captureId": capture_id}
    assert not mouth.is_heard()
    idle = await talk.stop()
    assert (idle.status, idle.transcript) == ("idle", None)
    assert idle.capture_id != capture_id


async def test_what_was_cancelled_is_forgotten(world: Any, mouth: Any, speech: Speech) -> None:
    node = world(input={"path": str(mouth.path)})
    talk = await node.resource(open_talk)
    capture_id = await talk.start()
    await mouth.say(speech("what time is it"))
    cancelled = await talk.cancel()
    assert (cancelled.capture_id, cancelled.transcript, cancelled.status) == (capture_id, None, "cancelled")
    assert not mouth.is_heard()
    assert (await talk.cancel()).status == "idle"
    assert node.said.empty()


async def test_silence_is_empty_and_a_gateway_that_is_away_gets_nothing(
    world: Any, mouth: Any, recording: Callable[[str], Path]
) -> None:
    node = world(input={"path": str(mouth.path)})
    talk = await node.resource(open_talk)
    await talk.start()
    await mouth.say(SILENCE)
    empty = await talk.stop()
    assert (empty.transcript, empty.status) == (None, "empty")
    away = world(input={"path": str(recording("what time is it"))})
    away.connected = False
    talk = await away.resource(open_talk)
    await talk.start()
    offline = await talk.stop()
    assert (offline.transcript, offline.status) == ("what time is it", "offline")


async def test_once_ends_when_the_speaker_pauses(world: Any, mouth: Any, speech: Speech) -> None:
    node = world(input={"path": str(mouth.path)})
    talk = await node.resource(open_talk)
    listening = asyncio.create_task(talk.once())
    await mouth.say(SILENCE + speech("what time is it"))
    once = await listening
    assert (once.transcript, once.status) == ("what time is it", "queued")
    assert not mouth.is_heard()


async def test_once_ends_when_nobody_speaks(world: Any, mouth: Any) -> None:
    node = world(input={"path": str(mouth.path)}, talk={"onceWaitMs": 1_000})
    once = await (await node.resource(open_talk)).once()
    assert (once.transcript, once.status) == (None, "empty")
    assert not mouth.is_heard()


async def test_once_while_another_capture_goes_on_is_refused(world: Any, mouth: Any) -> None:
    talk = await world(input={"path": str(mouth.path)}).resource(open_talk)
    await talk.start()
    with pytest.raises(CommandError, match="UNAVAILABLE: a capture goes on already"):
        await talk.once()


async def test_a_cancelled_invoke_frees_the_microphone(world: Any, mouth: Any, speech: Speech) -> None:
    talk = await world(input={"path": str(mouth.path)}).resource(open_talk)
    once = asyncio.create_task(talk.once())
    await mouth.say(speech("good morning everybody"))
    once.cancel()
    await asyncio.gather(once, return_exceptions=True)
    await mouth.say_until_nobody_hears()
    await talk.start()
    await mouth.say(speech("good morning everybody"))
    stop = asyncio.create_task(talk.stop())
    await asyncio.sleep(0)
    stop.cancel()
    await asyncio.gather(stop, return_exceptions=True)
    await mouth.say_until_nobody_hears()
    assert (await talk.stop()).status == "idle"


async def test_a_capture_nobody_stops_ends(world: Any, mouth: Any, speech: Speech) -> None:
    node = world(input={"path": str(mouth.path)}, talk={"maxMs": 3_000})
    talk = await node.resource(open_talk)
    first = await talk.start()
    await mouth.say(speech("what time is it") + SILENCE)
    over = talk._listening._opened.result()
    async with asyncio.timeout(20):
        await asyncio.wait({over._thread})
    assert not mouth.is_heard()
    stopped = await talk.stop()
    assert (stopped.capture_id, stopped.transcript) == (first, "what time is it")


async def test_without_a_microphone_it_says_so_and_can_be_tried_again(world: Any, tmp_path: Path) -> None:
    node = world(input={"path": str(tmp_path / "absent")})
    talk = await node.resource(open_talk)
    for ask in (talk.start, talk.once, talk.start):
        with pytest.raises(CommandError, match="UNAVAILABLE: there is no"):
            await ask()
    assert (await talk.stop()).status == "idle"


async def test_the_node_host_stopping_frees_the_microphone(world: Any, mouth: Any) -> None:
    node = world(input={"path": str(mouth.path)})
    await (await node.resource(open_talk)).start()
    ear = await node.resource(open_ear)
    assert mouth.is_heard()
    await node.stack.aclose()
    assert not mouth.is_heard()
    assert not ear._free.locked()

"""Listening for wake words on a node, with recorded speech and a real recognizer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openclaw_voice.node.talk import open_talk
from openclaw_voice.node.wake import listen

pytestmark = pytest.mark.anyio

SILENCE = bytes(32_000)
Speech = Callable[[str], bytes]


@asynccontextmanager
async def listening(node: Any, *triggers: str) -> AsyncIterator[None]:
    task = asyncio.create_task(listen(node))
    node.told.put_nowait(("voicewake.changed", {"triggers": list(triggers)}))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def wake(node: Any, mouth: Any, speech: Speech) -> None:
    await mouth.say(SILENCE + speech("openclaw what time is it"))
    assert (await node.heard("voice.wake"))["trigger"] == "openclaw"


async def test_it_is_off_unless_it_was_switched_on(world: Any, mouth: Any) -> None:
    node = world(input={"path": str(mouth.path)})
    node.told.put_nowait(("voicewake.changed", {"triggers": ["openclaw"]}))
    async with asyncio.timeout(10):
        await listen(node)
    assert not mouth.is_heard()
    assert node.held == {}


async def test_a_wake_word_and_its_sentence_are_reported_and_other_speech_is_not(
    world: Any, mouth: Any, speech: Speech
) -> None:
    node = world(input={"path": str(mouth.path)}, wake={"enabled": True})
    async with listening(node, "openclaw"):
        await mouth.say(SILENCE + speech("good morning everybody") + speech("openclaw what time is it"))
        event, wake = await node.said.get()
        assert (event, wake["trigger"]) == ("voice.wake", "openclaw")
        event, said = await node.said.get()
        assert event == "voice.transcript"
        assert said == {"text": said["text"], "eventId": wake["eventId"], "trigger": "openclaw"}
        assert "what time" in said["text"]
        assert mouth.is_heard()
    assert not mouth.is_heard()
    assert node.said.empty()


async def test_new_wake_words_count_at_once(world: Any, mouth: Any, speech: Speech) -> None:
    node = world(input={"path": str(mouth.path)}, wake={"enabled": True, "transcribe": False})
    async with listening(node, "openclaw"):
        await wake(node, mouth, speech)
        node.told.put_nowait(("voicewake.changed", {"triggers": "nonsense"}))
        node.told.put_nowait(("voicewake.changed", {"triggers": ["Good morning"]}))
        while (await say_both(node, mouth, speech))["trigger"] != "Good morning":
            pass
        await mouth.say(speech("openclaw what time is it") + speech("good morning everybody"))
        assert (await node.heard("voice.wake"))["trigger"] == "Good morning"


async def say_both(node: Any, mouth: Any, speech: Speech) -> Any:
    """The new words are in force some time after they were told: until then the old ones are heard."""
    await mouth.say(speech("openclaw what time is it") + speech("good morning everybody"))
    return await node.heard("voice.wake")


async def test_push_to_talk_takes_the_microphone_and_gives_it_back(
    world: Any, mouth: Any, speech: Speech
) -> None:
    node = world(input={"path": str(mouth.path)}, wake={"enabled": True, "transcribe": False})
    async with listening(node, "openclaw"):
        await wake(node, mouth, speech)
        talk = await node.resource(open_talk)
        await talk.start()
        await mouth.say(speech("openclaw what time is it"))
        stopped = await talk.stop()
        assert "what time" in (stopped.transcript or "")
        assert [event for event, _ in iter_now(node.said)] == ["voice.transcript"]
        mouth.close()
        await wake(node, mouth, speech)


def iter_now(queue: asyncio.Queue[Any]) -> list[Any]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_wake_words_that_nobody_can_speak_close_the_microphone(
    world: Any, mouth: Any, speech: Speech
) -> None:
    node = world(input={"path": str(mouth.path)}, wake={"enabled": True, "transcribe": False})
    async with listening(node, "openclaw"):
        await wake(node, mouth, speech)
        node.told.put_nowait(("voicewake.changed", {"triggers": ["blorbx"]}))
        async with asyncio.timeout(20):
            await mouth.say_until_nobody_hears()


async def test_a_sentence_may_follow_a_pause(world: Any, mouth: Any, speech: Speech) -> None:
    node = world(input={"path": str(mouth.path)}, wake={"enabled": True, "followUpMs": 30_000})
    alone = speech("openclaw what time is it")[: int(1.2 * 32_000)]  # the wake word and no more
    async with listening(node, "openclaw"):
        await mouth.say(alone + SILENCE + speech("what time is it"))
        assert (await node.heard("voice.wake"))["trigger"] == "openclaw"
        assert (await node.heard("voice.transcript"))["text"] == "what time is it"


async def test_the_end_of_a_recording_ends_the_listening(
    world: Any, recording: Callable[[str], Path]
) -> None:
    path = recording("openclaw what time is it")
    node = world(input={"path": str(path)}, wake={"enabled": True, "transcribe": False})
    async with listening(node, "openclaw"):
        await node.heard("voice.wake")

"""The family end to end: gateway, node host process, CLI, synthesised voices, a live microphone."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import miniaudio
import pytest
from openclaw_voice.node.pcm import seconds
from openclaw_voice.node.segments import Segmenter

pytestmark = [pytest.mark.families, pytest.mark.anyio]

VOICES = ("slt", "rms", "awb")
OTHER_SPEECH = (
    "please open the door",
    "good morning everybody how are you",
    "i would like a cup of coffee",
    "the weather is nice today",
    "we need a new keyboard and a mouse",
    "one two three four five six seven",
)


def speech_in(pcm: bytes) -> float:
    """How much of a sound is speech, in s; judged by voice activity."""
    segmenter = Segmenter()
    return sum(seconds(part) for part in (*segmenter.feed(pcm), *segmenter.flush()))


async def test_push_to_talk_by_the_cli(desk: Any, mouth: Any, voiced: Callable[..., bytes]) -> None:
    async with desk({"input": {"path": str(mouth.path)}}) as node:
        started = await node.invoke("talk.ptt.start")
        await mouth.say(voiced("hello world this is a test"))
        stopped = await node.invoke("talk.ptt.stop")
        assert stopped["captureId"] == started["captureId"]
        assert stopped["status"] == "queued"
        assert {"hello", "this", "is", "a", "test"} <= set(stopped["transcript"].split())
        said = await node.heard("voice.transcript")
        assert (said["nodeId"], said["text"]) == (node.node_id, stopped["transcript"])
        first, second = await node.heard("talk.event"), await node.heard("talk.event")
        assert [item["talkEvent"]["type"] for item in (first, second)] == [
            "capture.started",
            "capture.stopped",
        ]
        assert second["talkEvent"]["payload"]["transcript"] == stopped["transcript"]

        await node.invoke("talk.ptt.start")
        await mouth.say(voiced("what time is it"))
        cancelled = await node.invoke("talk.ptt.cancel")
        assert cancelled["status"] == "cancelled"
        assert "transcript" not in cancelled
        assert not mouth.is_heard()

        mouth.close()
        once = asyncio.create_task(node.invoke("talk.ptt.once"))
        await mouth.say(voiced("what time is it"))
        assert (await once)["transcript"] == "what time is it"


async def test_the_wake_word_is_heard_and_other_speech_is_not(
    desk: Any, mouth: Any, voiced: Callable[..., bytes]
) -> None:
    settings = {"input": {"path": str(mouth.path)}, "wake": {"enabled": True, "transcribe": False}}
    async with desk(settings) as node:
        await node.operator.call("voicewake.set", {"triggers": ["openclaw", "hey computer"]})
        for voice in VOICES:
            for text in OTHER_SPEECH:
                await mouth.say(voiced(text, voice))
            await mouth.say(voiced("openclaw what time is it", voice))
        await mouth.say(voiced("hey computer turn on the light", "rms"))
        heard = [(await node.heard("voice.wake"))["trigger"]]
        while heard[-1] != "hey computer":
            heard.append((await node.heard("voice.wake"))["trigger"])
        assert heard == ["openclaw", "openclaw", "openclaw", "hey computer"]


async def test_a_live_microphone(desk: Any, room: Any) -> None:
    settings = {"wake": {"enabled": True}, "input": {"device": "desk"}}
    async with desk(settings, PULSE_SERVER=room.server) as node:
        await node.operator.call("voicewake.set", {"triggers": ["openclaw"]})
        hearing = asyncio.create_task(node.heard("voice.wake"))
        while not hearing.done():  # until the microphone is open
            await asyncio.to_thread(room.play, "openclaw, what time is it")
        assert (await hearing)["trigger"] == "openclaw"
        said = await node.heard("voice.transcript")
        assert said["trigger"] == "openclaw"
        assert "time" in said["text"]
        assert room.listeners() == ['application.name = "OpenClaw"']

        await node.invoke("talk.ptt.start")
        await asyncio.to_thread(room.play, "good morning everybody")
        stopped = await node.invoke("talk.ptt.stop")
        assert "everybody" in stopped["transcript"]
    assert room.listeners() == []


async def test_a_microphone_that_comes_is_offered_and_is_closed_when_nobody_talks(
    desk: Any, room: Any
) -> None:
    async with desk({}, PULSE_SERVER=room.server) as node:
        await node.invoke("talk.ptt.start")
        assert room.listeners() == ['application.name = "OpenClaw"']
        await node.invoke("talk.ptt.cancel")
        assert room.listeners() == []


async def test_speaking_is_heard_in_the_room(desk: Any, room: Any, tmp_path: Path) -> None:
    recorded = tmp_path / "room.raw"
    async with desk({}, PULSE_SERVER=room.server) as node:
        with recorded.open("wb") as file:
            flags = ("--server", room.server, "--device", "room.monitor", "--rate=16000", "--channels=1")
            recorder = await asyncio.create_subprocess_exec(
                "parec", *flags, "--format=s16le", "--raw", stdout=file
            )
            spoken = await node.invoke("voice.speak", text="The door is open and the light is on.")
            recorder.terminate()
            await recorder.wait()
        assert 1_500 < spoken["durationMs"] < 5_000
        assert "base64" not in spoken
        assert speech_in(recorded.read_bytes()) > 0.5 * spoken["durationMs"] / 1000


async def test_an_interrupted_speech_stops_at_once(desk: Any, room: Any) -> None:
    async with desk({}, PULSE_SERVER=room.server) as node:
        long = node.invocation("voice.speak", {"text": "and so on and on " * 200})
        process = await node.start_cli(*long)
        async with asyncio.timeout(60):
            while room.speakers() != ['application.name = "OpenClaw"']:
                await asyncio.to_thread(room.speakers)
            process.send_signal(signal.SIGINT)
            await process.communicate()
            while room.speakers():
                await asyncio.to_thread(room.speakers)


async def test_speech_as_a_wav(desk: Any, mouth: Any) -> None:
    async with desk({"input": {"path": str(mouth.path)}}) as node:
        short = await node.invoke("voice.speak", text="Hello.", output="wav")
        slow = await node.invoke("voice.speak", text="Hello.", output="wav", rateWpm=80, voice="en-gb")
        assert short["format"] == "wav"
        for answer in (short, slow):
            sound = miniaudio.decode(base64.b64decode(answer["base64"]), nchannels=1, sample_rate=16_000)
            pcm = bytes(sound.samples)
            assert abs(1_000 * seconds(pcm) - answer["durationMs"]) < 20
            assert speech_in(bytes(16_000) + pcm + bytes(16_000)) > 0.2
        assert slow["durationMs"] > 1.3 * short["durationMs"]

        words = node.invocation("voice.speak", {"text": "Hello.", "voice": "xx-nowhere"})
        code, _, errors = await node.try_cli(*words)
        assert code != 0
        assert "'xx-nowhere' is no voice of espeak-ng" in errors
        bad = node.invocation("voice.speak", {"text": "Hello.", "rateWpm": 9})
        code, _, errors = await node.try_cli(*bad)
        assert code != 0
        assert "/rateWpm" in errors


async def test_a_machine_without_sound_says_what_is_missing(desk: Any, tmp_path: Path) -> None:
    async with desk({}, PULSE_SERVER=f"unix:{tmp_path / 'nobody'}") as node:
        doctor = await node.cli("node", "doctor", "--json")
        by_name = {item["command"]: item for item in doctor["commands"]}
        assert not by_name["talk.ptt.start"]["offered"]
        assert "no microphone was found" in by_name["talk.ptt.start"]["reason"]
        assert by_name["voice.speak"]["offered"]
        code, _, errors = await node.try_cli(*node.invocation("talk.ptt.start", {}))
        assert code != 0
        assert "talk.ptt.start" in errors
        silent = node.invocation("voice.speak", {"text": "Nobody hears this."})
        code, _, errors = await node.try_cli(*silent)
        assert code != 0
        assert "no loudspeaker was found" in errors
        assert json.loads((tmp_path / "node" / "openclaw.json").read_text())

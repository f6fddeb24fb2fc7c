"""The commands. Their functions run on a node host and import its half when called."""

from __future__ import annotations

from typing import Any

from openclaw_core import Family, NodeContext, NodeHostContext, Probe, command
from openclaw_core.commands import ALL_PLATFORMS, Example
from openclaw_voice.config import VoiceConfig
from openclaw_voice.gateway.names import (
    READ,
    ROUTING_CHANGED,
    TALK,
    TALK_EVENT,
    TALK_MODE,
    TRANSCRIPT,
    WAKE,
    WAKE_WORDS_CHANGED,
)
from openclaw_voice.models import Capture, PushToTalkParams, SpeakParams, Spoken, StartedCapture

__all__ = ["FAMILY"]


_CAPTURE = "6f1c0a52-6c0f-4d0e-9a53-5a1f1c4f9f10"


@command(
    "talk.ptt.start",
    platforms=ALL_PLATFORMS,
    foreground=True,
    examples=(Example({}, {"captureId": _CAPTURE}),),
)
async def start(_args: PushToTalkParams, node: NodeContext) -> StartedCapture:
    """Start to listen.

    Opens the microphone and answers at once. talk.ptt.stop ends it with a transcript,
    talk.ptt.cancel drops it. A capture that is going on already goes on.
    """
    from openclaw_voice.node.talk import open_talk

    return StartedCapture(capture_id=await (await node.resource(open_talk)).start())


@command(
    "talk.ptt.stop",
    platforms=ALL_PLATFORMS,
    foreground=True,
    timeout_ms=90_000,
    examples=(
        Example({}, {"captureId": _CAPTURE, "transcript": "what time is it", "status": "queued"}),
        Example({}, {"captureId": _CAPTURE, "status": "empty"}, "nobody spoke"),
    ),
)
async def stop(_args: PushToTalkParams, node: NodeContext) -> Capture:
    """Stop listening and answer what was said.

    The transcript also goes to the gateway as `voice.transcript`.
    """
    from openclaw_voice.node.talk import open_talk

    return await (await node.resource(open_talk)).stop()


@command("talk.ptt.cancel", platforms=ALL_PLATFORMS, foreground=True, idempotent=True)
async def cancel(_args: PushToTalkParams, node: NodeContext) -> Capture:
    """Stop listening and drop what was said."""
    from openclaw_voice.node.talk import open_talk

    return await (await node.resource(open_talk)).cancel()


@command("talk.ptt.once", platforms=ALL_PLATFORMS, foreground=True, timeout_ms=120_000)
async def once(_args: PushToTalkParams, node: NodeContext) -> Capture:
    """Listen to one sentence and answer what was said.

    Ends by itself when the speaker pauses, or when nobody speaks.
    """
    from openclaw_voice.node.talk import open_talk

    return await (await node.resource(open_talk)).once()


@command(
    "voice.speak",
    platforms=ALL_PLATFORMS,
    timeout_ms=420_000,
    examples=(
        Example({"text": "The door is open."}, {"durationMs": 1_240}, "to tell whoever is near"),
        Example(
            {"text": "Guten Tag", "voice": "de", "rateWpm": 140, "output": "wav"},
            {"durationMs": 980, "format": "wav", "base64": "UklGRg==", "sampleRate": 22_050},
            "to have the sound itself",
        ),
    ),
)
async def speak(args: SpeakParams, node: NodeContext) -> Spoken:
    """Say a text aloud at the node, or answer its sound as WAV."""
    from openclaw_voice.node.speech import say

    return await say(args, node.config)


def _probe(config: Any) -> Probe:
    from openclaw_voice.node.probe import probe

    return probe(config)


async def _listen(context: NodeHostContext) -> None:
    from openclaw_voice.node.wake import listen

    await listen(context)


FAMILY = Family(
    name="voice",
    title="Voice",
    commands=(start, stop, cancel, once, speak),
    caps=("talk",),
    events={
        WAKE_WORDS_CHANGED: READ,
        ROUTING_CHANGED: READ,
        TALK_EVENT: READ,
        TALK_MODE: TALK,
        TRANSCRIPT: READ,
        WAKE: READ,
    },
    pushes=(WAKE_WORDS_CHANGED, ROUTING_CHANGED),
    config=VoiceConfig,
    probe=_probe,
    service=_listen,
)

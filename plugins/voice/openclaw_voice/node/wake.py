"""Listening for wake words, all the time: the service of the family, off unless it was switched on."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any, Final

from openclaw_core import NodeHostContext
from openclaw_voice.config import VoiceConfig, WakeConfig
from openclaw_voice.gateway.names import TRANSCRIPT, WAKE, WAKE_WORDS_CHANGED
from openclaw_voice.node.ear import Capture, Ear, open_ear
from openclaw_voice.node.pcm import RATE, seconds
from openclaw_voice.node.segments import Segmenter
from openclaw_voice.node.spotter import Hit, Spotter
from openclaw_voice.node.transcriber import Transcriber, open_transcriber

__all__ = ["listen"]

_log = logging.getLogger(__name__)

_SHORTEST_SENTENCE_S: Final = 0.5
"""Less than this behind a wake word is no sentence."""
_LONGEST_STRETCH_S: Final = 10.0
_OVERLAP_S: Final = 1.5
"""A wake word on the cut of a long stretch is whole in the next one."""


async def listen(context: NodeHostContext) -> None:
    """Listen until cancelled; returns at once when it is switched off.

    The wake words are the gateway's. The microphone is open only while there are some, and
    closed for as long as a person uses push-to-talk.

    Raises:
        CommandError: there is nothing to hear with; the node host comes back to it.
    """
    config: VoiceConfig = context.config
    if not config.wake.enabled:
        return
    spotter = Spotter(config.wake)
    try:
        attention = _Attention(
            context, spotter, await context.resource(open_ear), await context.resource(open_transcriber)
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(attention.follow())
            tasks.create_task(attention.hear())
    finally:
        await spotter.close()


def _triggers_of(payload: Any) -> list[str] | None:
    triggers = payload.get("triggers") if isinstance(payload, dict) else None
    if not isinstance(triggers, list) or not all(isinstance(item, str) for item in triggers):
        return None
    return triggers


class _Attention:
    """Follows the gateway's wake words and reports those it hears."""

    def __init__(
        self, context: NodeHostContext, spotter: Spotter, ear: Ear, transcriber: Transcriber
    ) -> None:
        self._context = context
        self._config: WakeConfig = context.config.wake
        self._spotter = spotter
        self._ear = ear
        self._transcriber = transcriber
        self._words_known = asyncio.Event()
        self._capture: Capture | None = None

    async def follow(self) -> None:
        """Listen for what the gateway says, from now on and at every change."""
        async for _, payload in self._context.gateway_events(WAKE_WORDS_CHANGED):
            triggers = _triggers_of(payload)
            if triggers is None:
                _log.warning("the gateway sent wake words that are none: %r", payload)
                continue
            known = await self._spotter.listen_for(triggers)
            _log.info("listening for: %s", ", ".join(known) or "nothing")
            if known:
                self._words_known.set()
                continue
            self._words_known.clear()
            if self._capture is not None:
                self._capture.hand_over()

    async def hear(self) -> None:
        """Report every wake word; ends only with a recording that ends."""
        while True:
            await self._words_known.wait()
            segmenter = Segmenter(_LONGEST_STRETCH_S, _OVERLAP_S)
            async with self._ear.capture(segmenter, yields=True) as capture:
                self._capture = capture
                async for speech in capture:
                    hit = await self._spotter.spot(speech)
                    if hit is not None:
                        await self._report(hit, speech, capture)
            if not capture.handed_over:
                _log.info("the sound came to its end; nobody listens for wake words any more")
                return

    async def _report(self, hit: Hit, speech: bytes, capture: Capture) -> None:
        event_id = str(uuid.uuid4())
        await self._context.emit(WAKE, {"trigger": hit.trigger, "eventId": event_id})
        if not self._config.transcribe:
            return
        sentence = speech[2 * int(hit.end_s * RATE) :]
        if seconds(sentence) < _SHORTEST_SENTENCE_S:
            sentence = await self._next_sentence(capture)
        text = await self._transcriber.transcribe(sentence) if sentence else ""
        if text:
            said = {"text": text, "eventId": event_id, "trigger": hit.trigger}
            await self._context.emit(TRANSCRIPT, said)

    async def _next_sentence(self, capture: Capture) -> bytes:
        """What is said after a lone wake word; empty when nobody speaks in time."""
        following = asyncio.ensure_future(anext(capture, b""))
        try:
            async with asyncio.timeout(self._config.follow_up_ms / 1000):
                return await asyncio.shield(following)
        except TimeoutError:
            if capture.in_speech:
                return await following
            return b""
        finally:
            following.cancel()

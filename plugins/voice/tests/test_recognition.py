"""The recognizer process: what it knows, and what happens when it dies or is left alone."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable

import pytest
from openclaw_voice.config import TranscriptionConfig, WakeConfig
from openclaw_voice.node.recognition import Recognition
from openclaw_voice.node.segments import Segmenter
from openclaw_voice.node.spotter import Spotter
from openclaw_voice.node.transcriber import Transcriber, transcriber_fault

from openclaw_core import CommandError

pytestmark = pytest.mark.anyio

Speech = Callable[[str], bytes]


def only_speech(pcm: bytes) -> bytes:
    (found,) = [*(segmenter := Segmenter()).feed(pcm), *segmenter.flush()]
    return found


@pytest.fixture
async def spotting() -> AsyncIterator[Recognition]:
    recognition = Recognition({"engine": "spotting"})
    yield recognition
    await recognition.close()


def process_of(recognition: Recognition) -> int:
    assert recognition._process is not None
    return recognition._process.pid


async def test_speech_becomes_text(speech: Speech) -> None:
    transcriber = Transcriber(TranscriptionConfig())
    try:
        assert await transcriber.transcribe(only_speech(speech("what time is it"))) == "what time is it"
        assert "everybody" in await transcriber.transcribe(only_speech(speech("good morning everybody")))
        assert await transcriber.transcribe(b"") == ""
    finally:
        await transcriber.close()


async def test_wake_words_are_heard_and_other_speech_is_not(
    speech: Speech, caplog: pytest.LogCaptureFixture
) -> None:
    spotter = Spotter(WakeConfig())
    wake, other = (
        only_speech(speech(words)) for words in ("openclaw what time is it", "good morning everybody")
    )
    try:
        assert await spotter.spot(wake) is None
        with caplog.at_level(logging.WARNING):
            assert await spotter.listen_for(["OpenClaw", "claude", "blorbx"]) == ["OpenClaw", "claude"]
        assert ["'claude' is short" in text or "'blorbx'" in text for text in caplog.messages] == [True, True]
        assert await spotter.listen_for(["OpenClaw", "computer"]) == ["OpenClaw", "computer"]
        hit = await spotter.spot(wake)
        assert hit is not None
        assert hit.trigger == "OpenClaw"
        assert 0.3 < hit.end_s < 0.8
        assert await spotter.spot(other) is None
        assert await spotter.listen_for(["good morning"]) == ["good morning"]
        assert (await spotter.spot(wake), (await spotter.spot(other)) is not None) == (None, True)
        assert await spotter.listen_for(["blorbx"]) == []
        assert await spotter.spot(other) is None
    finally:
        await spotter.close()


async def test_one_that_dies_is_told_of_and_started_anew(spotting: Recognition) -> None:
    assert await spotting.ask({"lookup": ["claw", "blorbx"]}) == {"phones": {"claw": "K L AO"}}
    first = process_of(spotting)
    os.kill(first, signal.SIGSTOP)
    asked = asyncio.ensure_future(spotting.ask({"lookup": []}))
    await asyncio.sleep(0)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(CommandError, match="UNAVAILABLE: the recognizer ended with exit code -9"):
        await asked
    assert await spotting.ask({"lookup": ["claw"]}) == {"phones": {"claw": "K L AO"}}
    assert process_of(spotting) != first


async def test_whoever_is_cancelled_leaves_no_answer_for_the_next(spotting: Recognition) -> None:
    asked = asyncio.ensure_future(spotting.ask({"lookup": ["claw"]}))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert await spotting.ask({"lookup": ["open"]}) == {"phones": {"open": "OW P AH N"}}


async def test_a_request_that_fails_is_told_of_and_the_next_goes_on(spotting: Recognition) -> None:
    with pytest.raises(CommandError, match="UNAVAILABLE: the recognizer failed: KeyError"):
        await spotting.ask({"phrases": {"claw": 1e-5}})
    assert await spotting.ask({"lookup": ["claw"]}) == {"phones": {"claw": "K L AO"}}


async def test_closing_ends_the_process_whatever_it_is_at(spotting: Recognition) -> None:
    await spotting.ask({"lookup": []})
    pid = process_of(spotting)
    busy = asyncio.ensure_future(spotting.ask({"lookup": ["claw"] * 50_000}))
    await asyncio.sleep(0)
    await spotting.close()
    assert isinstance((await asyncio.gather(busy, return_exceptions=True))[0], asyncio.CancelledError)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_whisper_model_that_is_not_there_is_told_of_beforehand() -> None:
    config = TranscriptionConfig.model_validate({"whisperModel": "/nowhere/whisper"})
    fault = transcriber_fault(config)
    assert fault is not None
    assert "openclaw-voice[whisper]" in fault or "/nowhere/whisper" in fault
    assert transcriber_fault(TranscriptionConfig()) is None
    with pytest.raises(CommandError, match="UNAVAILABLE"):
        await Transcriber(config).transcribe(b"")

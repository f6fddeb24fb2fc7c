"""What a machine can do, and the refusals of `voice.speak` that need no synthesiser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openclaw_voice.config import VoiceConfig
from openclaw_voice.models import SpeakParams
from openclaw_voice.node.probe import PUSH_TO_TALK, probe
from openclaw_voice.node.speech import Sound, say

from openclaw_core import CommandError, Probe

pytestmark = pytest.mark.anyio


def look(**settings: Any) -> Probe:
    return probe(VoiceConfig.model_validate(settings))


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No sound server, no programs."""
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'nobody-serves'}")
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("bare_machine")
async def test_what_is_missing_is_named_with_its_cure(tmp_path: Path) -> None:
    found = look(input={"path": str(tmp_path / "mic")})
    assert found.unavailable is None
    assert set(found.withheld) == {*PUSH_TO_TALK, "voice.speak"}
    assert "mkfifo" in found.withheld["talk.ptt.start"]
    assert found.withheld["voice.speak"] == "espeak-ng is not installed: sudo apt install espeak-ng"


@pytest.mark.usefixtures("bare_machine")
async def test_push_to_talk_comes_and_goes_with_its_source_and_its_switch(mouth: Any) -> None:
    source = {"path": str(mouth.path)}
    assert set(look(input=source).withheld) == {"voice.speak"}
    assert "talk.enabled is false" in look(input=source, talk={"enabled": False}).withheld["talk.ptt.once"]
    mouth.path.unlink()
    assert set(look(input=source).withheld) == {*PUSH_TO_TALK, "voice.speak"}


async def test_a_whisper_model_that_cannot_be_read_withholds_push_to_talk(mouth: Any, tmp_path: Path) -> None:
    found = look(input={"path": str(mouth.path)}, transcription={"whisperModel": str(tmp_path)})
    assert "whisper" in found.withheld["talk.ptt.stop"]


@pytest.mark.usefixtures("bare_machine")
async def test_speaking_without_a_synthesiser_is_unavailable() -> None:
    with pytest.raises(CommandError, match="UNAVAILABLE: espeak-ng is not installed"):
        await say(SpeakParams(text="hello"), VoiceConfig())


async def test_a_sound_as_wav() -> None:
    sound = Sound(bytes(44_100), 22_050)
    assert sound.duration_ms == 1_000
    assert sound.to_wav()[:4] == b"RIFF"

"""The family as core loads it, and answers of real nodes."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest
from openclaw_voice import Voice
from openclaw_voice.config import VoiceConfig
from openclaw_voice.models import Capture, SpeakParams, Spoken, StartedCapture
from pydantic import ValidationError

from openclaw_core.plugins import load_plugins
from openclaw_core.protocol.problems import describe_problems

FAMILY = Voice().openclaw_family()
COMMANDS = {item.name: item for item in FAMILY.commands}


def test_core_finds_and_loads_the_family() -> None:
    (entry,) = entry_points(group="openclaw.capabilities", name="voice")
    assert entry.load() is Voice
    plugins = load_plugins()
    assert "voice" in [family.name for family in plugins.families], plugins.failed
    assert plugins.table.owner("talk.ptt.start") == "voice"


def test_facts_of_the_commands() -> None:
    assert set(COMMANDS) == {
        "talk.ptt.start",
        "talk.ptt.stop",
        "talk.ptt.cancel",
        "talk.ptt.once",
        "voice.speak",
    }
    assert all({"ios", "linux", "unknown"} <= item.platforms for item in COMMANDS.values())
    assert not any(item.dangerous or item.admin_approval or item.admin_invoke for item in COMMANDS.values())
    assert {name for name, item in COMMANDS.items() if not item.foreground} == {"voice.speak"}
    assert FAMILY.caps == ("talk",)


def test_the_gateways_half_imports_nothing_heavy() -> None:
    code = (
        "import sys, openclaw_voice as p; p.Voice().openclaw_methods();"
        "bad = [m for m in sys.modules if m.startswith(('openclaw_voice.node', 'pocketsphinx'))];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (StartedCapture, {"captureId": "c-1"}),
        (Capture, {"captureId": "c-1", "transcript": "what time is it", "status": "queued"}),
        (Capture, {"captureId": "c-1", "transcript": None, "status": "listening"}),
        (Capture, {"captureId": "c-1", "status": "offline", "audioMs": 1200}),
        (Capture, {"captureId": "c-1"}),
        (Spoken, {"durationMs": 900}),
        (Spoken, {"durationMs": 900, "format": "wav", "base64": "UklGRg==", "sampleRate": 22050}),
    ],
)
def test_answers_of_real_nodes_pass_whole(model: Any, answer: dict[str, Any]) -> None:
    assert model.model_validate(answer).model_dump(mode="json") == answer


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "/text"),
        ({"text": " \n"}, "/text"),
        ({"text": "a" * 5_001}, "/text"),
        ({"text": "hello", "voice": "../../etc/passwd"}, "/voice"),
        ({"text": "hello", "voice": "-v"}, "/voice"),
        ({"text": "hello", "rateWpm": 79}, "/rateWpm"),
        ({"text": "hello", "rateWpm": 451}, "/rateWpm"),
        ({"text": "hello", "output": "mp3"}, "/output"),
    ],
)
def test_nonsense_to_say_is_refused_with_its_field(params: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SpeakParams.model_validate(params)
    assert field in describe_problems(refused.value)


@pytest.mark.parametrize("voice", ["en", "en-us", "en-us+f3", "cmn-latn-pinyin", None])
def test_voices_pass(voice: str | None) -> None:
    assert SpeakParams.model_validate({"text": "-h is no option", "voice": voice}).voice == voice


def test_no_microphone_is_open_by_default() -> None:
    assert VoiceConfig().wake.enabled is False


@pytest.mark.parametrize(
    "settings",
    [
        {"wake": {"enabled": True, "treshold": 1}},
        {"wake": {"thresholds": {"computer": 0}}},
        {"input": {"device": "USB", "path": "/run/mic"}},
        {"talk": {"maxMs": 1}},
        {"transcription": {"language": "English"}},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VoiceConfig.model_validate(settings)

"""The microphone of clips: a real `arecord` on an ALSA device that plays a file to it."""

from __future__ import annotations

import math
import struct
import threading
import time
from pathlib import Path

import pytest
from openclaw_camera.config import CameraConfig
from openclaw_camera.node.devices import Camera
from openclaw_camera.node.sound import SAMPLE_RATE, Microphone, recorder_for

pytestmark = pytest.mark.families

DEVICE = """\
pcm.singer {{
  type file
  slave.pcm "null"
  file "/dev/null"
  infile "{sound}"
  format "raw"
}}
"""


@pytest.fixture
def singer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An ALSA device of this name; the PCM that it gives."""
    wave = [round(9_000 * math.sin(2 * math.pi * 523 * n / SAMPLE_RATE)) for n in range(SAMPLE_RATE * 2)]
    pcm = struct.pack(f"<{len(wave)}h", *wave)
    (tmp_path / "sound.raw").write_bytes(pcm)
    (tmp_path / ".asoundrc").write_text(DEVICE.format(sound=tmp_path / "sound.raw"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return pcm


def test_a_clip_hears_the_microphone_for_its_length(singer: bytes) -> None:
    recorder = recorder_for(Camera("v", "v", "v", "v4l2"), CameraConfig(microphone="singer"))
    assert isinstance(recorder, Microphone)
    recorder.start(500, threading.Event())
    heard = recorder.finish()
    assert len(heard) == SAMPLE_RATE // 2 * 2
    assert heard == singer[: len(heard)]


def test_one_that_is_not_there_leaves_the_clip_silent(
    singer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Microphone("nobody")
    recorder.start(500, threading.Event())
    assert recorder.finish() == b""
    assert "the microphone nobody broke off: " in caplog.text
    assert "Unknown PCM nobody" in caplog.text


def test_a_cancelled_clip_does_not_wait_for_it(singer: bytes) -> None:
    stop = threading.Event()
    recorder = Microphone("singer")
    recorder.start(60_000, stop)
    stop.set()
    begin = time.monotonic()
    assert len(recorder.finish()) < 60 * SAMPLE_RATE * 2
    assert time.monotonic() - begin < 30  # not the minute that was asked for

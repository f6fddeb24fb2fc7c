"""Stretches of speech are found in sound, whatever the pieces it comes in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from openclaw_voice.node.pcm import BYTES_PER_SECOND, seconds
from openclaw_voice.node.segments import Segmenter

Speech = Callable[[str], bytes]


def stretches(segmenter: Segmenter, pcm: bytes, piece: int) -> list[bytes]:
    found = [
        speech for start in range(0, len(pcm), piece) for speech in segmenter.feed(pcm[start : start + piece])
    ]
    return [*found, *segmenter.flush()]


@pytest.mark.parametrize("piece", [320, 961, 100_000])
def test_pieces_make_no_difference(speech: Speech, piece: int) -> None:
    pcm = speech("what time is it") + speech("good morning everybody")
    found = stretches(Segmenter(), pcm, piece)
    assert found == stretches(Segmenter(), pcm, 4_096)
    assert [round(seconds(item), 1) for item in found] == [1.0, 1.5]


def test_silence_is_no_speech_and_nothing_is_none() -> None:
    assert stretches(Segmenter(), bytes(5 * BYTES_PER_SECOND), 4_096) == []
    assert list(Segmenter().flush()) == []


def test_speech_that_is_cut_off_is_given(speech: Speech) -> None:
    pcm = speech("good morning everybody")[: 3 * BYTES_PER_SECOND // 2]
    (cut,) = stretches(Segmenter(), pcm, 4_096)
    assert 0.5 < seconds(cut) < 1.5


def test_a_long_stretch_is_cut_and_overlaps(speech: Speech) -> None:
    pcm = speech("good morning everybody")
    (whole,) = stretches(Segmenter(), pcm, 4_096)
    parts = stretches(Segmenter(longest_s=0.6, overlap_s=0.2), pcm, 4_096)
    assert len(parts) > 2
    assert parts[0] + b"".join(part[2 * 3_200 :] for part in parts[1:]) == whole

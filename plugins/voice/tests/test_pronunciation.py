"""Wake words as the recognizer needs them."""

from __future__ import annotations

import pytest
from openclaw_voice.node.pronunciation import (
    FIRM_THRESHOLD,
    WEAK_THRESHOLD,
    WakeWord,
    parts_to_look_up,
    pronounce,
    read_wake_word,
)

KNOWN = {
    "open": "OW P AH N",
    "claw": "K L AO",
    "claude": "K L AO D",
    "computer": "K AH M P Y UW T ER",
    "hey": "HH EY",
    "don't": "D OW N T",
}


def read(trigger: str, own: dict[str, str] | None = None, **thresholds: float) -> WakeWord | str:
    return read_wake_word(trigger, KNOWN, own or {}, thresholds)


def test_a_compound_is_spoken_as_its_parts() -> None:
    assert pronounce("openclaw", KNOWN) == "OW P AH N K L AO"
    assert pronounce("clawopenclaw", KNOWN) is None
    assert {"openclaw", "open", "claw"} <= parts_to_look_up("Hey OpenClaw!")


@pytest.mark.parametrize(
    ("trigger", "words", "weak"),
    [
        ("openclaw", ("openclaw",), False),
        ("claude", ("claude",), True),
        ("computer", ("computer",), False),
        ("  Hey, Claude! ", ("hey", "claude"), False),
        ("Don't", ("don't",), True),
    ],
)
def test_short_words_are_weak(trigger: str, words: tuple[str, ...], weak: bool) -> None:
    word = read(trigger)
    assert isinstance(word, WakeWord)
    assert (word.words, word.weak) == (words, weak)
    assert word.threshold == (WEAK_THRESHOLD if weak else FIRM_THRESHOLD)


def test_settings_win() -> None:
    word = read("jarvis", {"jarvis": "JH AA R V IH S"}, jarvis=1e-12)
    assert isinstance(word, WakeWord)
    assert word.spoken == {"jarvis": "JH AA R V IH S"}
    assert (word.threshold, word.weak) == (1e-12, False)


@pytest.mark.parametrize(
    ("trigger", "says"), [("jarvis", "wake.pronunciations"), ("日本", "English letters")]
)
def test_what_cannot_be_spoken_is_explained(trigger: str, says: str) -> None:
    problem = read(trigger)
    assert isinstance(problem, str)
    assert repr(trigger) in problem
    assert says in problem

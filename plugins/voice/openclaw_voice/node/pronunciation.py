"""How wake words are spoken, and how sure the recognizer must be of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["FIRM_THRESHOLD", "WEAK_THRESHOLD", "WakeWord", "parts_to_look_up", "pronounce", "read_wake_word"]

FIRM_THRESHOLD: Final = 1e-20
"""For two words, or one of six phones and more; heard 9 times of 9, misheard never, of 42."""
WEAK_THRESHOLD: Final = 1e-1
"""For anything shorter: as strict as it goes, and still misheard often."""
_FEWEST_PHONES = 6
_SHORTEST_PART = 3
_APART = re.compile(r"[^a-z0-9']+")


@dataclass(frozen=True, slots=True)
class WakeWord:
    """A wake word as the recognizer needs it.

    Attributes:
        trigger: as the gateway knows it.
        words: as spoken: lower case, without punctuation.
        spoken: word → its ARPAbet phones, with blanks between.
        threshold: above 0 to 1; smaller hears more and errs more.
    """

    trigger: str
    words: tuple[str, ...]
    spoken: Mapping[str, str]
    threshold: float

    @property
    def phrase(self) -> str:
        """The words with blanks between."""
        return " ".join(self.words)

    @property
    def weak(self) -> bool:
        """Too short to be told from other speech."""
        return len(self.words) < 2 and len(" ".join(self.spoken.values()).split()) < _FEWEST_PHONES


def _words_of(trigger: str) -> tuple[str, ...]:
    return tuple(word for word in _APART.split(trigger.casefold()) if word)


def _splits(word: str) -> Iterator[tuple[str, str]]:
    # The longest first part comes first: "openclaw" is "open" and "claw".
    for end in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        yield word[:end], word[end:]


def parts_to_look_up(trigger: str) -> set[str]:
    """Every word of a trigger and every part a compound may have."""
    words = _words_of(trigger)
    return {*words, *(part for word in words for split in _splits(word) for part in split)}


def pronounce(word: str, known: Mapping[str, str]) -> str | None:
    """The phones of a word; of a compound such as `openclaw`, those of its two parts.

    Args:
        known: word → phones, of the dictionary.
    """
    if word in known:
        return known[word]
    for first, second in _splits(word):
        if first in known and second in known:
            return f"{known[first]} {known[second]}"
    return None


def read_wake_word(
    trigger: str, known: Mapping[str, str], own: Mapping[str, str], thresholds: Mapping[str, float]
) -> WakeWord | str:
    """A trigger as a wake word, or a sentence why it cannot be listened for.

    Args:
        known: word → phones, of the dictionary: at least of `parts_to_look_up`.
        own: word → phones, from the settings; they win over the dictionary.
        thresholds: trigger → threshold, from the settings.
    """
    words = _words_of(trigger)
    if not words:
        return f"wake word {trigger!r} has no English letters; the recognizer knows English only"
    spoken: dict[str, str] = {}
    for word in words:
        phones = own.get(word) or pronounce(word, known)
        if phones is None:
            return (
                f"wake word {trigger!r}: nobody knows how {word!r} is spoken; add its phones to"
                f' plugins.entries.voice.config.wake.pronunciations, e.g. {{"{word}": "JH AA R V IH S"}}'
            )
        spoken[word] = phones
    found = WakeWord(trigger, words, spoken, FIRM_THRESHOLD)
    return replace(found, threshold=thresholds.get(trigger, WEAK_THRESHOLD if found.weak else FIRM_THRESHOLD))

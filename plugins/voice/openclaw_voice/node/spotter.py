"""Finds wake words in speech: pocketsphinx's keyword spotting."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from openclaw_voice.config import WakeConfig
from openclaw_voice.node.pronunciation import WakeWord, parts_to_look_up, read_wake_word
from openclaw_voice.node.recognition import Recognition

__all__ = ["Hit", "Spotter"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hit:
    """A wake word was heard.

    Attributes:
        trigger: which, as the gateway knows it.
        end_s: where in the stretch of speech it ended, in s.
    """

    trigger: str
    end_s: float


class Spotter:
    """Listens for a set of wake words that may change at any time; `close` ends its process."""

    def __init__(self, config: WakeConfig) -> None:
        self._config = config
        self._recognition = Recognition({"engine": "spotting"})
        self._by_phrase: dict[str, str] = {}
        self.close = self._recognition.close

    async def listen_for(self, triggers: Iterable[str]) -> list[str]:
        """Listen for these from now on; those it really listens for. What is wrong with one is logged.

        Raises:
            CommandError: `UNAVAILABLE`, the recognizer failed.
        """
        triggers = list(triggers)
        parts = sorted({part for trigger in triggers for part in parts_to_look_up(trigger)})
        known = (await self._recognition.ask({"lookup": parts}))["phones"]
        found = [word for trigger in triggers if (word := self._read(trigger, known)) is not None]
        if found:
            phones = {text: spoken for word in found for text, spoken in word.spoken.items()}
            phrases = {word.phrase: word.threshold for word in found}
            await self._recognition.ask({"phrases": phrases, "phones": phones})
        self._by_phrase = {word.phrase: word.trigger for word in reversed(found)}
        return [word.trigger for word in found]

    async def spot(self, speech: bytes) -> Hit | None:
        """The first wake word in a stretch of speech; of two at one place the longer.

        Raises:
            CommandError: as `listen_for`.
        """
        by_phrase = self._by_phrase
        if not by_phrase:
            return None
        heard = (await self._recognition.ask({"spot": True}, speech))["heard"]
        hits = [(start, -len(phrase), end, phrase) for start, end, phrase in heard if phrase in by_phrase]
        if not hits:
            return None
        _, _, end, phrase = min(hits)
        return Hit(by_phrase[phrase], end)

    def _read(self, trigger: str, known: dict[str, str]) -> WakeWord | None:
        word = read_wake_word(trigger, known, self._config.pronunciations, self._config.thresholds)
        if isinstance(word, str):
            _log.warning("%s", word)
            return None
        if word.weak:
            _log.warning(
                "wake word %r is short and will be misheard; take two words or a longer one, e.g. 'hey %s'",
                trigger,
                trigger,
            )
        return word

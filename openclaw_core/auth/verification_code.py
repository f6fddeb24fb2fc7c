"""A few pronounceable syllables that stand for a device key, to compare by eye or on the phone.

The code is the first 48 bits of the device id, which is the SHA-256 of the device's public key
(PROTOCOL 3.4), written as three proquints. Every program that knows a device id can show it,
also for a gateway that never heard of it. A device with another key and the same code takes
about 2**48 key pairs to find; six digits would take a second.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["verification_code"]

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
_DEVICE_ID = re.compile(r"[0-9a-f]{64}\Z")
_WORDS = 3
_WORD_DIGITS = 4


def verification_code(device_id: str) -> str | None:
    """The code of a device, e.g. `lusab-babad-gutih`; None for an id that is no key's hash.

    Args:
        device_id: 64 lower-case hex characters.
    """
    if not _DEVICE_ID.match(device_id):
        return None
    digits = device_id[: _WORDS * _WORD_DIGITS]
    return "-".join(
        _proquint(int(digits[at : at + _WORD_DIGITS], 16)) for at in range(0, len(digits), _WORD_DIGITS)
    )


def _proquint(number: int) -> str:
    """Sixteen bits as consonant, vowel, consonant, vowel, consonant."""
    return (
        _CONSONANTS[number >> 12 & 15]
        + _VOWELS[number >> 10 & 3]
        + _CONSONANTS[number >> 6 & 15]
        + _VOWELS[number >> 4 & 3]
        + _CONSONANTS[number & 15]
    )

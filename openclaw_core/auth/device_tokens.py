"""Device tokens: derived under the gateway's key, so that no store ever holds one (PROTOCOL 7)."""

from __future__ import annotations

import hmac

from nacl.hashlib import blake2b

from openclaw_core.auth.signing import encode_base64url

__all__ = ["derive_token", "token_matches"]

_PERSON = b"openclaw-device"
_LENGTH_BYTES = 4
_GENERATION_BYTES = 8


def derive_token(key: bytes, device_id: str, role: str, generation: int) -> str:
    """The token of one device, role and generation: 43 characters of base64url.

    Args:
        key: the gateway's token key, 32 bytes.
        device_id: 64 lower-case hex characters.
        role: `node` or `operator`.
        generation: counts rotations, from 0.

    Raises:
        ValueError: the key is not 32 bytes long, or the generation is negative.
    """
    if len(key) != 32:
        raise ValueError(f"the device token key has {len(key)} bytes; 32 are needed")
    if generation < 0:
        raise ValueError(f"generation {generation} is negative; generations count from 0")
    # Each text carries its length: no two (device, role) pairs share an encoding.
    parts = [_prefixed(device_id), _prefixed(role), generation.to_bytes(_GENERATION_BYTES, "big")]
    return encode_base64url(blake2b(b"".join(parts), digest_size=32, key=key, person=_PERSON).digest())


def token_matches(
    presented: str, key: bytes, device_id: str, role: str, generation: int, *, grace: bool = False
) -> bool:
    """True when `presented` is the token of this generation, compared in constant time.

    Args:
        grace: also accept the generation before, while a device has not yet used the
            token its own rotation brought.

    Raises:
        ValueError: as `derive_token`.
    """
    given = presented.encode("utf-8", "surrogatepass")
    accepted = [generation]
    if grace and generation > 0:
        accepted.append(generation - 1)
    matches = [
        hmac.compare_digest(given, derive_token(key, device_id, role, item).encode()) for item in accepted
    ]
    return any(matches)


def _prefixed(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data

"""Device identity: Ed25519 keys, device ids and the signed connect payload (PROTOCOL 3.4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

__all__ = [
    "SignedFields",
    "decode_base64",
    "decode_public_key",
    "device_id_of",
    "encode_base64url",
    "normalize",
    "payload_v2",
    "payload_v3",
    "sign",
    "verify",
]

_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
_ASCII_LOWER = str.maketrans({chr(c): chr(c + 32) for c in range(ord("A"), ord("Z") + 1)})


@dataclass(frozen=True, slots=True)
class SignedFields:
    """Everything a connect signature binds, as sent; `signed_at` in Unix milliseconds."""

    device_id: str
    client_id: str
    client_mode: str
    role: str
    scopes: tuple[str, ...]
    signed_at: int
    token: str
    nonce: str
    platform: str = ""
    device_family: str = ""


def normalize(text: str) -> str:
    """Strip surrounding whitespace and lower ASCII letters only, as v3 signs platform and family."""
    return text.strip().translate(_ASCII_LOWER)


def payload_v2(fields: SignedFields) -> bytes:
    """The older payload: platform and family are not bound."""
    return "|".join(_common("v2", fields)).encode()


def payload_v3(fields: SignedFields) -> bytes:
    """The current payload."""
    parts = [*_common("v3", fields), normalize(fields.platform), normalize(fields.device_family)]
    return "|".join(parts).encode()


def _common(version: str, fields: SignedFields) -> list[str]:
    return [
        version,
        fields.device_id,
        fields.client_id,
        fields.client_mode,
        fields.role,
        ",".join(fields.scopes),
        str(fields.signed_at),
        fields.token,
        fields.nonce,
    ]


def sign(seed: bytes, payload: bytes) -> str:
    """Sign with a 32-byte Ed25519 seed; unpadded base64url of the 64-byte signature."""
    return encode_base64url(SigningKey(seed).sign(payload).signature)


def verify(public_key: bytes, payload: bytes, signature: bytes) -> bool:
    """True when `signature` (64 bytes) over `payload` is the key's."""
    try:
        VerifyKey(public_key).verify(payload, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


def device_id_of(public_key: bytes) -> str:
    """Lower-case hex SHA-256 of the raw 32-byte public key."""
    return hashlib.sha256(public_key).hexdigest()


def decode_public_key(text: str) -> bytes | None:
    """Raw 32 bytes from base64url, base64 or SPKI PEM text; None when it is none of them."""
    if text.lstrip().startswith("-----BEGIN PUBLIC KEY-----"):
        body = "".join(line for line in text.split() if "-" not in line and line not in ("PUBLIC", "BEGIN"))
        raw = decode_base64(body)
        if raw is None or not raw.startswith(_SPKI_PREFIX):
            return None
        raw = raw[len(_SPKI_PREFIX) :]
    else:
        raw = decode_base64(text)
    return raw if raw is not None and len(raw) == 32 else None


def decode_base64(text: str) -> bytes | None:
    """Bytes from base64url or standard base64, padded or not; None when malformed."""
    compact = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def encode_base64url(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")

"""The proof of a device's identity at connect: every check in its order (PROTOCOL 3.4, 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nacl.bindings import crypto_core_ed25519_is_valid_point

from openclaw_core.auth import signing
from openclaw_core.errors import InvalidRequestError
from openclaw_core.protocol.connect import ConnectParams, DeviceProof
from openclaw_core.protocol.limits import SIGNATURE_SKEW_MS

__all__ = ["DeviceKey", "check_proof"]

Failure = Literal[
    "device-id-mismatch",
    "device-signature-stale",
    "device-nonce-missing",
    "device-nonce-mismatch",
    "device-signature",
    "device-public-key",
]

_REFUSALS: dict[Failure, tuple[str, str]] = {
    "device-id-mismatch": ("DEVICE_AUTH_DEVICE_ID_MISMATCH", "device identity mismatch"),
    "device-signature-stale": ("DEVICE_AUTH_SIGNATURE_EXPIRED", "device signature expired"),
    "device-nonce-missing": ("DEVICE_AUTH_NONCE_REQUIRED", "device nonce required"),
    "device-nonce-mismatch": ("DEVICE_AUTH_NONCE_MISMATCH", "device nonce mismatch"),
    "device-signature": ("DEVICE_AUTH_SIGNATURE_INVALID", "device signature invalid"),
    "device-public-key": ("DEVICE_AUTH_PUBLIC_KEY_INVALID", "device public key invalid"),
}


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A device that proved its key.

    Attributes:
        device_id: 64 lower-case hex characters.
        public_key: raw key as unpadded base64url, whatever form was sent.
        version: payload the signature verified with; `v2` binds neither platform nor family.
    """

    device_id: str
    public_key: str
    version: Literal["v2", "v3"]


def check_proof(
    params: ConnectParams, role: str, nonce: str, now_ms: int, *, allow_v2: bool = True
) -> DeviceKey:
    """Check `params.device` against the challenge `nonce` of this socket.

    Args:
        params: a connect with `device` set.
        role: the role as signed, `operator` when the client sent none.
        nonce: what this socket's challenge carried.
        now_ms: the gateway's clock, Unix ms; 120 s of skew are tolerated.
        allow_v2: False refuses signatures that do not bind platform and family.

    Raises:
        InvalidRequestError: first failing row of table 3.5, details `{code, reason}`.
        ValueError: `params.device` is missing; the caller decides that case (5.3).
    """
    device = params.device
    if device is None:
        raise ValueError("connect params hold no device to check; answer 5.3 before the proof")
    key = signing.decode_public_key(device.public_key)
    if key is None or signing.device_id_of(key) != device.id:
        raise _refusal("device-id-mismatch")
    if abs(now_ms - device.signed_at) > SIGNATURE_SKEW_MS:
        raise _refusal("device-signature-stale")
    if not device.nonce.strip():
        raise _refusal("device-nonce-missing")
    if device.nonce != nonce:
        raise _refusal("device-nonce-mismatch")
    version = _verified_version(params, device, role, key, allow_v2)
    if version is None:
        # A key off the curve or of small order can never verify: say that, not "bad signature".
        usable = crypto_core_ed25519_is_valid_point(key)
        raise _refusal("device-signature" if usable else "device-public-key")
    return DeviceKey(device.id, signing.encode_base64url(key), version)


def _verified_version(
    params: ConnectParams, device: DeviceProof, role: str, key: bytes, allow_v2: bool
) -> Literal["v2", "v3"] | None:
    signature = signing.decode_base64(device.signature)
    if signature is None or _has_ambiguous_field(params, role):
        return None
    fields = _signed_fields(params, device, role)
    if signing.verify(key, signing.payload_v3(fields), signature):
        return "v3"
    if allow_v2 and signing.verify(key, signing.payload_v2(fields), signature):
        return "v2"
    return None


def _has_ambiguous_field(params: ConnectParams, role: str) -> bool:
    """A separator inside a field lets one signature stand for two sets of fields (27, row 29)."""
    client = params.client
    scopes = params.scopes or ()
    fields = (client.id, client.mode, client.platform, client.device_family or "", role, *scopes)
    return any("|" in text for text in fields) or any("," in scope for scope in scopes)


def _signed_fields(params: ConnectParams, device: DeviceProof, role: str) -> signing.SignedFields:
    client, auth = params.client, params.auth
    token = (auth.token or auth.device_token or auth.bootstrap_token) if auth is not None else None
    return signing.SignedFields(
        device_id=device.id,
        client_id=client.id,
        client_mode=client.mode,
        role=role,
        scopes=tuple(params.scopes or ()),
        signed_at=device.signed_at,
        token=token or "",
        nonce=device.nonce,
        platform=client.platform,
        device_family=client.device_family or "",
    )


def _refusal(reason: Failure) -> InvalidRequestError:
    code, message = _REFUSALS[reason]
    return InvalidRequestError(message, {"code": code, "reason": reason})

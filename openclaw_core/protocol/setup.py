"""Setup codes: what they carry, and `device.pair.setupCode|setupStatus` (PROTOCOL 6.6)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from openclaw_core.errors import ConfigError
from openclaw_core.protocol.base import NonEmpty, Omittable, OpenWire, Timestamp, Wire

__all__ = [
    "DevicePairSetupCodeParams",
    "DevicePairSetupFact",
    "DevicePairSetupStatusParams",
    "SetupPayload",
    "decode_setup_code",
    "encode_setup_code",
]

_PREFIX = "oc-pair://"

Access = Literal["full", "limited", "node"]


def _only_true(value: bool) -> bool:
    if not value:
        raise ValueError("must be true; leave the field out instead")
    return value


# `Literal[True]` would take the number 1 for it.
OnlyTrue = Annotated[bool, AfterValidator(_only_true)]
SetupId = Annotated[str, Field(min_length=1, max_length=128)]


class DevicePairSetupCodeParams(Wire):
    """No `bootstrapProfile` means full access."""

    public_url: Omittable[NonEmpty] = None
    prefer_remote_url: Omittable[bool] = None
    include_qr: Omittable[bool] = None
    bootstrap_profile: Omittable[Literal["limited", "node"]] = None
    join_url: Omittable[OnlyTrue] = None


class DevicePairSetupStatusParams(Wire):
    setup_id: SetupId


class DevicePairSetupFact(Wire):
    """`device.pair.setup.completed` and `.deliveryUncertain`, and the parts of `setupStatus`."""

    setup_id: SetupId
    device_id: NonEmpty
    device_name: Omittable[NonEmpty] = None
    access: Access
    ts: Timestamp


class SetupPayload(OpenWire):
    """What a setup code says.

    Attributes:
        url: `ws://` or `wss://`.
        bootstrap_token: goes into `auth.bootstrapToken`.
        urls: all the ways to the gateway, best first, where there are several.
        tls_fingerprint: SHA-256 of the certificate at `url`, to pin.
    """

    url: NonEmpty
    bootstrap_token: NonEmpty
    expires_at_ms: Omittable[Timestamp] = None
    urls: Omittable[Annotated[list[NonEmpty], Field(min_length=1, max_length=8)]] = None
    tls_fingerprint: Omittable[NonEmpty] = None


def encode_setup_code(payload: SetupPayload) -> str:
    """The code: base64url, without padding, of the payload's JSON."""
    text = json.dumps(payload.to_wire(), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_setup_code(code: str) -> SetupPayload:
    """Read a code a person pasted; white space and the original's `oc-pair://` before it are forgiven.

    Raises:
        ConfigError: it is no setup code; the text does not repeat it, as it is a secret.
    """
    compact = "".join(code.split())
    if compact.lower().startswith(_PREFIX):
        compact = compact[len(_PREFIX) :]
    try:
        padded = compact + "=" * (-len(compact) % 4)
        read: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return SetupPayload.model_validate(read)
    except (binascii.Error, ValueError, ValidationError):
        raise ConfigError(
            f"this is no setup code ({len(compact)} characters): copy it whole; a new one comes from "
            "openclaw devices setup-code, on the gateway"
        ) from None

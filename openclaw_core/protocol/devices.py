"""`device.pair.*` and `device.token.*`: params, results, events (PROTOCOL 6, 7)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from openclaw_core.protocol.base import NonEmpty, Omittable, Timestamp, Wire
from openclaw_core.protocol.limits import MAX_NAME_CHARS

__all__ = [
    "DevicePairApproveParams",
    "DevicePairListParams",
    "DevicePairRemoveParams",
    "DevicePairRenameParams",
    "DevicePairRequestParams",
    "DevicePairRequested",
    "DevicePairResolved",
    "DeviceScopesRequestUpgradeParams",
    "DeviceScopesRequestUpgradeResult",
    "DeviceScopesWaitUpgradeParams",
    "DeviceScopesWaitUpgradeResult",
    "DeviceTokenRevokeParams",
    "DeviceTokenRotateParams",
    "DeviceTokenRotateResult",
]


class DevicePairListParams(Wire):
    """No fields."""


class DevicePairRequestParams(Wire):
    """Names a pending request: `device.pair.reject`."""

    request_id: NonEmpty


class DevicePairApproveParams(Wire):
    """`surface` is ours: approve what the waiting node declares in the same stroke."""

    request_id: NonEmpty
    surface: Omittable[bool] = None


class DevicePairRemoveParams(Wire):
    device_id: NonEmpty


class DevicePairRenameParams(Wire):
    device_id: NonEmpty
    label: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]


class DeviceTokenRotateParams(Wire):
    """`scopes` left out keeps the current set (7.1)."""

    device_id: NonEmpty
    role: NonEmpty
    scopes: Omittable[list[NonEmpty]] = None


class DeviceTokenRevokeParams(Wire):
    device_id: NonEmpty
    role: NonEmpty


class DeviceTokenRotateResult(Wire):
    """`token` is present only when `token_delivery` is `in-band` (7.1).

    Gateways older than `token_delivery` leave that field out and send what they like.
    """

    device_id: NonEmpty
    role: NonEmpty
    scopes: list[NonEmpty]
    rotated_at_ms: Timestamp
    token_delivery: Omittable[Literal["in-band", "withheld-cross-device"]] = None
    token: Omittable[NonEmpty] = None

    @model_validator(mode="after")
    def _token_as_delivered(self) -> Self:
        delivery = self.token_delivery
        if delivery == "in-band" and self.token is None:
            raise ValueError("tokenDelivery is in-band, but there is no token")
        if delivery == "withheld-cross-device" and self.token is not None:
            raise ValueError("tokenDelivery is withheld-cross-device, but there is a token")
        return self


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("each scope once")
    return names


_Scopes = Annotated[list[NonEmpty], Field(min_length=1, max_length=8), AfterValidator(_each_once)]


class DeviceScopesRequestUpgradeParams(Wire):
    """All the scopes a connected operator wants, those it has included (6.5)."""

    scopes: _Scopes


class DeviceScopesRequestUpgradeResult(Wire):
    request_id: NonEmpty


class DeviceScopesWaitUpgradeParams(Wire):
    request_id: NonEmpty


class DeviceScopesWaitUpgradeResult(Wire):
    """What came of it; `device_token` and `scopes` of an approved one, and of no other."""

    status: Literal["approved", "rejected", "expired"]
    request_id: NonEmpty
    device_token: Omittable[NonEmpty] = None
    scopes: Omittable[_Scopes] = None

    @model_validator(mode="after")
    def _token_as_decided(self) -> Self:
        given = [value is not None for value in (self.device_token, self.scopes)]
        if given != [self.status == "approved"] * 2:
            raise ValueError("deviceToken and scopes come with status approved, and with no other")
        return self


class DevicePairRequested(Wire):
    """A pending request, in the event and in `device.pair.list` alike (6.1)."""

    request_id: NonEmpty
    device_id: NonEmpty
    public_key: NonEmpty
    ts: Timestamp
    display_name: Omittable[NonEmpty] = None
    platform: Omittable[NonEmpty] = None
    device_family: Omittable[NonEmpty] = None
    client_id: Omittable[NonEmpty] = None
    client_mode: Omittable[NonEmpty] = None
    browser_origin: Omittable[NonEmpty] = None
    role: Omittable[NonEmpty] = None
    roles: Omittable[list[NonEmpty]] = None
    scopes: Omittable[list[NonEmpty]] = None
    remote_ip: Omittable[NonEmpty] = None
    silent: Omittable[bool] = None
    is_repair: Omittable[bool] = None


class DevicePairResolved(Wire):
    """Event: a pending request ended (6.7)."""

    request_id: NonEmpty
    device_id: NonEmpty
    decision: NonEmpty
    ts: Timestamp

"""When a connect needs approval, and who may give it (PROTOCOL 6, 7.1, 8.3, 8.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from openclaw_core.auth import scopes as rights
from openclaw_core.auth.platforms import labelled_platform
from openclaw_core.auth.signing import normalize
from openclaw_core.errors import InvalidRequestError, NotPairedError, RpcError
from openclaw_core.protocol.limits import CLOSE_REASON_BYTES

__all__ = [
    "Approved",
    "Approver",
    "Asked",
    "PairingReason",
    "check_device_approver",
    "check_surface_approver",
    "check_token_owner",
    "compare_metadata",
    "judge",
    "may_approve_silently",
    "may_manage_device",
    "pair_close_reason",
    "pairing_error",
    "request_covers",
    "token_denied",
]

PairingReason = Literal["not-paired", "role-upgrade", "scope-upgrade", "metadata-upgrade"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a proven device asks for at connect; platform and family as it sent them."""

    device_id: str
    role: str
    scopes: frozenset[str]
    platform: str
    device_family: str | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """What a person or a rule approved for a device.

    Attributes:
        roles, scopes: the approved baseline.
        platform, device_family: pinned at the first approval; None when nothing was.
        live_token_roles: roles whose token is not revoked.
    """

    roles: frozenset[str]
    scopes: frozenset[str]
    platform: str | None
    device_family: str | None
    live_token_roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Approver:
    """The operator that approves, rotates or revokes.

    Attributes:
        scopes: what its connection holds.
        device_id: its proven device, or None.
        by_device_token: it was let in by its device token, not by the shared secret.
    """

    scopes: frozenset[str]
    device_id: str | None = None
    by_device_token: bool = False

    @property
    def is_admin(self) -> bool:
        """Holds operator.admin."""
        return rights.ADMIN in self.scopes


def judge(asked: Asked, approved: Approved | None) -> PairingReason | None:
    """Why the connect must wait for an approval, or None when all it asks is approved (6.2)."""
    if approved is None:
        return "not-paired"
    # A revoked token takes the role back although the role stays listed (7.3).
    if asked.role not in approved.roles & approved.live_token_roles:
        return "role-upgrade"
    if not rights.covers(approved.scopes, asked.scopes):
        return "scope-upgrade"
    pinned = (approved.platform, approved.device_family)
    if compare_metadata(*pinned, asked.platform, asked.device_family) == "changed":
        return "metadata-upgrade"
    return None


_ALIASES = {"darwin": "macos", "win32": "windows"}
_USUAL_FAMILY = {"linux": "linux", "macos": "mac", "windows": "windows"}


def compare_metadata(
    pinned_platform: str | None, pinned_family: str | None, platform: str, family: str | None
) -> Literal["same", "refresh", "changed"]:
    """Compare what a device says of itself with what its approval pinned (6.2).

    Returns:
        `refresh` when only the OS version of a native app changed, or when something is
        said that was never pinned: store the new text. `changed` needs a new approval.
    """
    before, now = _platform_of(pinned_platform), _platform_of(platform)
    old_family = _family_of(pinned_family, before)
    new_family = _family_of(family, now)
    if old_family and old_family != new_family:
        return "changed"
    if not before:
        return "refresh" if now or new_family else "same"
    if before != now:
        return "refresh" if labelled_platform(before) == labelled_platform(now) is not None else "changed"
    return "refresh" if new_family and not old_family else "same"


def _platform_of(text: str | None) -> str:
    plain = normalize(text or "")
    return _ALIASES.get(plain, plain)


def _family_of(text: str | None, platform: str) -> str:
    return normalize(text or "") or _USUAL_FAMILY.get(platform, "")


def request_covers(
    pending_key: str,
    pending_roles: Iterable[str],
    pending_scopes: Iterable[str],
    asked: Asked,
    public_key: str,
) -> bool:
    """True when a waiting request already asks for all of this: it keeps its id (6.3)."""
    return (
        pending_key == public_key
        and asked.role in frozenset(pending_roles)
        and rights.covers(frozenset(pending_scopes), asked.scopes)
    )


def may_approve_silently(
    *,
    loopback: bool,
    shared_secret_ok: bool,
    browser_origin: bool,
    auto_local: bool,
    reason: PairingReason,
    role: str,
    native_app: bool = False,
    revoked: bool = False,
) -> bool:
    """True when a local client needs no person (6.4, row `silent`).

    Args:
        loopback: the peer is this host.
        shared_secret_ok: it presented the shared secret, or the gateway's mode is none.
        browser_origin: the upgrade carried an Origin header.
        auto_local: local auto-approval is switched on.
        native_app: one of the maker's own apps, by its word.
        revoked: a person took this role's token away; only a person gives it back.
    """
    if not (loopback and auto_local) or browser_origin or revoked:
        return False
    if reason == "metadata-upgrade":
        return shared_secret_ok or native_app
    if reason == "role-upgrade" and role != "operator":
        return False
    return shared_secret_ok


_TEXTS: dict[PairingReason, tuple[str, str]] = {
    "not-paired": (
        "device is not approved yet",
        "Approve this device from the pending pairing requests.",
    ),
    "role-upgrade": (
        "device is asking for a higher role than currently approved",
        "Review the requested role upgrade, then approve the pending request.",
    ),
    "scope-upgrade": (
        "device is asking for more scopes than currently approved",
        "Review the requested scopes, then approve the pending upgrade.",
    ),
    "metadata-upgrade": (
        "device identity changed and must be re-approved",
        "Review the refreshed device details, then approve the pending request.",
    ),
}


def pairing_error(
    reason: PairingReason,
    request_id: str,
    asked: Asked,
    approved: Approved | None,
    *,
    waiting: bool = True,
) -> NotPairedError:
    """The refusal of 6.2.

    Args:
        waiting: the request can still be approved: tell the client to retry by itself
            instead of going idle (chapter 27, row 10).
    """
    requirement, hint = _TEXTS[reason]
    details: dict[str, Any] = {
        "code": "PAIRING_REQUIRED",
        "reason": reason,
        "requestId": request_id,
        "remediationHint": hint,
        "deviceId": asked.device_id,
        "requestedRole": asked.role,
    }
    if asked.scopes:
        details["requestedScopes"] = sorted(asked.scopes)
    if approved is not None:
        details["approvedRoles"] = sorted(approved.roles)
        details["approvedScopes"] = sorted(approved.scopes)
    if waiting:
        details |= {"recommendedNextStep": "wait_then_retry", "retryable": True, "pauseReconnect": False}
    return NotPairedError(f"pairing required: {requirement}", details, retryable=True if waiting else None)


def pair_close_reason(error: RpcError | str, request_id: str) -> str:
    """`<message> (requestId: …)` in at most 123 bytes; the message gives way, not the id."""
    message = error.message if isinstance(error, RpcError) else error
    suffix = _cut(f" (requestId: {request_id})", CLOSE_REASON_BYTES)
    room = CLOSE_REASON_BYTES - len(suffix.encode())
    if len(message.encode()) > room:
        message = _cut(message, room - len("…".encode())) + "…" if room >= len("…".encode()) else ""
    return message + suffix


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def may_manage_device(approver: Approver, device_id: str) -> bool:
    """True when the caller may list, remove or rename this device (6.5).

    A device-token session without admin reaches its own device only.
    """
    return approver.is_admin or not approver.by_device_token or approver.device_id == device_id


def check_device_approver(
    approver: Approver, device_id: str, roles: Iterable[str], scopes: Iterable[str]
) -> None:
    """Refuse an approval that would give more than the caller has (6.5).

    Args:
        device_id, roles, scopes: of the pending request.

    Raises:
        InvalidRequestError: `device pairing approval denied` or `missing scope: …`; the
            details name the scope that would cure it (chapter 27, row 44).
    """
    if approver.is_admin:
        return
    foreign_role = any(role != "operator" for role in roles)
    if foreign_role or not may_manage_device(approver, device_id):
        raise _scope_refusal("device pairing approval denied", rights.ADMIN)
    missing = rights.first_missing(approver.scopes, sorted(scopes))
    if missing is not None:
        raise _scope_refusal(f"missing scope: {missing}", missing)


def check_token_owner(
    action: Literal["rotation", "revocation"],
    approver: Approver,
    device_id: str,
    role: str,
    approved: Approved | None,
    *,
    scopes: frozenset[str] | None = None,
) -> None:
    """Refuse to rotate or revoke a token that is not the caller's business (7.1, 7.2).

    Args:
        approved: of the device; None when it is unknown.
        scopes: what a rotation asks for explicitly.

    Raises:
        InvalidRequestError: always the same text, so that nobody can probe for devices; the
            reason is for the audit trail.
    """
    if not approver.is_admin and (role != "operator" or approver.device_id != device_id):
        raise token_denied(action, "foreign-token")
    if approved is None or role not in approved.roles:
        raise token_denied(action, "no-such-token")
    if scopes is None:
        return
    lets = approver.is_admin or rights.covers(approver.scopes, scopes)
    if not (lets and rights.covers(approved.scopes, scopes)):
        raise token_denied(action, "wider-scopes")


def token_denied(action: Literal["rotation", "revocation"], why: str) -> InvalidRequestError:
    """The one answer to every refused rotation or revocation; `why` is for the audit trail."""
    return InvalidRequestError(f"device token {action} denied", why=why)


def check_surface_approver(approver: Approver, node_id: str, required: Iterable[str]) -> None:
    """Refuse the approval of a node's surface (8.3, 8.4).

    Args:
        required: `requiredApproveScopes` of the request.

    Raises:
        ForbiddenError: a required scope is missing.
        InvalidRequestError: a device-token session without admin reaches for another node.
    """
    rights.require(approver.scopes, *required)
    if not may_manage_device(approver, node_id):
        raise _scope_refusal("node pairing approval denied", rights.ADMIN)


def _scope_refusal(message: str, missing: str) -> InvalidRequestError:
    # The published schema closes these details; a further field would break strict clients.
    details = {"code": "MISSING_SCOPE", "missingScope": missing, "requiredScopes": [missing]}
    return InvalidRequestError(message, details)

"""The gateway's shared secret, and every refusal of a credential (PROTOCOL 5)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from openclaw_core.auth.proxy_identity import ProxyIdentity
from openclaw_core.errors import InvalidRequestError
from openclaw_core.protocol.connect import ConnectAuth

__all__ = [
    "OTHER_CREDENTIAL",
    "AuthMode",
    "DeviceTokenOffer",
    "SharedSecret",
    "Verdict",
    "auth_failure",
    "device_token_offer",
    "evaluate",
    "may_lack_device",
    "offers_only_auth_token",
    "scopes_without_device",
]

AuthMode = Literal["token", "password", "none", "trusted-proxy"]

OTHER_CREDENTIAL = "other_credential"
"""Reason of `evaluate` when only a device or bootstrap token came: no failure by itself."""


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """What the gateway compares with; the secret itself is not kept.

    Attributes:
        mode: which field decides (5.1).
        secret_digest: digest of the secret, or None when none is configured.
    """

    mode: AuthMode
    secret_digest: bytes | None = None

    @classmethod
    def of(cls, mode: AuthMode, secret: str | None) -> SharedSecret:
        """Digest `secret`; an empty one counts as not configured."""
        return cls(mode, _digest(secret) if secret else None)

    def matches(self, presented: str) -> bool:
        """Constant-time comparison; False when no secret is configured."""
        digest = _digest(presented)
        return self.secret_digest is not None and hmac.compare_digest(digest, self.secret_digest)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of the shared-secret check.

    Attributes:
        ok: authorised by the shared secret, or none is needed.
        method: `auth.method` of hello-ok, None when not ok.
        reason: `authReason` of 5.4, or `OTHER_CREDENTIAL`; None when ok.
        wrong: a wrong secret was presented: this counts for the rate limit (17).
    """

    ok: bool
    method: str | None = None
    reason: str | None = None
    wrong: bool = False


def evaluate(
    secret: SharedSecret, auth: ConnectAuth | None, identity: ProxyIdentity | None = None
) -> Verdict:
    """Compare what the client presented with the shared secret (5.1, 5.2 step 1).

    Args:
        identity: what the proxy said, in the mode `trusted-proxy`, which takes nothing else.
    """
    mode = secret.mode
    if mode == "none":
        return Verdict(True, method="none")
    if mode == "trusted-proxy":
        if identity is not None and identity.user is not None:
            return Verdict(True, method=mode)
        other = auth is not None and (auth.device_token or auth.bootstrap_token)
        reason = identity.reason if identity is not None else "trusted_proxy_untrusted_source"
        return Verdict(False, reason=OTHER_CREDENTIAL if other else reason)
    if secret.secret_digest is None:
        return Verdict(False, reason=f"{mode}_missing_config")
    offered = auth or ConnectAuth()
    fields = (offered.token, offered.password)
    # The field named like the mode decides; the other one only stands in for it.
    first, second = fields if mode == "token" else fields[::-1]
    presented = first or second
    if not presented:
        other = offered.device_token or offered.bootstrap_token
        return Verdict(False, reason=OTHER_CREDENTIAL if other else f"{mode}_missing")
    if secret.matches(presented):
        return Verdict(True, method=mode)
    return Verdict(False, reason=f"{mode}_mismatch", wrong=True)


@dataclass(frozen=True, slots=True)
class DeviceTokenOffer:
    """A text to try as device token; `explicit` when it came in `auth.deviceToken`."""

    token: str
    explicit: bool


def device_token_offer(auth: ConnectAuth | None) -> DeviceTokenOffer | None:
    """The device-token candidate of 5.2 step 5: `deviceToken`, else `token`."""
    if auth is None:
        return None
    if auth.device_token:
        return DeviceTokenOffer(auth.device_token, explicit=True)
    return DeviceTokenOffer(auth.token, explicit=False) if auth.token else None


def offers_only_auth_token(auth: ConnectAuth | None) -> bool:
    """True when `auth.token` is the only credential given."""
    return (
        auth is not None
        and bool(auth.token)
        and not (auth.password or auth.device_token or auth.bootstrap_token)
    )


def scopes_without_device(
    client_id: str, client_mode: str, requested: frozenset[str], *, loopback: bool
) -> frozenset[str]:
    """Scopes of an operator with a valid shared secret and no device identity (5.3)."""
    local_cli = loopback and (client_id, client_mode) == ("cli", "cli")
    backend = (client_id, client_mode) == _BACKEND
    return requested if local_cli or backend else frozenset()


def may_lack_device(
    client_id: str, client_mode: str, *, method: str | None, loopback: bool, browser_origin: bool
) -> bool:
    """True when an operator whose credential is right needs no device identity (5.3).

    Without any authentication only programs of this host that act for the gateway itself: the
    original CLI approves and invokes that way.

    Args:
        method: the gateway's mode.
        browser_origin: the upgrade carried an Origin header.
    """
    local_backend = (client_id, client_mode) == _BACKEND and loopback and not browser_origin
    return method != "none" or local_backend


_BACKEND = ("gateway-client", "backend")


_CONFIGURE = "update_auth_configuration"
_CREDENTIALS = "update_auth_credentials"
_REVIEW = "review_auth_configuration"

_FAILURES: dict[str, tuple[str, str, str]] = {
    "token_missing": ("AUTH_TOKEN_MISSING", _CONFIGURE, "gateway token missing"),
    "token_mismatch": ("AUTH_TOKEN_MISMATCH", _CREDENTIALS, "gateway token mismatch"),
    "token_missing_config": (
        "AUTH_TOKEN_NOT_CONFIGURED",
        _CONFIGURE,
        "gateway token not configured on gateway (its gateway.auth.token is empty)",
    ),
    "password_missing": ("AUTH_PASSWORD_MISSING", _CONFIGURE, "gateway password missing"),
    "password_mismatch": ("AUTH_PASSWORD_MISMATCH", _CREDENTIALS, "gateway password mismatch"),
    "password_missing_config": (
        "AUTH_PASSWORD_NOT_CONFIGURED",
        _CONFIGURE,
        "gateway password not configured on gateway (its gateway.auth.password is empty)",
    ),
    "device_token_mismatch": (
        "AUTH_DEVICE_TOKEN_MISMATCH",
        _CREDENTIALS,
        "device token mismatch (rotate/reissue device token)",
    ),
    "scope_mismatch": (
        "AUTH_SCOPE_MISMATCH",
        _REVIEW,
        "device token scope mismatch (re-pair or approve scope upgrade)",
    ),
    "bootstrap_token_invalid": (
        "AUTH_BOOTSTRAP_TOKEN_INVALID",
        _REVIEW,
        "setup code invalid, expired, revoked, or already used (ask for a new one)",
    ),
    "rate_limited": (
        "AUTH_RATE_LIMITED",
        "wait_then_retry",
        "too many failed authentication attempts (retry later)",
    ),
    "trusted_proxy_user_missing": (
        "AUTH_IDENTITY_HEADER_REQUIRED",
        _REVIEW,
        "the proxy names no user (see gateway.auth.trustedProxy.userHeader)",
    ),
    "trusted_proxy_user_not_allowed": (
        "AUTH_UNAUTHORIZED",
        _REVIEW,
        "this user may not come (add the name to gateway.auth.trustedProxy.allowUsers)",
    ),
    "trusted_proxy_untrusted_source": (
        "AUTH_UNAUTHORIZED",
        _REVIEW,
        "this gateway takes the word of gateway.trustedProxies only (come through the proxy)",
    ),
    "trusted_proxy_loopback_source": (
        "AUTH_UNAUTHORIZED",
        _REVIEW,
        "a proxy on this host is not believed (set gateway.auth.trustedProxy.allowLoopback)",
    ),
    "tailscale_user_missing": (
        "AUTH_TAILSCALE_IDENTITY_MISSING",
        _REVIEW,
        "the request names no Tailscale user (come through Tailscale Serve)",
    ),
    "tailscale_proxy_missing": (
        "AUTH_TAILSCALE_PROXY_MISSING",
        _REVIEW,
        "the request did not pass Tailscale Serve (use its address)",
    ),
    "tailscale_whois_failed": (
        "AUTH_TAILSCALE_WHOIS_FAILED",
        _REVIEW,
        "the gateway could not ask tailscaled who this is (is it running?)",
    ),
    "tailscale_user_mismatch": (
        "AUTH_TAILSCALE_IDENTITY_MISMATCH",
        _REVIEW,
        "the Tailscale user named is not the one tailscaled knows at this address",
    ),
}

_HEADER_MISSING = "trusted_proxy_missing_header_"


def auth_failure(
    reason: str | None,
    *,
    client_id: str,
    role: str,
    device_proven: bool = False,
    only_auth_token: bool = False,
    retry_after_ms: int | None = None,
) -> InvalidRequestError:
    """The refusal of table 5.4 for one `authReason`.

    Args:
        reason: None when no credential was recognised at all.
        client_id, role: choose the hint in parentheses, nothing else.
        device_proven, only_auth_token: together allow one retry with a stored device token.
        retry_after_ms: for `rate_limited`.
    """
    code, next_step, text = _failure(reason)
    retry = reason == "token_mismatch" and device_proven and only_auth_token
    details = {
        "code": code,
        "authReason": reason,
        "canRetryWithDeviceToken": retry,
        "recommendedNextStep": "retry_with_device_token" if retry else next_step,
    }
    if reason is None:
        del details["authReason"]
    limited = reason == "rate_limited"
    return InvalidRequestError(
        _message(text, reason, client_id, role),
        details,
        retryable=True if limited else None,
        retry_after_ms=retry_after_ms if limited else None,
    )


def _failure(reason: str | None) -> tuple[str, str, str]:
    if reason is None:
        return "AUTH_REQUIRED", _REVIEW, ""
    if reason.startswith(_HEADER_MISSING):
        header = reason.removeprefix(_HEADER_MISSING)
        return "AUTH_IDENTITY_HEADER_REQUIRED", _REVIEW, f"the proxy sent no {header} header"
    return _FAILURES.get(reason, ("AUTH_UNAUTHORIZED", _REVIEW, ""))


def _message(text: str, reason: str | None, client_id: str, role: str) -> str:
    if not text:
        return "unauthorized"
    if reason is not None and reason.endswith(("_missing", "_mismatch")):
        secret = reason.partition("_")[0]
        if secret in ("token", "password"):
            text = f"{text} ({_hint(secret, client_id, role)})"
    return f"unauthorized: {text}"


def _hint(secret: str, client_id: str, role: str) -> str:
    if role == "node":
        return f"provide gateway auth {secret}"
    if client_id == "cli":
        return f"pass --{secret}, or set gateway.auth.{secret} as on the gateway"
    return f"the client must send the gateway's {secret}"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), person=b"openclaw-secret").digest()

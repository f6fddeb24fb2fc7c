"""Shared secret and table 5.4 (PROTOCOL 5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.credentials import (
    OTHER_CREDENTIAL,
    DeviceTokenOffer,
    SharedSecret,
    Verdict,
    auth_failure,
    device_token_offer,
    evaluate,
    may_lack_device,
    offers_only_auth_token,
    scopes_without_device,
)
from openclaw_core.protocol.connect import ConnectAuth
from openclaw_core.protocol.limits import CLOSE_REASON_BYTES

SECRET = "s3cret"
TOKEN = SharedSecret.of("token", SECRET)
PASSWORD = SharedSecret.of("password", SECRET)


def auth(**fields):
    return ConnectAuth.model_validate(fields)


@pytest.mark.parametrize(
    ("secret", "given_", "verdict"),
    [
        (TOKEN, auth(token=SECRET), Verdict(True, "token")),
        (TOKEN, auth(password=SECRET), Verdict(True, "token")),
        (TOKEN, auth(token="", password=SECRET), Verdict(True, "token")),
        (TOKEN, auth(token="no", password=SECRET), Verdict(False, None, "token_mismatch", True)),
        (TOKEN, auth(token="no"), Verdict(False, None, "token_mismatch", True)),
        (TOKEN, auth(password="no"), Verdict(False, None, "token_mismatch", True)),
        (TOKEN, auth(), Verdict(False, None, "token_missing")),
        (TOKEN, None, Verdict(False, None, "token_missing")),
        (TOKEN, auth(token=""), Verdict(False, None, "token_missing")),
        (TOKEN, auth(deviceToken="d"), Verdict(False, None, OTHER_CREDENTIAL)),
        (TOKEN, auth(bootstrapToken="b"), Verdict(False, None, OTHER_CREDENTIAL)),
        (TOKEN, auth(token="no", deviceToken="d"), Verdict(False, None, "token_mismatch", True)),
        (TOKEN, auth(token=SECRET, deviceToken="no"), Verdict(True, "token")),
        (PASSWORD, auth(password=SECRET), Verdict(True, "password")),
        (PASSWORD, auth(token=SECRET), Verdict(True, "password")),
        (PASSWORD, auth(token="no", password=SECRET), Verdict(True, "password")),
        (PASSWORD, auth(password="no"), Verdict(False, None, "password_mismatch", True)),
        (PASSWORD, None, Verdict(False, None, "password_missing")),
        (SharedSecret.of("token", None), auth(token=""), Verdict(False, None, "token_missing_config")),
        (
            SharedSecret.of("password", ""),
            auth(password="x"),
            Verdict(False, None, "password_missing_config"),
        ),
        (SharedSecret("none"), auth(token="bogus"), Verdict(True, "none")),
        (SharedSecret("none"), None, Verdict(True, "none")),
    ],
)
def test_evaluation(secret, given_, verdict):
    assert evaluate(secret, given_) == verdict


@given(st.text(min_size=1), st.text(), st.sampled_from(["token", "password"]))
def test_only_the_secret_is_accepted(secret, presented, mode):
    verdict = evaluate(SharedSecret.of(mode, secret), auth(**{mode: presented}))
    assert verdict.ok == (presented == secret)


def test_the_secret_itself_is_not_kept():
    assert SECRET not in repr(TOKEN)
    assert SECRET.encode() not in TOKEN.secret_digest


def test_candidates():
    assert device_token_offer(None) is None
    assert device_token_offer(auth(password="p")) is None
    assert device_token_offer(auth(token="t")) == DeviceTokenOffer("t", explicit=False)
    assert device_token_offer(auth(token="t", deviceToken="d")) == DeviceTokenOffer("d", explicit=True)
    assert offers_only_auth_token(auth(token="t"))
    for other in (None, auth(), auth(password="t"), auth(token="t", deviceToken="d")):
        assert not offers_only_auth_token(other)


CONFIGURE, CREDENTIALS = "update_auth_configuration", "update_auth_credentials"
REVIEW = "review_auth_configuration"
TABLE = [
    ("token_missing", "AUTH_TOKEN_MISSING", CONFIGURE, "unauthorized: gateway token missing ("),
    ("token_mismatch", "AUTH_TOKEN_MISMATCH", CREDENTIALS, "unauthorized: gateway token mismatch ("),
    (
        "token_missing_config",
        "AUTH_TOKEN_NOT_CONFIGURED",
        CONFIGURE,
        "unauthorized: gateway token not configured on gateway (",
    ),
    ("password_missing", "AUTH_PASSWORD_MISSING", CONFIGURE, "unauthorized: gateway password missing ("),
    ("password_mismatch", "AUTH_PASSWORD_MISMATCH", CREDENTIALS, "unauthorized: gateway password mismatch ("),
    (
        "password_missing_config",
        "AUTH_PASSWORD_NOT_CONFIGURED",
        CONFIGURE,
        "unauthorized: gateway password not",
    ),
    (
        "device_token_mismatch",
        "AUTH_DEVICE_TOKEN_MISMATCH",
        CREDENTIALS,
        "unauthorized: device token mismatch (rotate/reissue device token)",
    ),
    (
        "scope_mismatch",
        "AUTH_SCOPE_MISMATCH",
        REVIEW,
        "unauthorized: device token scope mismatch (re-pair or approve scope upgrade)",
    ),
    (
        "bootstrap_token_invalid",
        "AUTH_BOOTSTRAP_TOKEN_INVALID",
        REVIEW,
        "unauthorized: setup code invalid, expired, revoked, or already used (",
    ),
    (
        "rate_limited",
        "AUTH_RATE_LIMITED",
        "wait_then_retry",
        "unauthorized: too many failed authentication attempts (retry later)",
    ),
    ("tailscale_user_missing", "AUTH_TAILSCALE_IDENTITY_MISSING", REVIEW, "unauthorized: the "),
    ("tailscale_proxy_missing", "AUTH_TAILSCALE_PROXY_MISSING", REVIEW, "unauthorized: the "),
    ("tailscale_whois_failed", "AUTH_TAILSCALE_WHOIS_FAILED", REVIEW, "unauthorized: the "),
    ("tailscale_user_mismatch", "AUTH_TAILSCALE_IDENTITY_MISMATCH", REVIEW, "unauthorized: the "),
    (
        "trusted_proxy_missing_header_x-user",
        "AUTH_IDENTITY_HEADER_REQUIRED",
        REVIEW,
        "unauthorized: the proxy sent no x-user header",
    ),
    ("something_new", "AUTH_UNAUTHORIZED", REVIEW, "unauthorized"),
]


@pytest.mark.parametrize("client", [("cli", "operator"), ("node-host", "node"), ("webchat", "operator")])
@pytest.mark.parametrize(("reason", "code", "next_step", "beginning"), TABLE)
def test_failure_table(reason, code, next_step, beginning, client):
    client_id, role = client
    error = auth_failure(reason, client_id=client_id, role=role)
    assert error.code == "INVALID_REQUEST"
    assert error.message.startswith(beginning)
    assert len(error.message.encode()) <= CLOSE_REASON_BYTES, "the close reason would be cut"
    assert error.details == {
        "code": code,
        "authReason": reason,
        "canRetryWithDeviceToken": False,
        "recommendedNextStep": next_step,
    }
    assert error.retryable is (True if reason == "rate_limited" else None)


def test_no_credential_recognised():
    error = auth_failure(None, client_id="cli", role="operator")
    assert error.message == "unauthorized"
    assert error.details["code"] == "AUTH_REQUIRED"
    assert "authReason" not in error.details


def test_the_hint_fits_the_client():
    texts = {
        auth_failure("token_missing", client_id=client, role=role).message
        for client, role in (("cli", "operator"), ("node-host", "node"), ("webchat", "operator"))
    }
    assert len(texts) == 3
    assert "unauthorized: gateway token missing (provide gateway auth token)" in texts


def test_retry_after_belongs_to_the_rate_limit_only():
    limited = auth_failure("rate_limited", client_id="cli", role="operator", retry_after_ms=7)
    assert (limited.retryable, limited.retry_after_ms) == (True, 7)
    other = auth_failure("token_missing", client_id="cli", role="operator", retry_after_ms=7)
    assert (other.retryable, other.retry_after_ms) == (None, None)


@given(st.sampled_from([row[0] for row in TABLE]), st.booleans(), st.booleans())
def test_a_device_token_retry_is_offered_to_proven_devices_with_a_wrong_token_only(reason, proven, only):
    error = auth_failure(
        reason, client_id="node-host", role="node", device_proven=proven, only_auth_token=only
    )
    expected = reason == "token_mismatch" and proven and only
    assert error.details["canRetryWithDeviceToken"] is expected
    assert (error.details["recommendedNextStep"] == "retry_with_device_token") is expected


@given(st.text(max_size=8), st.text(max_size=8), st.booleans())
def test_an_unknown_client_without_device_gets_no_scopes(client_id, mode, loopback):
    asked = frozenset({"operator.admin"})
    known = (client_id, mode) in {("cli", "cli"), ("gateway-client", "backend")}
    assert known or not scopes_without_device(client_id, mode, asked, loopback=loopback)


def test_local_cli_and_backend_keep_their_scopes_without_device():
    asked = frozenset({"operator.read"})
    assert scopes_without_device("cli", "cli", asked, loopback=True) == asked
    assert scopes_without_device("cli", "cli", asked, loopback=False) == frozenset()
    assert scopes_without_device("gateway-client", "backend", asked, loopback=False) == asked
    assert scopes_without_device("cli", "backend", asked, loopback=True) == frozenset()


@pytest.mark.parametrize(
    ("client", "loopback", "origin", "allowed"),
    [
        (("gateway-client", "backend"), True, False, True),
        (("gateway-client", "backend"), False, False, False),
        (("gateway-client", "backend"), True, True, False),
        (("cli", "cli"), True, False, False),
        (("gateway-client", "cli"), True, False, False),
    ],
)
def test_without_authentication_only_a_local_backend_needs_no_device(client, loopback, origin, allowed):
    facts = {"loopback": loopback, "browser_origin": origin}
    assert may_lack_device(*client, method="none", **facts) is allowed
    assert may_lack_device(*client, method="token", **facts)

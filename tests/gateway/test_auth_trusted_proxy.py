"""A reverse proxy authenticates people: `gateway.auth.mode: trusted-proxy` (PROTOCOL 5.1, 5.4, 6.4)."""

from __future__ import annotations

import pytest

from openclaw_core.errors import ConfigError
from openclaw_core.testing import FakeDevice, node_params, operator_params

from .leftovers import assert_refused, auth_details

pytestmark = pytest.mark.anyio

READ, ADMIN = ["operator.read"], ["operator.admin"]
MODE = {
    "auth.mode": "trusted-proxy",
    "auth.token": None,
    "auth.trustedProxy": {
        "userHeader": "X-Forwarded-User",
        "requiredHeaders": ["X-Proxy-Verified"],
        "allowUsers": ["Ada@example.org"],
        "allowLoopback": True,
    },
    "trustedProxies": ["127.0.0.1"],
}
SENT = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Proxy-Verified": "yes",
    "X-Forwarded-User": "ada@example.org",
}


def without(*names, **changes):
    """What the proxy sends, but for some headers."""
    return {name: value for name, value in {**SENT, **changes}.items() if name not in names}


def mode(**changes):
    return {**MODE, "auth.trustedProxy": {**MODE["auth.trustedProxy"], **changes}}


async def refuse(gateway, headers, details_code, reason, begins, device=None):
    wire = await gateway.wire(additional_headers=headers)
    details = auth_details(details_code, reason, "review_auth_configuration")
    params = operator_params(READ, token=None)
    await assert_refused(gateway, params, device, wire=wire, details=details, begins=begins)


async def test_a_user_pairs_an_operators_device_and_comes_back_with_its_token(start):
    gateway, device = await start(MODE), FakeDevice()
    wire = await gateway.wire(additional_headers=SENT)
    hello = await wire.connect(operator_params(ADMIN, token=None), device)
    assert hello["payload"]["auth"]["scopes"] == ADMIN
    (row,) = (await wire.call("device.pair.list"))["paired"]
    assert (row["approvedVia"], row["remoteIp"]) == ("trusted-proxy", "203.0.113.9")
    (event,) = (await wire.call("audit.list", {"kinds": ["connect"], "outcome": "ok"}))["events"]
    assert event["details"] == {
        "role": "operator",
        "client": "cli",
        "via": "trusted-proxy",
        "user": "ada@example.org",
    }
    offer = {"deviceToken": hello["payload"]["auth"]["deviceToken"]}
    local = await gateway.wire()
    assert (await local.connect(operator_params(ADMIN, auth=offer), device))["ok"], "no proxy needed now"


@pytest.mark.parametrize(
    ("headers", "code", "reason", "begins"),
    [
        (
            without("X-Proxy-Verified"),
            "AUTH_IDENTITY_HEADER_REQUIRED",
            "trusted_proxy_missing_header_x-proxy-verified",
            "unauthorized: the proxy sent no x-proxy-verified header",
        ),
        (
            without("X-Forwarded-User"),
            "AUTH_IDENTITY_HEADER_REQUIRED",
            "trusted_proxy_user_missing",
            "unauthorized: the proxy names no user (",
        ),
        (
            {**SENT, "X-Forwarded-User": "  "},
            "AUTH_IDENTITY_HEADER_REQUIRED",
            "trusted_proxy_user_missing",
            "unauthorized: the proxy names no user (",
        ),
        (
            {**SENT, "X-Forwarded-User": "eve@example.org"},
            "AUTH_UNAUTHORIZED",
            "trusted_proxy_user_not_allowed",
            "unauthorized: this user may not come (",
        ),
        (
            without("X-Forwarded-For"),
            "AUTH_UNAUTHORIZED",
            "trusted_proxy_untrusted_source",
            "unauthorized: this gateway takes the word of gateway.trustedProxies only (",
        ),
    ],
)
@pytest.mark.parametrize("with_device", [False, True])
async def test_identity_that_is_not_proven(start, headers, code, reason, begins, with_device):
    gateway = await start(MODE)
    await refuse(gateway, headers, code, reason, begins, FakeDevice() if with_device else None)


async def test_a_proxy_on_this_host_is_believed_only_when_told_so(start):
    gateway = await start(mode(allowLoopback=False))
    begins = "unauthorized: a proxy on this host is not believed ("
    await refuse(gateway, SENT, "AUTH_UNAUTHORIZED", "trusted_proxy_loopback_source", begins)


@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ({}, node_params(token=None)),
        ({"allowUsers": []}, operator_params(READ, token=None)),
    ],
)
async def test_who_still_waits_for_a_person(start, changes, params):
    """Nodes always; operators where the configuration names no users."""
    gateway, device = await start(mode(**changes)), FakeDevice()
    wire = await gateway.wire(additional_headers=SENT)
    error = (await wire.connect(params, device))["error"]
    assert error["details"]["reason"] == "not-paired"


async def test_wider_scopes_of_a_named_user_wait(start):
    gateway, device = await start(MODE), FakeDevice()
    wire = await gateway.wire(additional_headers=SENT)
    assert (await wire.connect(operator_params(READ, token=None), device))["ok"]
    again = await gateway.wire(additional_headers=SENT)
    error = (await again.connect(operator_params(ADMIN, token=None), device))["error"]
    assert error["details"]["reason"] == "scope-upgrade"


@pytest.mark.parametrize("left_out", ["trustedProxies", "auth.trustedProxy"])
async def test_without_proxy_or_header_it_does_not_start(start, left_out):
    with pytest.raises(ConfigError, match=r"set gateway\.trustedProxies"):
        await start({key: value for key, value in MODE.items() if key != left_out})

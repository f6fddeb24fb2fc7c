"""Every refusal of a credential over real sockets: PROTOCOL 5.1 to 5.4."""

from __future__ import annotations

import pytest

from openclaw_core.errors import ConfigError
from openclaw_core.testing import TOKEN, FakeDevice, node_params, operator_params

from .leftovers import assert_refused, auth_details

pytestmark = pytest.mark.anyio

COUNTED = {"auth.rateLimit.exemptLoopback": False, "auth.rateLimit.maxAttempts": 1000}
PASSWORD = {**COUNTED, "auth.mode": "password", "auth.password": "open sesame"}


TOKEN_MISSING = auth_details("AUTH_TOKEN_MISSING", "token_missing", "update_auth_configuration")
TOKEN_MISMATCH = auth_details("AUTH_TOKEN_MISMATCH", "token_mismatch", "update_auth_credentials")
TOKEN_RETRY = auth_details("AUTH_TOKEN_MISMATCH", "token_mismatch", "retry_with_device_token", retry=True)
PASSWORD_MISSING = auth_details("AUTH_PASSWORD_MISSING", "password_missing", "update_auth_configuration")
PASSWORD_MISMATCH = auth_details("AUTH_PASSWORD_MISMATCH", "password_mismatch", "update_auth_credentials")
DEVICE_TOKEN = auth_details("AUTH_DEVICE_TOKEN_MISMATCH", "device_token_mismatch", "update_auth_credentials")
BOOTSTRAP = auth_details(
    "AUTH_BOOTSTRAP_TOKEN_INVALID", "bootstrap_token_invalid", "review_auth_configuration"
)

MISSING = "unauthorized: gateway token missing ("
WRONG = "unauthorized: gateway token mismatch ("
NO_PASSWORD = "unauthorized: gateway password missing ("
WRONG_PASSWORD = "unauthorized: gateway password mismatch ("
WRONG_DEVICE_TOKEN = "unauthorized: device token mismatch (rotate/reissue device token)"
USED_CODE = "unauthorized: setup code invalid, expired, revoked, or already used ("


# A node without device identity is refused for that (5.3): see below.
@pytest.mark.parametrize(
    ("make", "with_device"), [(operator_params, False), (operator_params, True), (node_params, True)]
)
@pytest.mark.parametrize(
    ("mode", "auth", "details", "begins"),
    [
        (COUNTED, None, TOKEN_MISSING, MISSING),
        (COUNTED, {}, TOKEN_MISSING, MISSING),
        (COUNTED, {"token": ""}, TOKEN_MISSING, MISSING),
        (COUNTED, {"token": "wrong", "password": "x"}, TOKEN_MISMATCH, WRONG),
        (COUNTED, {"password": "wrong"}, TOKEN_MISMATCH, WRONG),
        (PASSWORD, None, PASSWORD_MISSING, NO_PASSWORD),
        (PASSWORD, {"password": "wrong"}, PASSWORD_MISMATCH, WRONG_PASSWORD),
        (PASSWORD, {"token": "wrong"}, PASSWORD_MISMATCH, WRONG_PASSWORD),
    ],
)
async def test_shared_secret(start, mode, auth, details, begins, make, with_device):
    gateway = await start(mode)
    params = {**make(), "auth": auth}
    if auth is None:
        del params["auth"]
    await assert_refused(
        gateway, params, FakeDevice() if with_device else None, details=details, begins=begins
    )


async def test_a_proven_device_that_gave_only_a_wrong_token_may_retry_with_its_own(start):
    gateway = await start(COUNTED)
    await assert_refused(gateway, node_params(token="wrong"), FakeDevice(), details=TOKEN_RETRY, begins=WRONG)
    await assert_refused(gateway, operator_params(token="wrong"), details=TOKEN_MISMATCH, begins=WRONG)


@pytest.mark.parametrize(
    ("auth", "details", "begins"),
    [
        ({"deviceToken": "A" * 43}, DEVICE_TOKEN, WRONG_DEVICE_TOKEN),
        ({"deviceToken": "A" * 43, "token": "wrong"}, DEVICE_TOKEN, WRONG_DEVICE_TOKEN),
        ({"bootstrapToken": "never-issued"}, BOOTSTRAP, USED_CODE),
        ({"bootstrapToken": "never-issued", "deviceToken": "A" * 43}, BOOTSTRAP, USED_CODE),
    ],
)
async def test_other_credentials(start, auth, details, begins):
    gateway = await start(COUNTED)
    await assert_refused(gateway, node_params(auth=auth), FakeDevice(), details=details, begins=begins)


async def test_a_gateway_without_its_token_lets_nobody_in(start):
    # `openclaw gateway run` mints a token first; a program that embeds the server may not.
    gateway = await start({**COUNTED, "auth.token": None})
    await assert_refused(
        gateway,
        operator_params(),
        details=auth_details(
            "AUTH_TOKEN_NOT_CONFIGURED", "token_missing_config", "update_auth_configuration"
        ),
        begins="unauthorized: gateway token not configured on gateway (",
    )


async def test_password_mode_without_a_password_does_not_start(start):
    # So AUTH_PASSWORD_NOT_CONFIGURED cannot be met on the wire.
    with pytest.raises(ConfigError, match="no password is set: pass --password"):
        await start({"auth.mode": "password"})


@pytest.mark.parametrize(
    ("mode", "params"),
    [
        ({}, node_params()),
        ({}, node_params(token="wrong")),
        ({}, node_params(token=None)),
        ({}, operator_params(auth={"deviceToken": "A" * 43})),
        ({}, operator_params(auth={"bootstrapToken": "b"})),
        ({"auth.mode": "none"}, operator_params()),
        ({"auth.mode": "none"}, node_params()),
    ],
)
async def test_device_identity_required(start, mode, params):
    gateway = await start({**COUNTED, **mode})
    await assert_refused(
        gateway,
        params,
        code="NOT_PAIRED",
        details={"code": "DEVICE_IDENTITY_REQUIRED"},
        begins="device identity required",
    )


async def test_a_local_backend_needs_no_device_where_there_is_no_authentication(start):
    gateway = await start({"auth.mode": "none"})
    client = {"id": "gateway-client", "mode": "backend"}
    hello = await (await gateway.wire()).connect(operator_params(token=None, client=client))
    assert hello["payload"]["auth"]["scopes"], hello


@pytest.mark.parametrize(
    ("mode", "auth"),
    [
        ({}, {"token": TOKEN}),
        ({}, {"password": TOKEN}),
        ({}, {"token": TOKEN, "deviceToken": "wrong", "password": "wrong"}),
        (PASSWORD, {"password": "open sesame"}),
        (PASSWORD, {"token": "open sesame"}),
        (PASSWORD, {"token": "wrong", "password": "open sesame"}),
        ({"auth.mode": "none"}, {"token": "bogus"}),
        ({"auth.mode": "none"}, {"deviceToken": "bogus"}),
        ({"auth.mode": "none"}, None),
    ],
)
async def test_what_lets_in(start, mode, auth):
    gateway = await start(mode)
    for make in (operator_params, node_params):
        params = {**make(token=None), **({"auth": auth} if auth else {})}
        wire = await gateway.wire()
        hello = await wire.connect(params, FakeDevice())
        assert hello["ok"], hello
        assert hello["payload"]["auth"]["role"] == params["role"]


@pytest.mark.parametrize(
    ("make", "client", "hint"),
    [
        (operator_params, "cli", "pass --token, or set gateway.auth.token"),
        (node_params, "node-host", "provide gateway auth token"),
        (operator_params, "openclaw-tui", "the client must send the gateway's token"),
    ],
)
async def test_the_hint_fits_the_client(start, make, client, hint):
    gateway = await start(COUNTED)
    params = make(token=None, client={"id": client})
    await assert_refused(gateway, params, FakeDevice(), details=TOKEN_MISSING, begins=f"{MISSING}{hint}")

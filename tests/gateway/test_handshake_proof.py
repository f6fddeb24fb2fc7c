"""The proof of a device's identity over real sockets: PROTOCOL 3.3 to 3.5."""

from __future__ import annotations

import base64

import pytest

from openclaw_core.auth import signing
from openclaw_core.testing import FakeClock, FakeDevice, node_params

from .leftovers import assert_refused

pytestmark = pytest.mark.anyio

DEVICE = FakeDevice(bytes(range(1, 33)))
OTHER = FakeDevice(bytes(range(33, 65)))
# The identity point: 32 bytes that decode, hash to an id, and can never sign.
UNUSABLE = bytes((1, *[0] * 31))


def proof(wire, params=None, **changes):
    """Connect params whose proof is right except for the changes."""
    params = params or node_params()
    signed_at = changes.pop("signed_at", wire.challenged_at)
    nonce = changes.pop("signed_nonce", wire.nonce)
    device = DEVICE.prove(params, nonce, signed_at, version=changes.pop("version", "v3"))
    return {**params, "device": {**device, "nonce": wire.nonce, **changes}}


def signed_then(**changes):
    """Sign one thing and send another."""
    return lambda wire: {**proof(wire), **changes}


REFUSALS = [
    ("DEVICE_ID_MISMATCH", "device-id-mismatch", "device identity mismatch", {"id": "0" * 64}),
    ("DEVICE_ID_MISMATCH", "device-id-mismatch", "device identity mismatch", {"id": OTHER.device_id}),
    ("DEVICE_ID_MISMATCH", "device-id-mismatch", "device identity mismatch", {"publicKey": OTHER.public_key}),
    ("DEVICE_ID_MISMATCH", "device-id-mismatch", "device identity mismatch", {"publicKey": "not a key"}),
    ("SIGNATURE_EXPIRED", "device-signature-stale", "device signature expired", {"signedAt": 0}),
    ("NONCE_REQUIRED", "device-nonce-missing", "device nonce required", {"nonce": " \t"}),
    ("NONCE_REQUIRED", "device-nonce-missing", "device nonce required", {"nonce": ""}),
    ("NONCE_MISMATCH", "device-nonce-mismatch", "device nonce mismatch", {"nonce": "another"}),
    ("SIGNATURE_INVALID", "device-signature", "device signature invalid", {"signature": "A" * 86}),
    ("SIGNATURE_INVALID", "device-signature", "device signature invalid", {"signature": "?"}),
    ("SIGNATURE_INVALID", "device-signature", "device signature invalid", {"signed_nonce": "x"}),
    (
        "PUBLIC_KEY_INVALID",
        "device-public-key",
        "device public key invalid",
        {"id": signing.device_id_of(UNUSABLE), "publicKey": signing.encode_base64url(UNUSABLE)},
    ),
]


@pytest.mark.parametrize(("code", "reason", "message", "changes"), REFUSALS)
async def test_refusals(start, code, reason, message, changes):
    gateway = await start()
    await assert_refused(
        gateway,
        lambda wire: proof(wire, **dict(changes)),
        details={"code": f"DEVICE_AUTH_{code}", "reason": reason},
        begins=message,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "operator"},
        {"scopes": ["operator.admin"]},
        {"auth": {"token": "another"}},
        {"client": {**node_params()["client"], "id": "cli"}},
        {"client": {**node_params()["client"], "mode": "probe"}},
        {"client": {**node_params()["client"], "platform": "windows"}},
        {"client": {**node_params()["client"], "deviceFamily": "Windows"}},
    ],
)
async def test_every_signed_field_is_bound(start, changes):
    gateway = await start()
    await assert_refused(
        gateway,
        signed_then(**changes),
        details={"code": "DEVICE_AUTH_SIGNATURE_INVALID", "reason": "device-signature"},
        begins="device signature invalid",
    )


@pytest.mark.parametrize(("skew", "accepted"), [(-120_000, 1), (120_000, 1), (-120_001, 0), (120_001, 0)])
async def test_two_minutes_of_skew(start, skew, accepted):
    gateway = await start(now_ms=FakeClock())
    wire = await gateway.wire()
    response = await wire.connect(proof(wire, signed_at=wire.challenged_at + skew))
    assert response["ok"] == bool(accepted)
    if not accepted:
        assert response["error"]["details"]["code"] == "DEVICE_AUTH_SIGNATURE_EXPIRED"


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_both_payload_versions(start, version):
    gateway = await start()
    wire = await gateway.wire()
    assert (await wire.connect(proof(wire, version=version)))["ok"]


async def test_v2_binds_neither_platform_nor_family(start):
    gateway = await start()
    wire = await gateway.wire()
    params = proof(wire, version="v2")
    params["client"] = {**params["client"], "platform": "windows", "deviceFamily": "Windows"}
    assert (await wire.connect(params))["ok"]


async def test_keys_in_other_forms(start):
    gateway = await start()
    raw = base64.urlsafe_b64decode(DEVICE.public_key + "=")
    spki = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + raw).decode()
    pem = f"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n"
    for form in (base64.b64encode(raw).decode(), pem):
        wire = await gateway.wire()
        assert (await wire.connect(proof(wire, publicKey=form)))["ok"], form


# Order of checks (3.3)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"minProtocol": 9, "maxProtocol": 9, "role": "king"}, "PROTOCOL_MISMATCH"),
        ({"role": "king", "auth": {"token": "wrong"}}, None),
        ({"auth": {"token": "wrong"}}, "DEVICE_AUTH_SIGNATURE_INVALID"),
    ],
)
async def test_earlier_checks_win(start, changes, code):
    gateway = await start()
    wire = await gateway.wire()
    params = proof(wire, signature="A" * 86)
    error = (await wire.connect({**params, **changes}))["error"]
    if code is None:
        assert error["message"] == "invalid role"
        assert (await wire.closed()) == (1008, "invalid role")
    else:
        assert error["details"]["code"] == code


async def test_a_bad_token_is_reported_before_the_pairing_it_would_need(start):
    gateway = await start({"nodes.pairing.autoApproveLocal": False})
    wire = await gateway.wire()
    error = (await wire.connect(node_params(token="wrong"), DEVICE))["error"]
    assert error["details"]["code"] == "AUTH_TOKEN_MISMATCH"
    operator = await gateway.operator()
    assert (await operator.call("device.pair.list"))["pending"] == []


async def test_the_checks_of_a_proof_have_their_order(start):
    gateway = await start()
    broken = {"id": "0" * 64, "signedAt": 0, "nonce": " ", "signature": "A" * 86}
    for field, good, code in [
        ("id", DEVICE.device_id, "ID_MISMATCH"),
        ("signedAt", None, "SIGNATURE_EXPIRED"),
        ("nonce", None, "NONCE_REQUIRED"),
    ]:
        wire = await gateway.wire()
        error = (await wire.connect(proof(wire, **broken)))["error"]
        assert error["details"]["code"].endswith(code)
        if good is None:
            del broken[field]
        else:
            broken[field] = good

"""What somebody who recorded a connect, or made one up of recorded parts, can do with it (PROTOCOL 3.4)."""

from __future__ import annotations

import hashlib

import orjson
import pytest
from nacl.signing import SigningKey

from openclaw_core.auth.signing import encode_base64url
from openclaw_core.testing import FakeClock, FakeDevice, node_params, operator_params
from tests.gateway.leftovers import assert_refused

from .evidence import assert_in_trail, error_of

pytestmark = pytest.mark.anyio

OTHER_NONCE = {"code": "DEVICE_AUTH_NONCE_MISMATCH", "reason": "device-nonce-mismatch"}
BAD_SIGNATURE = {"code": "DEVICE_AUTH_SIGNATURE_INVALID", "reason": "device-signature"}
STALE = {"code": "DEVICE_AUTH_SIGNATURE_EXPIRED", "reason": "device-signature-stale"}


async def recorded(gateway, device, params=None):
    """A connect that got in, as the bytes that a listener on the line would have."""
    wire = await gateway.wire()
    params = params or node_params(["demo.echo"])
    params = {**params, "device": device.prove(params, wire.nonce, wire.challenged_at)}
    frame = orjson.dumps({"type": "req", "id": "1", "method": "connect", "params": params})
    await wire.send(frame.decode())
    assert (await wire.receive())["ok"]
    return frame


async def test_replay_of_a_captured_connect_frame(start):
    gateway, device = await start(), FakeDevice()
    frame = await recorded(gateway, device)
    attacker = await gateway.wire()
    await attacker.send(frame.decode())
    answer = await attacker.receive()
    assert error_of(answer) == ("INVALID_REQUEST", "device nonce mismatch", OTHER_NONCE)
    assert await attacker.closed() == (1008, "device nonce mismatch")
    await assert_in_trail(
        gateway,
        "connect",
        OTHER_NONCE["code"],
        actor="client:node-host",
        subject=device.device_id,
        reason=OTHER_NONCE["reason"],
    )


async def test_reused_nonce_on_another_socket(start):
    """The captured proof under a nonce that fits: then it is the signature that does not."""
    gateway, device = await start(), FakeDevice()
    captured = orjson.loads(await recorded(gateway, device))["params"]

    def with_fresh_nonce(wire):
        return {**captured, "device": {**captured["device"], "nonce": wire.nonce}}

    await assert_refused(gateway, with_fresh_nonce, details=BAD_SIGNATURE, begins="device signature invalid")


async def test_two_sockets_race_with_one_proof(start):
    gateway, device = await start(), FakeDevice()
    first, second = await gateway.wire(), await gateway.wire()
    params = node_params()
    params = {**params, "device": device.prove(params, first.nonce, first.challenged_at)}
    stolen = await second.connect(params)
    assert (await first.connect(params))["ok"]
    assert error_of(stolen)[2] == OTHER_NONCE


async def test_proof_kept_for_later(start):
    """A socket held open until the signature is too old, in the hope that its nonce still counts."""
    clock = FakeClock()
    gateway, device = await start(now_ms=clock), FakeDevice()
    wire = await gateway.wire()
    params = node_params()
    params = {**params, "device": device.prove(params, wire.nonce, wire.challenged_at)}
    clock.advance(120_001)
    await assert_refused(gateway, params, wire=wire, details=STALE, begins="device signature expired")


async def test_signature_field_border_moved(start):
    """`|` joins the signed fields unescaped (27, row 29): scopes must not become part of a role."""
    gateway, key = await start(), SigningKey.generate()
    public = bytes(key.verify_key)
    device_id = hashlib.sha256(public).hexdigest()

    def forged(wire):
        params = operator_params(["operator.read|operator.admin"])
        client, ts = params["client"], str(wire.challenged_at)
        fields = ["v3", device_id, client["id"], client["mode"], "operator"]
        fields += ["operator.read|operator.admin", ts, params["auth"]["token"], wire.nonce, "linux", ""]
        device = {
            "id": device_id,
            "publicKey": encode_base64url(public),
            "signature": encode_base64url(key.sign("|".join(fields).encode()).signature),
            "signedAt": wire.challenged_at,
            "nonce": wire.nonce,
        }
        return {**params, "device": device}

    await assert_refused(gateway, forged, details=BAD_SIGNATURE, begins="device signature invalid")


async def test_device_id_of_somebody_else_with_ones_own_key(start):
    gateway, victim, attacker = await start(), FakeDevice(), FakeDevice()
    await gateway.node(["demo.echo"], device=victim)

    def impostor(wire):
        params = node_params(["demo.echo"])
        own = attacker.prove(params, wire.nonce, wire.challenged_at)
        return {**params, "device": {**own, "id": victim.device_id}}

    details = {"code": "DEVICE_AUTH_DEVICE_ID_MISMATCH", "reason": "device-id-mismatch"}
    await assert_refused(gateway, impostor, details=details, begins="device identity mismatch")

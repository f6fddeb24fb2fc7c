"""Device proof: every row of PROTOCOL 3.5, in its order."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from openclaw_core.auth import signing
from openclaw_core.auth.proof import DeviceKey, check_proof
from openclaw_core.errors import InvalidRequestError
from openclaw_core.protocol.connect import ConnectParams

SEED = bytes(range(1, 33))
KEY = bytes(SigningKey(SEED).verify_key)
DEVICE = signing.device_id_of(KEY)
NONCE = "0f6d2c9e-5b1a-4c3d-8e7f-9a0b1c2d3e4f"
NOW = 1_795_399_108_101

TABLE = {
    "device-id-mismatch": ("DEVICE_AUTH_DEVICE_ID_MISMATCH", "device identity mismatch"),
    "device-signature-stale": ("DEVICE_AUTH_SIGNATURE_EXPIRED", "device signature expired"),
    "device-nonce-missing": ("DEVICE_AUTH_NONCE_REQUIRED", "device nonce required"),
    "device-nonce-mismatch": ("DEVICE_AUTH_NONCE_MISMATCH", "device nonce mismatch"),
    "device-signature": ("DEVICE_AUTH_SIGNATURE_INVALID", "device signature invalid"),
    "device-public-key": ("DEVICE_AUTH_PUBLIC_KEY_INVALID", "device public key invalid"),
}
ORDER = list(TABLE)
FAULTS = {
    "device-id-mismatch": {"id": "ab" * 32},
    "device-signature-stale": {"signedAt": NOW - 120_001},
    "device-nonce-missing": {"nonce": " "},
    "device-nonce-mismatch": {"nonce": "another"},
    "device-signature": {"signature": signing.encode_base64url(bytes(64))},
}


def connect(payload=signing.payload_v3, signed_at=NOW, seed=SEED, **changes):
    """Wire params of a node's connect, correctly signed after `changes` of its fields."""
    given_ = {"id": "node-host", "mode": "node", "platform": "linux", "family": "Linux", "scopes": []}
    given_ |= {"token": "secret", "role": "node"} | changes
    fields = signing.SignedFields(
        DEVICE,
        given_["id"],
        given_["mode"],
        given_["role"],
        tuple(given_["scopes"]),
        signed_at,
        given_["token"],
        NONCE,
        given_["platform"],
        given_["family"],
    )
    device = {
        "id": DEVICE,
        "publicKey": signing.encode_base64url(KEY),
        "signature": signing.sign(seed, payload(fields)),
        "signedAt": signed_at,
        "nonce": NONCE,
    }
    client = {"id": given_["id"], "mode": given_["mode"], "version": "1", "platform": given_["platform"]}
    if given_["family"]:
        client["deviceFamily"] = given_["family"]
    auth = {"token": given_["token"]} if given_["token"] else {"password": "never signed"}
    return {
        "minProtocol": 4,
        "maxProtocol": 4,
        "client": client,
        "role": given_["role"],
        "scopes": given_["scopes"],
        "auth": auth,
        "device": device,
    }


def check(wire, role="node", **options):
    return check_proof(ConnectParams.model_validate(wire), role, NONCE, NOW, **options)


def refused(wire, **options):
    with pytest.raises(InvalidRequestError) as caught:
        check(wire, **options)
    error = caught.value.to_wire()
    reason = error["details"]["reason"]
    code, message = TABLE[reason]
    assert error == {
        "code": "INVALID_REQUEST",
        "message": message,
        "details": {"code": code, "reason": reason},
    }
    return reason


def test_a_good_proof_gives_the_key_and_what_it_was_signed_with():
    assert check(connect()) == DeviceKey(DEVICE, signing.encode_base64url(KEY), "v3")
    assert check(connect(signing.payload_v2)).version == "v2"
    assert check(connect(token="", family="")).version == "v3"


def test_v2_can_be_switched_off():
    assert refused(connect(signing.payload_v2), allow_v2=False) == "device-signature"
    assert check(connect(), allow_v2=False).version == "v3"


def test_v3_binds_platform_and_family_and_v2_does_not():
    for field in ("platform", "deviceFamily"):
        wire = connect()
        wire["client"][field] = "macos"
        assert refused(wire) == "device-signature"
        wire = connect(signing.payload_v2)
        wire["client"][field] = "macos"
        assert check(wire).version == "v2"


@pytest.mark.parametrize("faults", [ORDER[start:5] for start in range(5)])
def test_of_many_faults_the_first_row_is_reported(faults):
    wire = connect()
    for reason in reversed(faults):
        wire["device"] |= FAULTS[reason]
    assert refused(wire) == faults[0]


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_alone(reason):
    wire = connect()
    wire["device"] |= FAULTS[reason]
    assert refused(wire) == reason


@pytest.mark.parametrize("offset", [-120_000, 120_000])
def test_the_skew_is_inclusive_on_both_sides(offset):
    assert check(connect(signed_at=NOW + offset)).version == "v3"
    beyond = offset + (1 if offset > 0 else -1)
    assert refused(connect(signed_at=NOW + beyond)) == "device-signature-stale"


@pytest.mark.parametrize("text", ["!!", "AAAA", signing.encode_base64url(bytes(33))])
def test_a_key_that_cannot_be_read_is_an_identity_mismatch(text):
    wire = connect()
    wire["device"]["publicKey"] = text
    assert refused(wire) == "device-id-mismatch"


@pytest.mark.parametrize("raw", [bytes(32), bytes([1]) + bytes(31), b"\xff" * 32])
def test_a_key_of_small_order_or_off_the_curve_is_named(raw):
    # The identity element with S=0 satisfies the bare verification equation for any message.
    wire = connect()
    wire["device"] |= {
        "id": signing.device_id_of(raw),
        "publicKey": signing.encode_base64url(raw),
        "signature": signing.encode_base64url(bytes([1]) + bytes(63)),
    }
    assert refused(wire) == "device-public-key"


FIELDS = st.sampled_from(["id", "mode", "platform", "family"])


@given(FIELDS, st.text("ab", max_size=2), st.text("ab", max_size=2))
def test_a_separator_inside_a_field_is_refused_although_well_signed(field, before, after):
    assert refused(connect(**{field: f"{before}|{after}"})) == "device-signature"


def test_a_separator_inside_a_scope_is_refused_and_inside_the_token_is_not():
    assert refused(connect(scopes=["operator.read|x"])) == "device-signature"
    assert refused(connect(scopes=["operator.read,operator.admin"])) == "device-signature"
    assert check(connect(token="to|ken")).version == "v3"


@given(st.data())
def test_changing_any_signed_field_breaks_the_proof(data):
    wire = connect(scopes=["operator.read"])
    place, name = data.draw(
        st.sampled_from([("client", "id"), ("client", "mode"), ("client", "platform"), ("auth", "token")])
    )
    changed = copy.deepcopy(wire)
    changed[place][name] = data.draw(st.text("xyz", min_size=1, max_size=4))
    assert refused(changed) == "device-signature"
    changed = copy.deepcopy(wire)
    changed["scopes"] = data.draw(st.lists(st.sampled_from(["operator.write", "operator.admin"]), max_size=2))
    assert refused(changed) == "device-signature"


def test_the_role_is_bound():
    with pytest.raises(InvalidRequestError):
        check(connect(role="operator"), role="node")


@given(st.text(max_size=100))
def test_any_signature_text_is_answered(signature):
    wire = connect()
    wire["device"]["signature"] = signature or "x"
    assert refused(wire) == "device-signature"


def test_params_without_device_are_a_fault_of_the_caller():
    wire = connect()
    del wire["device"]
    with pytest.raises(ValueError, match=r"answer 5\.3"):
        check(wire)

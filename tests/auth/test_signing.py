"""The three vectors of PROTOCOL 3.6, and the forms a key may come in."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from openclaw_core.auth import signing
from openclaw_core.auth.signing import SignedFields

SEED = bytes(range(1, 33))
PUBLIC = bytes(SigningKey(SEED).verify_key)
DEVICE = "65b60673d6ed884bf01c2c222d82ada0740f29ac3355d6a925c81f17f47a27b8"
NONCE = "0f6d2c9e-5b1a-4c3d-8e7f-9a0b1c2d3e4f"
AT = 1737264000000

VECTORS = [
    (
        signing.payload_v2,
        SignedFields(
            DEVICE, "cli", "cli", "operator", ("operator.read", "operator.write"), AT, "example-token", NONCE
        ),
        f"v2|{DEVICE}|cli|cli|operator|operator.read,operator.write|{AT}|example-token|{NONCE}",
        "4lL4sPQs16XW2795pDWcY3ZONwOn37lYkwx7SfW_eRLdhv_lmBPkL5E9qlh1gb1mxid96quoKNNifiasjZP8Dg",
    ),
    (
        signing.payload_v3,
        SignedFields(DEVICE, "node-host", "node", "node", (), AT, "", NONCE, " Linux ", "LINUX"),
        f"v3|{DEVICE}|node-host|node|node||{AT}||{NONCE}|linux|linux",
        "tqSFRlWPTPKQLZIuneDSfzVi-bJCOACeYYOJyX85xLoytVw4lU-x7wZA1WAJAgkIzh1kCvDkKS5fGmbzsfgyBw",
    ),
    (
        signing.payload_v3,
        SignedFields(
            DEVICE, "openclaw-ios", "node", "node", (), AT, "tok|with|pipes", NONCE, "iOS 18.4.0", "iPhone"
        ),
        f"v3|{DEVICE}|openclaw-ios|node|node||{AT}|tok|with|pipes|{NONCE}|ios 18.4.0|iphone",
        "Ye9EZXyffHkLwRhyl7wQi2dxY62h-8erl657fpynaAHyJwCaXiju2XwqVqPafMLqsKjeKJSnEcESHyPkNQPJAw",
    ),
]


@pytest.mark.parametrize(("build", "fields", "payload", "signature"), VECTORS)
def test_published_vector(build, fields, payload, signature):
    assert build(fields) == payload.encode()
    assert signing.sign(SEED, build(fields)) == signature
    assert signing.verify(PUBLIC, payload.encode(), signing.decode_base64(signature))
    assert not signing.verify(PUBLIC, payload.encode() + b" ", signing.decode_base64(signature))


def test_device_id_is_the_hash_of_the_raw_key():
    assert signing.encode_base64url(PUBLIC) == "ebVWLo_mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ"
    assert signing.device_id_of(PUBLIC) == DEVICE


def test_public_key_forms():
    pem = base64.encodebytes(bytes.fromhex("302a300506032b6570032100") + PUBLIC).decode()
    for text in (
        signing.encode_base64url(PUBLIC),
        base64.b64encode(PUBLIC).decode(),
        f"-----BEGIN PUBLIC KEY-----\n{pem}-----END PUBLIC KEY-----\n",
    ):
        assert signing.decode_public_key(text) == PUBLIC


@given(st.text())
def test_any_text_is_a_key_or_none(text):
    key = signing.decode_public_key(text)
    assert key is None or len(key) == 32


@given(st.text())
def test_normalize_is_idempotent_and_ascii_only(text):
    once = signing.normalize(text)
    assert signing.normalize(once) == once
    kept = [c for c in text.strip() if not c.isascii()]
    assert [c for c in once if not c.isascii()] == kept

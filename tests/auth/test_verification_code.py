"""The code people compare: a pure reading of the device id."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.testing import FakeDevice

DEVICE_ID = st.binary(min_size=32, max_size=32).map(bytes.hex)
WORD = "[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]"


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        # Proquints as published: 127.0.0.1, 63.84.220.193, 140.98.193.141.
        ("7f000001" + "0000", "lusab-babad-babab"),
        ("3f54dcc1" + "ffff", "gutih-tugad-zuzuz"),
        ("8c62c18d" + "0001", "mudof-sakat-babad"),
    ],
)
def test_known_words(digits, code):
    assert verification_code(digits + "0" * 52) == code


@given(DEVICE_ID)
def test_every_device_has_one(device_id):
    code = verification_code(device_id)
    assert code is not None
    assert re.fullmatch(f"{WORD}-{WORD}-{WORD}", code)
    assert code == verification_code(device_id)


@given(DEVICE_ID, DEVICE_ID)
def test_equal_codes_mean_equal_first_48_bits(one, other):
    same = one[:12] == other[:12]
    assert (verification_code(one) == verification_code(other)) == same


@given(DEVICE_ID, st.integers(0, 47))
def test_every_bit_counts(device_id, bit):
    flipped = f"{int(device_id, 16) ^ 1 << (255 - bit):064x}"
    assert verification_code(flipped) != verification_code(device_id)


@pytest.mark.parametrize("text", ["", "kitchen", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 64 + "\n"])
def test_what_is_no_key_has_none(text):
    assert verification_code(text) is None


def test_two_devices_differ():
    assert verification_code(FakeDevice().device_id) != verification_code(FakeDevice().device_id)

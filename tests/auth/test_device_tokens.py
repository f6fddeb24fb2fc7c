"""Derived device tokens (PROTOCOL 7)."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openclaw_core.auth.device_tokens import derive_token, token_matches

KEY = bytes(range(32))
FIELD = st.text("ab|,\0", max_size=4)
IDENTITY = st.tuples(FIELD, FIELD, st.integers(0, 300))


@given(IDENTITY, IDENTITY)
def test_two_identities_never_share_a_token(first, second):
    assume(first != second)
    assert derive_token(KEY, *first) != derive_token(KEY, *second)


@given(st.text(max_size=6), st.integers(0, 6), st.integers(0, 6))
def test_moving_the_border_between_the_fields_changes_the_token(text, here, there):
    one, two = ((text[:at], text[at:]) for at in (here, there))
    assume(one != two)
    assert derive_token(KEY, *one, 0) != derive_token(KEY, *two, 0)


@given(IDENTITY, st.binary(min_size=32, max_size=32))
def test_form_and_key(identity, key):
    token = derive_token(key, *identity)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert token == derive_token(key, *identity)
    assert (key == KEY) == (token == derive_token(KEY, *identity))


@given(st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_a_generation_is_matched_and_grace_reaches_one_back(issued, current, grace):
    token = derive_token(KEY, "device", "node", issued)
    expected = issued == current or (grace and issued == current - 1)
    assert token_matches(token, KEY, "device", "node", current, grace=grace) is expected


@given(st.text(max_size=50))
def test_no_text_from_a_stranger_matches(presented):
    assert not token_matches(presented, KEY, "device", "node", 1, grace=True)


def test_another_role_or_device_does_not_match():
    token = derive_token(KEY, "device", "node", 1)
    assert not token_matches(token, KEY, "device", "operator", 1, grace=True)
    assert not token_matches(token, KEY, "devicf", "node", 1, grace=True)


@pytest.mark.parametrize(
    ("key", "generation", "text"), [(b"short", 0, "5 bytes; 32"), (KEY, -1, "generation -1 is negative")]
)
def test_misuse_is_named(key, generation, text):
    with pytest.raises(ValueError, match=text):
        derive_token(key, "device", "node", generation)
